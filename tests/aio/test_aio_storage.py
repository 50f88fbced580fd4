"""What the kernel carries by itself: flushes, and large reads of what is not cached; and how it falls back."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import sys

import pytest

from odradek.aio import WOULD_BLOCK, FlushFailedError
from odradek.aio.aio_file import DIRECT_MIN
from odradek.aio.aio_storage import AioStorage
from odradek.aio.aligned import SIZE_MAX
from odradek.base.clock import SystemClock
from odradek.base.prng import seeded

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux's own")

SIZE = 3 * SIZE_MAX + 12_345


def on_storage(story, **options):
    async def whole():
        storage = AioStorage(SystemClock(), **options)
        try:
            return await asyncio.wait_for(story(storage), 60)
        finally:
            await storage.close()

    return asyncio.run(whole())


async def cold_file(storage, path, data):
    """A file with `data` on the disk, and nothing of it in the page cache."""
    file = await storage.open(path, create=True)
    await file.write(0, data)
    await file.flush()
    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return file


def knows_nowait(path):
    """Whether this file system reads what is cached without waiting; overlay, of containers, does not."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.preadv(fd, [bytearray(1)], 0, os.RWF_NOWAIT)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def requests(storage):
    """(of the kernel's queue, of these carried by threads)"""
    view = storage.machinery().engine.statistics()
    return view.requests, view.on_threads


def test_a_cold_read_leaves_the_page_cache_alone(tmp_path):
    async def story(storage):
        data = seeded(1).randbytes(SIZE)
        file = await cold_file(storage, str(tmp_path / "log"), data)
        before = requests(storage)
        assert await file.read(777, 2 * SIZE_MAX) == data[777 : 777 + 2 * SIZE_MAX]
        assert await file.read(5000, 10 * SIZE_MAX) == data[5000:]
        asked, on_threads = (now - then for now, then in zip(requests(storage), before, strict=True))
        assert (asked, on_threads) == (3 + 4, 0 if knows_nowait(file.path) else 3 + 4)
        assert file.read_now(5000, SIZE_MAX) is WOULD_BLOCK, "and the kernel begins to read ahead what that asked for"
        served = {one.name: one.served for one in storage.machinery().queue.statistics().classes}
        assert served["consume"] == 7 and sum(served.values()) == 7

    on_storage(story)


def test_where_a_cold_read_ended_nothing_is_fetched_twice(tmp_path):
    async def story(storage):
        data = seeded(8).randbytes(SIZE)
        file = await cold_file(storage, str(tmp_path / "log"), data)
        kernel_tells = storage.is_cached(file.fileno(), 0, 1) is not None  # Linux 6.5
        position = 0
        while position < SIZE:
            if position and kernel_tells:
                assert file.read_now(position, SIZE_MAX) is WOULD_BLOCK
            part = await file.read(position, SIZE_MAX)
            assert part == data[position : position + SIZE_MAX]
            position += len(part)
        assert not storage.is_cached(file.fileno(), SIZE_MAX, SIZE - SIZE_MAX)
        file.write_now(data[:SIZE_MAX], SIZE_MAX)
        await file.read(0, SIZE_MAX)
        from_the_cache = data[:SIZE_MAX] if knows_nowait(file.path) else WOULD_BLOCK
        assert file.read_now(SIZE_MAX, SIZE_MAX) == from_the_cache

    on_storage(story)


def test_small_and_dirty_bytes_are_read_by_threads(tmp_path):
    async def story(storage):
        data = seeded(2).randbytes(SIZE)
        file = await cold_file(storage, str(tmp_path / "log"), data)
        before = requests(storage)
        assert await file.read(100, DIRECT_MIN - 1) == data[100 : 100 + DIRECT_MIN - 1]
        assert requests(storage) == before
        file.write_now(data, 0)
        assert await file.read(0, SIZE_MAX) == data[:SIZE_MAX]
        assert requests(storage)[1] > before[1]

    on_storage(story)


