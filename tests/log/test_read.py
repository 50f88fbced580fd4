"""Reads: whole batches, within bounds, wherever they lie, and however cold the disk is."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from log_house import Disk, a_log, batches, put, read

from odradek.aio.memory_storage import MemoryStorage
from odradek.log.errors import OffsetOutOfRange
from odradek.log.results import WOULD_BLOCK
from odradek.records.batch import scan


def test_a_read_begins_with_the_batch_that_holds_the_offset(disk: Disk):
    async def story() -> None:
        async with a_log(disk) as house:
            for _ in range(3):
                await put(house.log, b"a", b"b", b"c")
            for offset in range(9):
                headers = [header for _, header in scan(await read(house.log, offset))]
                assert [header.base_offset for header in headers] == [base for base in (0, 3, 6) if base + 2 >= offset]

    asyncio.run(story())


def test_at_the_end_there_is_nothing_and_beyond_it_is_out_of_range(disk: Disk):
    async def story() -> None:
        async with a_log(disk) as house:
            await put(house.log, b"a", b"b")
            await house.log.delete_records(1)
            assert await read(house.log, 2) == b""
            for offset in (0, 3):
                with pytest.raises(OffsetOutOfRange) as caught:
                    await read(house.log, offset)
                assert (caught.value.start, caught.value.end) == (1, 2)

    asyncio.run(story())


def test_the_first_batch_is_whole_even_when_it_is_larger_than_asked_for_unless_unwanted():
    async def story() -> None:
        async with a_log(Disk()) as house:
            await put(house.log, b"x" * 500)
            await put(house.log, b"y" * 500)
            assert [header.base_offset for _, header in scan(await read(house.log, 0, 10))] == [0]
            assert await read(house.log, 0, 10, min_one_batch=False) == b""

    asyncio.run(story())


def test_nothing_at_or_beyond_the_end_offset_is_read():
    async def story() -> None:
        async with a_log(Disk(), segment_bytes=400) as house:
            for _ in range(12):
                await put(house.log, b"x" * 30)
            for end in range(13):
                got = [header.base_offset for _, header in scan(await read(house.log, 0, 10_000, end))]
                assert got == list(range(len(got)))
                assert all(base < end for base in got)
                assert bool(got) == (end > 0)

    asyncio.run(story())


def test_a_cold_disk_is_waited_for_and_gives_the_same():
    async def story() -> None:
        disk = Disk(memory=MemoryStorage(cold_chance=1.0))
        async with a_log(disk, segment_bytes=400) as house:
            for _ in range(10):
                await put(house.log, b"x" * 30)
            house.log.forget_recent()
            assert house.log.read_slice(5, 1000, 10) is WOULD_BLOCK
            assert list(await batches(house.log)) == list(range(10))

    asyncio.run(story())


def test_a_slice_that_is_held_outlives_the_deletion_of_its_segment():
    async def story() -> None:
        async with a_log(Disk(), segment_bytes=200, file_delete_delay_ms=0) as house:
            log = house.log
            for _ in range(4):
                await put(log, b"x" * 100)
            held = await log.read_slice_cold(0, 1000, 4)
            held.hold()
            await log.delete_records(3)
            assert await log.retention(house.clock.now_ms()) == 3
            await log.surroundings.deletions.run_due()
            assert [header.base_offset for _, header in scan(bytes(await held.read()))] == [0]
            held.release()
            house.clock.advance(10)
            await log.surroundings.deletions.run_due()
            assert held.file is not None
            assert held.file.closed

    asyncio.run(story())


SIZES = st.lists(st.integers(1, 4), min_size=1, max_size=40)


@given(sizes=SIZES, max_bytes=st.integers(0, 3000), interval=st.sampled_from([0, 100, 4096]), data=st.data())
@settings(max_examples=60, deadline=None)
def test_slices_are_what_a_list_of_batches_would_give(sizes: list[int], max_bytes: int, interval: int, data: st.DataObject):
    async def story() -> None:
        async with a_log(Disk(), segment_bytes=1500, index_interval_bytes=interval) as house:
            bounds: list[tuple[int, int, int]] = []  # first offset, end offset, size
            for count in sizes:
                result = await put(house.log, *[b"v" * 20] * count)
                bounds.append((result.first_offset, result.last_offset + 1, len(await read(house.log, result.first_offset))))
            offset = data.draw(st.integers(0, house.log.log_end_offset - 1))
            end = data.draw(st.sampled_from([first for first, _, _ in bounds] + [house.log.log_end_offset]))
            house.log.forget_recent()
            got = await read(house.log, offset, max_bytes, end)
            wanted = [entry for entry in bounds if entry[1] > offset and entry[0] < end]
            heads = [(header.base_offset, header.next_offset) for _, header in scan(got)]
            assert sum(header.size for _, header in scan(got)) == len(got)
            assert heads == [entry[:2] for entry in wanted[: len(heads)]]
            assert bool(heads) == bool(wanted)
            assert len(got) <= max(max_bytes, wanted[0][2] if wanted else 0)

    asyncio.run(story())
