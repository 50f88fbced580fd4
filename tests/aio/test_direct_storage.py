"""Which engine is chosen, what is fallen back from and with which words, on the machine's own limits and refusals."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.aio.block_devices import loop_device, may_make_loop_devices

from odradek.aio.direct_storage import DirectStorage
from odradek.base.clock import SystemClock

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux's refusals")


def in_storage(story, **options):
    async def whole():
        storage = DirectStorage(SystemClock(), **options)
        try:
            return await asyncio.wait_for(story(storage), 60)
        finally:
            await storage.close()

    return asyncio.run(whole())


async def round_trip(storage, path):
    file = await storage.open(path, create=True)
    await file.write(10, b"odradek")
    assert bytes(await file.read(0, 100)) == bytes(10) + b"odradek"


def test_more_depth_than_the_machine_has_is_one_line_with_the_numbers(tmp_path, caplog):
    limit = int(Path("/proc/sys/fs/aio-max-nr").read_text())

    async def story(storage):
        assert storage.engine == "threads"
        await round_trip(storage, str(tmp_path / "data"))

    with caplog.at_level(logging.WARNING):
        in_storage(story, depth=limit + 1)
    (line,) = caplog.messages
    assert f"fs.aio-max-nr is {limit}, " in line and "are needed" in line and "sysctl -w fs.aio-max-nr" in line


FORBIDDEN = """
import asyncio, ctypes, logging, struct, sys
from odradek.aio.direct_storage import DirectStorage
from odradek.base.clock import SystemClock

logging.basicConfig(stream=sys.stdout, format="%(message)s")
libc = ctypes.CDLL(None, use_errno=True)
io_setup = {"x86_64": 206}.get(__import__("platform").machine(), 0)
statements = [
    struct.pack("HBBI", 0x20, 0, 0, 0),  # the system call's number
    struct.pack("HBBI", 0x15, 0, 1, io_setup),
    struct.pack("HBBI", 0x06, 0, 0, 0x00050000 | 1),  # EPERM
    struct.pack("HBBI", 0x06, 0, 0, 0x7FFF0000),  # allowed
]
code = ctypes.create_string_buffer(b"".join(statements))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(statements), ctypes.addressof(code)))
assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
assert libc.prctl(22, 2, program, 0, 0) == 0  # PR_SET_SECCOMP

async def main():
    storage = DirectStorage(SystemClock())
    file = await storage.open(sys.argv[1], create=True)
    await file.write(0, b"odradek")
    print(storage.engine, bytes(await file.read(0, 7)))
    await storage.close()

asyncio.run(main())
"""


def test_a_container_that_forbids_io_setup_gets_threads(tmp_path):
    """The filter is a real one (seccomp(2)), of a process of its own."""
    command = [sys.executable, "-c", FORBIDDEN, str(tmp_path / "data")]
    out = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    reason, outcome = out.stdout.splitlines()
    assert reason == "no native asynchronous file I/O, threads carry it: io_setup: Operation not permitted"
    assert outcome == "threads b'odradek'"


def test_a_file_system_without_direct_io_is_said_once(caplog):
    async def story(storage):
        assert storage.engine == "linux_aio"
        for path in ("/proc/version", "/proc/uptime"):
            file = await storage.open(path, read_only=True)
            assert await file.read(0, 10) == b"" and (await file.stat()).st_size == 0

    with caplog.at_level(logging.WARNING):
        in_storage(story)
    assert caplog.messages == [
        "/proc/version: its file system has no direct I/O (O_DIRECT): files there go through the page cache"
    ]


def test_open_as_posix_has_it(tmp_path):
    async def story(storage):
        path = str(tmp_path / "data")
        with pytest.raises(FileNotFoundError):
            await storage.open(path)
        await round_trip(storage, path)
        with pytest.raises(FileExistsError):
            await storage.open(path, create=True, exclusive=True)
        reader = await storage.open(path, read_only=True)
        with pytest.raises(OSError, match="while writing 1 bytes at 0"):
            await reader.write(0, b"x")
        assert reader.size == 17
        assert (await storage.open(path, truncate=True)).size == 0
        with pytest.raises(IsADirectoryError):
            await storage.open(str(tmp_path))
        with pytest.raises(OSError, match="neither a regular file nor a block device"):
            await storage.open("/dev/zero")
        assert storage.statistics().open_files == 3

    in_storage(story)


def test_no_descriptor_is_left(tmp_path):
    before = os.listdir("/proc/self/fd")

    async def story(storage):
        await round_trip(storage, str(tmp_path / "data"))
        await asyncio.gather(*(storage.open(str(tmp_path / "none")) for _ in range(3)), return_exceptions=True)
        opening = asyncio.create_task(storage.open(str(tmp_path / "data")))
        await asyncio.sleep(0)
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)

    in_storage(story)
    assert os.listdir("/proc/self/fd") == before


@pytest.mark.skipif(not may_make_loop_devices(), reason="making a loop device needs root, and a kernel that has them")
def test_a_block_device_is_a_file_of_fixed_size(tmp_path):
    async def story(storage, device):
        file = await storage.open(device)
        assert (file.size, file.block) == (1_000_448, 512)
        await file.write(1_000_440, b"the end!")
        assert bytes(await file.read(1_000_440, 100)) == b"the end!" and file.size == 1_000_448
        with pytest.raises(OSError, match="at 1000448"):
            await file.write(1_000_448, b"beyond")
        await file.discard(0, 8192)
        await file.flush()
        with pytest.raises(OSError):
            await file.truncate(0)

    with loop_device(tmp_path / "backing", 1_000_448) as device:
        in_storage(lambda storage: story(storage, device))
    assert (tmp_path / "backing").read_bytes()[-8:] == b"the end!"
