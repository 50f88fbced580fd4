"""What only real files show: limits of the system, file systems without RWF_NOWAIT, descriptors given back."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from odradek.aio import WOULD_BLOCK
from odradek.aio.thread_storage import ThreadStorage

FILL = """
import asyncio, resource, signal, sys
from odradek.aio.thread_storage import ThreadStorage
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))

async def fill():
    storage = ThreadStorage()
    file = await storage.open(sys.argv[1], create=True)
    file.write_now(b"a" * 900, 0)
    for parts in (b"b" * 200, [b"b" * 50, b"b" * 150]):
        try:
            file.write_now(parts, 900)
        except OSError as error:
            print(error.errno, file.size)
    try:
        await file.write(900, b"b" * 200)
    except OSError as error:
        print(error.errno, file.size)
    file.write_now(b"c" * 100, 900)
    await storage.close()

asyncio.run(fill())
"""


def test_a_write_that_the_system_takes_only_in_part_is_cut_back_whole(tmp_path: Path):
    path = tmp_path / "a"
    told = subprocess.run([sys.executable, "-c", FILL, str(path)], capture_output=True, text=True, check=True)
    assert told.stdout.split("\n")[:3] == [f"{errno.EFBIG} 900"] * 3
    assert path.read_bytes() == b"a" * 900 + b"c" * 100


def test_no_descriptor_is_left_open(tmp_path: Path):
    async def story() -> None:
        storage = ThreadStorage()
        for number in range(20):
            await storage.open(str(tmp_path / str(number)), create=True)
        async for _ in storage.list_directory(str(tmp_path)):
            break
        with pytest.raises(IsADirectoryError):
            await storage.open(str(tmp_path), read_only=True)
        openings = [asyncio.create_task(storage.open(str(tmp_path / "0"))) for _ in range(20)]
        await asyncio.sleep(0)
        for opening in openings:
            opening.cancel()
        await asyncio.gather(*openings, return_exceptions=True)
        await storage.close()

    asyncio.run(story())
    ours = {path.stat().st_ino for path in [tmp_path, *tmp_path.iterdir()]}
    assert not ours & inodes_open()


def inodes_open() -> set[int]:
    found = set()
    for fd in range(256):
        try:
            found.add(os.fstat(fd).st_ino)
        except OSError:
            continue
    return found


def test_reads_work_where_rwf_nowait_does_not(tmp_path: Path):
    """/dev/shm is a tmpfs, which refuses RWF_NOWAIT (kernel 6.18); elsewhere this only shows that reading works."""

    async def story(directory: str) -> None:
        storage = ThreadStorage()
        file = await storage.open(f"{directory}/a", create=True)
        file.write_now(b"0123456789", 0)
        for _ in range(2):
            data = file.read_now(2, 5)
            assert data is WOULD_BLOCK or bytes(data) == b"23456"
        assert bytes(await file.read(2, 5)) == b"23456"
        await storage.close()

    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else tmp_path) as directory:
        asyncio.run(story(directory))


def test_a_failed_atomic_replacement_leaves_the_old_content_and_no_temporary_file(tmp_path: Path):
    async def story() -> None:
        storage = ThreadStorage()
        (tmp_path / "a").mkdir()  # a directory can't be replaced by a file: the rename fails
        with pytest.raises(IsADirectoryError):
            await storage.write_atomically(str(tmp_path / "a"), b"x")
        await storage.close()

    asyncio.run(story())
    assert os.listdir(tmp_path) == ["a"]