def test_reads_end_at_the_end(tmp_path):
    async def story(storage):
        data = seeded(3).randbytes(DIRECT_MIN + 5)
        file = await cold_file(storage, str(tmp_path / "log"), data)
        assert await file.read(0, SIZE_MAX) == data
        assert await file.read(len(data), SIZE_MAX) == b"" == await file.read(len(data) + 1, SIZE_MAX)
        os.truncate(file.path, DIRECT_MIN)
        assert await file.read(0, SIZE_MAX) == data[:DIRECT_MIN]

    on_storage(story)


def test_a_renamed_and_a_removed_file_are_read_all_the_same(tmp_path):
    async def story(storage):
        data = seeded(4).randbytes(SIZE_MAX)
        file = await cold_file(storage, str(tmp_path / "log"), data)
        on_threads = not knows_nowait(file.path)
        await storage.rename(file.path, file.path + ".deleted")
        assert await file.read(0, SIZE_MAX) == data
        await storage.remove(file.path + ".deleted")
        assert await file.read(0, SIZE_MAX) == data
        assert bool(requests(storage)[1]) == on_threads

    on_storage(story)


def test_flushes_are_the_kernels_and_shared(tmp_path):
    async def story(storage):
        file = await storage.open(str(tmp_path / "log"), create=True)
        file.write_now(b"x", 0)
        await asyncio.gather(*(file.flush() for _ in range(10)))
        view = storage.statistics()
        assert (view.flushes_asked, view.flushes_done, view.operations["flush"]) == (10, 1, 1)
        assert requests(storage) == (1, 0)

    on_storage(story)


def test_a_failed_flush_is_never_tried_again(tmp_path, monkeypatch):
    async def story(storage):
        file = await storage.open(str(tmp_path / "log"), create=True)

        async def broken(*_):
            raise OSError(errno.EIO, "broken")

        monkeypatch.setattr(type(storage.machinery().engine), "sync", broken)
        for _ in range(2):
            with pytest.raises(FlushFailedError, match="broken"):
                await file.flush()

    on_storage(story)


def test_without_the_kernels_queue_threads_do_it(tmp_path, caplog):
    async def story(storage):
        data = seeded(5).randbytes(SIZE_MAX)
        assert storage.statistics().engine == "linux_aio"
        file = await cold_file(storage, str(tmp_path / "log"), data)
        assert await file.read(0, SIZE_MAX) == data
        assert storage.statistics().engine == "threads"

    with caplog.at_level(logging.WARNING):
        on_storage(story, depth=1 << 20)
    (line,) = caplog.messages
    assert line.startswith("no native asynchronous file I/O, threads carry it: fs.aio-max-nr is ")


def test_a_file_that_refuses_direct_io_is_said_once(tmp_path, caplog, monkeypatch):
    async def story(storage):
        data = seeded(6).randbytes(SIZE_MAX)
        file = await cold_file(storage, str(tmp_path / "log"), data)
        monkeypatch.setattr(os, "O_DIRECT", os.O_DIRECTORY)  # open(2) refuses that on any file
        for _ in range(2):
            assert await file.read(0, SIZE_MAX) == data

    with caplog.at_level(logging.WARNING):
        on_storage(story)
    (line,) = caplog.messages
    assert "no direct I/O there (Not a directory): cold reads go through the page cache" in line


def test_closing_waits_for_a_cold_read_and_no_descriptor_is_left(tmp_path):
    before = os.listdir("/proc/self/fd")

    async def story(storage):
        data = seeded(7).randbytes(SIZE)
        file = await cold_file(storage, str(tmp_path / "log"), data)
        reading = asyncio.create_task(file.read(0, SIZE))
        cancelled = asyncio.create_task(file.read(0, SIZE))
        await asyncio.sleep(0)
        cancelled.cancel()
        await file.close()
        assert await reading == data
        assert storage.machinery().buffers.statistics().lent == 0
        with pytest.raises(asyncio.CancelledError):
            await cancelled

    on_storage(story)
    assert os.listdir("/proc/self/fd") == before


def test_what_never_waits_for_the_disk_makes_no_queue(tmp_path):
    async def story(storage):
        file = await storage.open(str(tmp_path / "log"), create=True)
        file.write_now(b"odradek", 0)
        assert file.read_now(0, 7) in (b"odradek", WOULD_BLOCK)
        assert storage._tried is False

    on_storage(story)
