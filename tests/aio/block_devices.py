"""Loop devices: block devices that are files, where the machine allows them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def may_make_loop_devices() -> bool:
    return os.name == "posix" and os.geteuid() == 0 and os.path.exists("/dev/loop-control") and bool(shutil.which("losetup"))


@contextmanager
def loop_device(backing: Path, size: int) -> Iterator[str]:
    """The path of a device of `size` bytes (a multiple of 512); it goes when the block ends."""
    backing.write_bytes(bytes(size))
    made = subprocess.run(["losetup", "--find", "--show", str(backing)], capture_output=True, text=True, check=True)
    device = made.stdout.strip()
    try:
        yield device
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)
