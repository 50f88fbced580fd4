"""Direct files beside a bytearray: any position, any size, at the same time, on each engine and on one that stutters."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odradek.aio import FileClosedError, FlushFailedError
from odradek.aio.aligned import SIZE_MAX
from odradek.aio.direct_storage import DirectStorage
from odradek.base.clock import SystemClock
from odradek.base.prng import seeded

MIB = 1 << 20


@pytest.fixture(params=["linux_aio", "threads"])
def on_disk(request, tmp_path, monkeypatch):
    """`on_disk(story)` runs `story(storage, path)`; at its end everything lent must be back."""
    if request.param == "threads":
        monkeypatch.setattr("sys.platform", "elsewhere")

    def run(story):
        async def whole():
            storage = DirectStorage(SystemClock())
            assert storage.engine == request.param
            try:
                return await asyncio.wait_for(story(storage, str(tmp_path / "data")), 60)
            finally:
                await storage.close()
                view = storage.statistics()
                assert (view.buffers.lent, view.queue.under_way, view.open_files) == (0, 0, 0)

        return asyncio.run(whole())

    return run


class Stuttering:
    """An engine whose requests are sometimes short, by whole blocks, and end in any order."""

    def __init__(self, real, seed):
        self._real, self._prng = real, seeded(seed)
        self.name = real.name

    def __getattr__(self, name):
        return getattr(self._real, name)

    async def _short(self, size):
        for _ in range(self._prng.randrange(4)):
            await asyncio.sleep(0)
        return 4096 * (1 + self._prng.randrange(size // 4096))

    async def read(self, fd, buffer, offset, size, position):
        return await self._real.read(fd, buffer, offset, await self._short(size), position)

    async def write(self, fd, buffer, offset, size, position):
        return await self._real.write(fd, buffer, offset, await self._short(size), position)


def stutter(storage, seed):
    from dataclasses import replace

    storage._machinery = replace(storage._machinery, engine=Stuttering(storage._machinery.engine, seed))


def test_a_file_is_what_was_put_into_it(on_disk):
    async def story(storage, path):
        file = await storage.open(path, create=True)
        await file.write(0, b"odradek")
        await file.write(5000, b"spool")
        assert file.size == 5005 and os.path.getsize(path) == 5005
        assert bytes(await file.read(0, 9999)) == b"odradek" + bytes(4993) + b"spool"
        assert bytes(await file.read(5002, 100)) == b"ool" and await file.read(5005, 1) == b""
        part = bytearray(b"........")
        assert await file.read_into(4999, memoryview(part)[1:4]) == 3 and part == b".\0sp...."
        await file.flush()
        await file.close()
        assert Path(path).read_bytes() == b"odradek" + bytes(4993) + b"spool"

    on_disk(story)


places = st.one_of(st.integers(0, 20_000), st.integers(MIB - 5000, MIB + 5000))
sizes = st.one_of(st.integers(0, 9000), st.sampled_from([4096, 8192, MIB, MIB + 1, 2 * MIB + 4097]))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), places, sizes),
        st.tuples(st.just("write"), st.integers(0, 8).map(lambda block: block * 4096), st.just(4096)),
        st.tuples(st.just("read"), places, sizes),
        st.tuples(st.just("truncate"), places, st.just(0)),
        st.tuples(st.just("allocate"), places, sizes),
        st.tuples(st.just("discard"), places, sizes),
    ),
    max_size=12,
)


@given(steps, st.integers())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=400)
def test_as_a_bytearray(on_disk, steps, seed):
    async def story(storage, path):
        stutter(storage, seed)
        file = await storage.open(path, create=True, truncate=True)
        model = bytearray()
        for number, (step, place, size) in enumerate(steps):
            if step == "write" and size:
                data = bytes([1 + number]) * size
                model.extend(bytes(max(0, place + size - len(model))))
                model[place : place + size] = data
                await file.write(place, data)
            elif step == "truncate":
                model = (model + bytes(max(0, place - len(model))))[:place]
                await file.truncate(place)
            elif step == "allocate" and size:
                model.extend(bytes(max(0, place + size - len(model))))
                await file.allocate(place, size)
            elif step == "discard":
                end = min(place + size, len(model))
                model[place:end] = bytes(max(0, end - place))
                await file.discard(place, size)
            assert bytes(await file.read(place, size)) == bytes(model[place : place + size])
            assert file.size == os.path.getsize(path) == len(model)
        assert Path(path).read_bytes() == model

    on_disk(story)


@given(st.lists(st.integers(1, 6000), min_size=2, max_size=30), st.integers())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=400)
def test_neighbours_that_are_written_at_the_same_time_do_not_undo_each_other(on_disk, sizes, seed):
    async def story(storage, path):
        stutter(storage, seed)
        file = await storage.open(path, create=True, truncate=True)
        pieces = [(sum(sizes[:number]), bytes([1 + number]) * size) for number, size in enumerate(sizes)]
        await asyncio.gather(*(file.write(place, data) for place, data in reversed(pieces)))
        expected = b"".join(data for _, data in pieces)
        assert file.size == os.path.getsize(path) == len(expected)
        assert bytes(await file.read(0, len(expected))) == expected

    on_disk(story)


def test_aligned_buffers_are_not_copied(on_disk):
    async def story(storage, path):
        file = await storage.open(path, create=True)
        buffer = await storage.lend(SIZE_MAX)
        buffer.view[:4] = b"star"
        await file.write_aligned(file.block, buffer, SIZE_MAX)
        assert file.size == SIZE_MAX + file.block
        buffer.view[:4] = b"...."
        assert await file.read_aligned(file.block, buffer, 8192) == 8192 and bytes(buffer.view[:4]) == b"star"
        await file.truncate(file.block + 3)
        assert await file.read_aligned(file.block, buffer, 8192) == 3
        with pytest.raises(ValueError, match="both have to be multiples of 4096"):
            await file.write_aligned(1, buffer, 4096)
        with pytest.raises(ValueError, match=f"at most the buffer's {SIZE_MAX}"):
            await file.read_aligned(0, buffer, 2 * SIZE_MAX)
        storage.give_back(buffer)

    on_disk(story)


def test_a_failing_write_says_where_and_leaves_the_old_size(on_disk, monkeypatch):
    async def story(storage, path):
        file = await storage.open(path, create=True)
        await file.write(0, b"x" * 100)

        async def full(*_):
            raise OSError(errno.ENOSPC, "no space")

        monkeypatch.setattr(type(storage._machinery.engine), "write", full)
        with pytest.raises(OSError, match=r"while writing 9000 bytes at 50") as told:
            await file.write(50, b"y" * 9000)
        assert told.value.errno == errno.ENOSPC and told.value.filename == path
        assert file.size == os.path.getsize(path) == 100

    on_disk(story)


def test_a_failed_flush_is_never_tried_again(on_disk, monkeypatch):
    async def story(storage, path):
        file = await storage.open(path, create=True)

        async def broken(*_):
            raise OSError(errno.EIO, "broken")

        monkeypatch.setattr(type(storage._machinery.engine), "sync", broken)
        for _ in range(2):
            with pytest.raises(FlushFailedError):
                await file.flush()

    on_disk(story)


def test_closing_waits_for_what_is_under_way(on_disk):
    async def story(storage, path):
        file = await storage.open(path, create=True)
        writing = asyncio.create_task(file.write(1, b"x" * (3 * MIB)))
        await asyncio.sleep(0)
        await file.close()
        assert writing.done() and os.path.getsize(path) == 3 * MIB + 1
        for late in (file.write(0, b"x"), file.read(0, 1), file.flush(), file.truncate(0)):
            with pytest.raises(FileClosedError):
                await late
        await file.close()

    on_disk(story)


@given(st.integers(0, 6), st.integers())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=400)
def test_a_cancelled_write_gives_everything_back(on_disk, turns, seed):
    async def story(storage, path):
        stutter(storage, seed)
        file = await storage.open(path, create=True, truncate=True)
        await file.write(0, b"o" * 10_000)
        writing = asyncio.create_task(file.write(100, b"n" * (2 * MIB)))
        for _ in range(turns):
            await asyncio.sleep(0)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        assert storage.statistics().buffers.lent == 0
        assert os.path.getsize(path) == file.size == (10_000 if writing.cancelled() else 2 * MIB + 100)
        assert bytes(await file.read(0, 100)) == b"o" * 100

    on_disk(story)


def test_priority_classes_are_charged(on_disk):
    async def story(storage, path):
        compaction = storage.add_class("compaction", 100)
        file = await storage.open(path, create=True, priority=compaction)
        await file.write(0, b"x" * 4096)
        await file.read(0, 4096)
        assert compaction.statistics().served == 2

    on_disk(story)
