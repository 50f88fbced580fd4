"""Streams beside plain bytes: pieces of any size, what is ahead and behind, errors and endings."""

from __future__ import annotations

import asyncio
import errno
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odradek.aio.direct_storage import DirectStorage
from odradek.aio.streams import InputStream, OutputStream
from odradek.base.clock import SystemClock
from odradek.base.prng import seeded


@pytest.fixture
def on_file(tmp_path):
    """`on_file(story)` runs `story(file)` on an empty file; at its end nothing may be under way."""

    def run(story):
        async def whole():
            storage = DirectStorage(SystemClock())
            try:
                file = await storage.open(str(tmp_path / "data"), create=True, truncate=True)
                await asyncio.wait_for(story(file), 60)
                assert storage.statistics().buffers.lent == 0
            finally:
                await storage.close()

        asyncio.run(whole())

    return run


pieces = st.integers(500, 20_000)


@given(st.lists(st.integers(0, 30_000), max_size=12), pieces, st.integers(1, 4), st.integers(0, 9000))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
def test_what_goes_in_comes_out(on_file, sizes, piece, under_way, position):
    async def story(file):
        whole = seeded(1).randbytes(sum(sizes))
        written = 0
        async with OutputStream(file, position, piece=piece, behind=under_way) as out:
            for size in sizes:
                await out.write(whole[written : written + size])
                written += size
                assert out.position == position + written
        assert Path(file.path).read_bytes() == (bytes(position) + whole if whole else b"")
        seen = bytearray()
        async with InputStream(file, position, piece=piece, ahead=under_way) as stream:
            async for part in stream:
                assert 0 < len(part) <= piece
                seen += part
        assert seen == whole

    on_file(story)


def test_a_read_that_fails_ends_the_stream():
    class Broken:
        path, size = "broken", 100

        async def read(self, position, size):
            if position >= 30:
                raise OSError(errno.EIO, "broken")
            return bytes(size)

    async def story():
        stream = InputStream(Broken(), piece=10, ahead=2)
        seen = []
        with pytest.raises(OSError, match="broken"):
            async for part in stream:
                seen.append(part)
        assert len(seen) == 3
        with pytest.raises(StopAsyncIteration):
            await anext(stream)

    asyncio.run(story())


def test_no_more_is_read_ahead_than_was_asked(on_file):
    async def story(file):
        await file.write(0, bytes(100 * 4096))
        under_way = most = 0
        read = file.read

        class Counting:
            path, size = file.path, file.size

            async def read(self, position, size):
                nonlocal under_way, most
                under_way += 1
                most = max(most, under_way)
                try:
                    return await read(position, size)
                finally:
                    under_way -= 1

        async with InputStream(Counting(), piece=4096, ahead=3) as stream:
            assert len([part async for part in stream]) == 100
        assert (most, under_way) == (3, 0)

    on_file(story)


def test_a_reader_that_leaves_early_leaves_nothing_under_way(on_file):
    async def story(file):
        await file.write(0, bytes(50 * 4096))
        async with InputStream(file, piece=4096) as stream:
            assert len(await anext(stream)) == 4096
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
        await stream.close()

    on_file(story)


def test_a_part_of_a_file(on_file):
    async def story(file):
        await file.write(0, b"0123456789")
        async with InputStream(file, 3, 4, piece=2) as stream:
            assert [bytes(part) async for part in stream] == [b"3", b"45", b"6"]
        async with InputStream(file, 8, 400) as stream:
            assert [bytes(part) async for part in stream] == [b"89"]

    on_file(story)


def test_a_file_that_is_cut_meanwhile_ends_the_stream(on_file):
    async def story(file):
        await file.write(0, bytes(4 * 4096))
        async with InputStream(file, piece=4096, ahead=1) as stream:
            assert len(await anext(stream)) == 4096
            await file.truncate(0)
            assert sum([len(part) async for part in stream]) <= 4096

    on_file(story)


class Full:
    """A file on a disk that is full from the third write on."""

    path = "full"

    def __init__(self):
        self.writes = 0

    async def write(self, position, data):
        self.writes += 1
        await asyncio.sleep(0)
        if self.writes >= 3:
            raise OSError(errno.ENOSPC, "no space")


def test_an_error_is_raised_until_the_end_and_nothing_more_is_written():
    async def story():
        file = Full()
        out = OutputStream(file, piece=10, behind=2)
        with pytest.raises(OSError, match="no space"):
            for _ in range(100):
                await out.write(b"x" * 10)
        tried = file.writes
        assert tried <= 5
        for ending in (out.write(b"x" * 10), out.close(), out.close()):
            with pytest.raises(OSError, match="no space"):
                await ending
        assert file.writes == tried

    asyncio.run(story())


def test_a_block_that_fails_writes_no_more(on_file):
    async def story(file):
        with pytest.raises(ZeroDivisionError):
            async with OutputStream(file, piece=4096) as out:
                await out.write(bytes(5000))
                raise ZeroDivisionError
        assert file.size in (0, 4096)

    on_file(story)


def test_cancelled_while_it_waits_for_the_disk(on_file):
    async def story(file):
        far = asyncio.Event()

        async def produce():
            async with OutputStream(file, piece=4096, behind=1) as out:
                while True:
                    await out.write(bytes(4096))
                    if file.size >= 5 * 4096:
                        far.set()

        producing = asyncio.create_task(produce())
        await far.wait()
        producing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await producing
        assert file.size % 4096 == 0 and Path(file.path).stat().st_size == file.size

    on_file(story)


@pytest.mark.parametrize("made", [lambda file: InputStream(file, ahead=0), lambda file: OutputStream(file, piece=0)])
def test_senseless_limits_are_refused(on_file, made):
    async def story(file):
        with pytest.raises(ValueError, match="at least"):
            made(file)

    on_file(story)
