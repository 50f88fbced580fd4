"""From a time to an offset."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st
from log_house import NOW, Disk, a_log, append, make_batch, put

from odradek.records.record import NewRecord, build_batch


@given(st.lists(st.lists(st.integers(0, 12), min_size=1, max_size=4), min_size=1, max_size=25), st.integers(0, 30))
@settings(max_examples=60, deadline=None)
def test_the_first_record_at_or_after_a_time_and_the_one_with_the_largest(times: list[list[int]], start: int):
    """Against a list of (offset, timestamp): the first that fits, as ListOffsets documents it."""

    async def story() -> None:
        async with a_log(Disk(), segment_bytes=600, index_interval_bytes=100) as house:
            log, model = house.log, []
            for batch in times:
                records = [NewRecord(b"k", b"v" * 20, NOW + at) for at in batch]
                first = (await append(log, build_batch(records))).first_offset
                model += [(first + index, NOW + at) for index, at in enumerate(batch)]
            log_start = min(start, log.log_end_offset)
            await log.delete_records(log_start)
            model = [entry for entry in model if entry[0] >= log_start]
            for wanted in range(NOW, NOW + 14):
                found = await log.offset_for_timestamp(wanted)
                expected = next((entry for entry in model if entry[1] >= wanted), None)
                assert (found and (found.offset, found.timestamp)) == expected
            newest = await log.max_timestamp()
            largest = max((at for _, at in model), default=None)
            if largest is not None and start == 0:
                assert newest is not None
                assert (newest.offset, newest.timestamp) == next(entry for entry in model if entry[1] == largest)

    asyncio.run(story())


def test_the_answer_names_the_leader_epoch_of_the_batch():
    async def story() -> None:
        async with a_log(Disk()) as house:
            await put(house.log, b"a", timestamp=NOW, epoch=1)
            await put(house.log, b"b", timestamp=NOW + 1, epoch=6)
            found = await house.log.offset_for_timestamp(NOW + 1)
            assert found == (1, NOW + 1, 6)

    asyncio.run(story())


def test_an_empty_log_and_one_without_timestamps_have_no_answer():
    async def story() -> None:
        async with a_log(Disk()) as house:
            assert await house.log.offset_for_timestamp(0) is None
            assert await house.log.max_timestamp() is None
            await append(house.log, make_batch(b"a", timestamp=-1))
            assert await house.log.offset_for_timestamp(0) is None
            assert await house.log.max_timestamp() is None

    asyncio.run(story())
