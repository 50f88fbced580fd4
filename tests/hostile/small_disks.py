"""Disks that can be filled and given room again, under a real broker.

Mounted: a tmpfs of a few MiB at the data directory, where everything is short of room, metadata included. Limited, where
nobody may mount: no file of the broker may grow past a size (RLIMIT_FSIZE, EFBIG), which stops the large partition
and nothing else. Both are filled while the broker runs; what a test may expect of the rest says `is_whole`.
"""

from __future__ import annotations

import os
import resource
import shutil
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


class FailingDisk:
    """An ext4 whose device fails for good when more is written to it than its backing memory holds."""

    def __init__(self, backing: Path, path: Path) -> None:
        self.path = path
        self._backing = backing
        self._device = ""

    def make(self) -> None:
        image = self._backing / "image"
        run("truncate", "-s", "64M", str(image))
        run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=1,nodiscard", str(image))
        self._device = run("losetup", "-f", "--show", str(image))
        run("mount", self._device, str(self.path))

    def mend(self) -> None:
        """Give the device room, and have the file system looked through, as an operator does."""
        run("umount", str(self.path))
        run("mount", "-o", "remount,size=100m", str(self._backing))
        subprocess.run(["e2fsck", "-fy", self._device], check=False, capture_output=True)
        run("mount", self._device, str(self.path))

    def unmake(self) -> None:
        subprocess.run(["umount", str(self.path)], check=False, capture_output=True)
        if self._device:
            run("losetup", "-d", self._device)


@contextmanager
def failing(directory: Path) -> Iterator[FailingDisk]:
    """Raises CalledProcessError or OSError where this user, or this kernel, has no loop devices."""
    backing, path = directory / "backing", directory / "data"
    path.mkdir()
    with mounted(backing, 24 * MIB):
        disk = FailingDisk(backing, path)
        try:
            disk.make()
            yield disk
        finally:
            disk.unmake()


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def may_fail() -> bool:
    """Without trying: workers that start at the same moment must all come to the same answer."""
    programs = ("losetup", "mkfs.ext4", "e2fsck")
    return "mounted" in KINDS and os.access("/dev/loop-control", os.W_OK) and all(map(shutil.which, programs))
