"""Disks that can be filled and given room again, under a real broker.

Mounted: a tmpfs of a few MiB at the data directory, where everything is short of room, metadata included. Limited, where
nobody may mount: no file of the broker may grow past a size (RLIMIT_FSIZE, EFBIG), which stops the large partition
and nothing else. Both are filled while the broker runs; what a test may expect of the rest says `is_whole`.
"""

from __future__ import annotations

import os
import resource
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from broker_under_test import MIB, BrokerUnderTest

SIZE = 48 * MIB
FILE_SIZE_MAX = 700_000


class MountedDisk:
    """The whole file system is short of room."""

    is_whole = True

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filler = path / "filler"

    def fill(self, broker: BrokerUnderTest | None, leave: int = 0) -> None:
        """Leave about this many bytes."""
        free = os.statvfs(self.path).f_bavail * os.statvfs(self.path).f_frsize
        try:
            with self._filler.open("ab", buffering=0) as filler:
                for _ in range(max(free - leave, 0) // 4096 + (0 if leave else 100)):
                    filler.write(bytes(4096))
        except OSError:
            pass  # as full as it gets

    def give_room(self, broker: BrokerUnderTest | None) -> None:
        self._filler.unlink(missing_ok=True)


class LimitedDisk:
    """No file may grow past a size."""

    is_whole = False

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self, broker: BrokerUnderTest | None, leave: int = 0) -> None:
        self._limit(broker, FILE_SIZE_MAX)

    def give_room(self, broker: BrokerUnderTest | None) -> None:
        self._limit(broker, resource.RLIM_INFINITY)

    def _limit(self, broker: BrokerUnderTest | None, size: int) -> None:
        if broker is not None:
            resource.prlimit(broker.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


@contextmanager
def mounted(path: Path, size: int = SIZE) -> Iterator[MountedDisk]:
    """A tmpfs at `path`. Raises CalledProcessError where this user may not mount one."""
    path.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)], check=True, capture_output=True)
    try:
        yield MountedDisk(path)
    finally:
        subprocess.run(["umount", str(path)], check=True)


@contextmanager
def limited(path: Path) -> Iterator[LimitedDisk]:
    path.mkdir(exist_ok=True)
    yield LimitedDisk(path)


def may_mount() -> bool:
    try:
        with tempfile.TemporaryDirectory() as directory, mounted(Path(directory), MIB):
            return True
    except (subprocess.CalledProcessError, OSError):
        return False


KINDS = {"limited": limited} | ({"mounted": mounted} if may_mount() else {})
