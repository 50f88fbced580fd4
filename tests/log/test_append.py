"""Appends: where batches go, who goes first, what is refused, and when a new segment begins."""

from __future__ import annotations

import asyncio

import pytest
from log_house import NOW, Disk, a_log, append, batches, extent, make_batch, put

from odradek.log.errors import BatchLargerThanSegment
from odradek.log.producer_state import OutOfOrderSequence
from odradek.log.results import NEEDS_ROLL
from odradek.records.batch import parse_header
from odradek.records.errors import InvalidRecord, InvalidTimestamp, MessageTooLarge
from odradek.records.record import read_records


def test_offsets_follow_one_another_and_the_batch_carries_them(disk: Disk):
    async def story() -> None:
        async with a_log(disk) as house:
            first = await put(house.log, b"a", b"b", epoch=3)
            second = await put(house.log, b"c", epoch=3)
            assert (first.first_offset, first.last_offset, second.first_offset) == (0, 1, 2)
            assert house.log.log_end_offset == 3
            headers = [parse_header(batch) for batch in (await batches(house.log)).values()]
            assert [(header.base_offset, header.leader_epoch) for header in headers] == [(0, 3), (2, 3)]

    asyncio.run(story())


def test_the_first_append_of_an_idle_log_opens_its_segment_and_later_ones_are_done_at_once():
    async def story() -> None:
        async with a_log(Disk()) as house:
            batch = make_batch(b"a")
            header = parse_header(batch)
            assert house.log.append_now(batch, header, leader_epoch=0, now_ms=NOW) is NEEDS_ROLL
            await house.log.append(batch, header, leader_epoch=0, now_ms=NOW)
            result = house.log.append_now(make_batch(b"b"), header, leader_epoch=0, now_ms=NOW)
            assert result is not NEEDS_ROLL
            assert result.first_offset == 1

    asyncio.run(story())


def test_nobody_overtakes_an_append_that_waits_for_a_roll():
    async def story() -> None:
        async with a_log(Disk(), segment_bytes=200) as house:
            await put(house.log, b"x" * 60)
            waiting = [asyncio.ensure_future(put(house.log, bytes([65 + n]) * 100)) for n in range(5)]
            await asyncio.sleep(0)
            late = make_batch(b"z")
            assert house.log.append_now(late, parse_header(late), leader_epoch=0, now_ms=NOW) is NEEDS_ROLL
            assert [result.first_offset for result in await asyncio.gather(*waiting)] == [1, 2, 3, 4, 5]
            assert (await append(house.log, late)).first_offset == 6

    asyncio.run(story())


def test_a_retry_of_an_idempotent_producer_is_answered_with_the_first_copy_and_a_gap_is_refused():
    async def story() -> None:
        async with a_log(Disk()) as house:
            options = {"producer_id": 7, "producer_epoch": 0}
            first = await put(house.log, b"a", b"b", base_sequence=0, **options)
            again = await put(house.log, b"a", b"b", base_sequence=0, **options)
            assert (again.duplicate, again.first_offset, again.last_offset) == (True, first.first_offset, first.last_offset)
            with pytest.raises(OutOfOrderSequence):
                await put(house.log, b"d", base_sequence=5, **options)
            assert extent(await batches(house.log)) == [(0, 1)]

    asyncio.run(story())


@pytest.mark.parametrize(
    ("config", "count", "bases"),
    [
        ({"segment_bytes": 250}, 5, [0, 2, 4]),
        ({"segment_ms": 1500}, 5, [0, 2, 4]),
        ({"segment_index_bytes": 16, "index_interval_bytes": 0}, 30, [0, 5, 10, 15, 20, 25]),
    ],
    ids=["by size", "by time between batches", "because an index is full"],
)
def test_a_segment_is_rolled(config: dict[str, int], count: int, bases: list[int]):
    async def story() -> None:
        async with a_log(Disk(), **config) as house:
            for number in range(count):
                await put(house.log, b"x" * 30, timestamp=NOW + 1000 * number)
            assert [segment.base_offset for segment in house.log.segments] == bases
            assert extent(await batches(house.log)) == [(number, number) for number in range(count)]

    asyncio.run(story())


def test_a_segment_whose_batches_have_no_timestamps_is_rolled_by_the_clock():
    async def story() -> None:
        async with a_log(Disk(), segment_ms=1000) as house:
            for now_ms in (NOW, NOW + 900, NOW + 1001):
                await put(house.log, b"x", timestamp=-1, now_ms=now_ms)
            assert [segment.base_offset for segment in house.log.segments] == [0, 2]

    asyncio.run(story())


def test_a_rolled_segment_leaves_its_indexes_and_a_snapshot_behind(disk: Disk):
    async def story() -> None:
        async with a_log(disk, segment_bytes=250) as house:
            for _ in range(3):
                await put(house.log, b"x" * 30)
            await asyncio.gather(*house.log.background)
            assert house.log.durable_offset >= 2
            assert {"00000000000000000000.index", "00000000000000000000.timeindex", "00000000000000000002.snapshot"} <= set(
                await disk.names()
            )

    asyncio.run(story())


def test_a_batch_larger_than_a_segment_is_refused():
    async def story() -> None:
        async with a_log(Disk(), segment_bytes=200) as house:
            with pytest.raises(BatchLargerThanSegment, match=r"segment\.bytes"):
                await put(house.log, b"x" * 300)
            assert house.log.log_end_offset == 0

    asyncio.run(story())


def test_timestamps_outside_the_topics_bounds_are_refused():
    async def story() -> None:
        async with a_log(Disk(), message_timestamp_after_max_ms=1000, message_timestamp_before_max_ms=5000) as house:
            await put(house.log, b"x", timestamp=NOW + 1000)
            for timestamp in (NOW + 1001, NOW - 5001):
                with pytest.raises(InvalidTimestamp):
                    await put(house.log, b"x", timestamp=timestamp)

    asyncio.run(story())


def test_log_append_time_is_the_brokers():
    async def story() -> None:
        async with a_log(Disk(), message_timestamp_type="LogAppendTime") as house:
            result = await put(house.log, b"a", b"b", timestamp=5, now_ms=NOW + 7)
            assert result.append_time_ms == NOW + 7
            (stored,) = (await batches(house.log)).values()
            assert [record.timestamp for record in read_records(stored, parse_header(stored))] == [NOW + 7, NOW + 7]

    asyncio.run(story())


@pytest.mark.parametrize("codec", [0, 1, 2, 3, 4])
def test_a_producers_codec_is_kept_by_default_and_replaced_where_the_topic_says_so(codec: int):
    async def story() -> None:
        values = [b"x" * 100, b"y" * 100]
        async with a_log(Disk()) as kept, a_log(Disk(), compression_type="lz4") as replaced:
            await put(kept.log, *values, codec=codec)
            await put(replaced.log, *values, codec=codec)
            for house, expected in ((kept, codec), (replaced, 3)):
                (stored,) = (await batches(house.log)).values()
                header = parse_header(stored)
                assert header.codec == expected
                assert [record.value for record in read_records(stored, header)] == values

    asyncio.run(story())


def test_recompression_may_not_make_a_batch_larger_than_allowed():
    async def story() -> None:
        async with a_log(Disk(), compression_type="uncompressed", max_message_bytes=500) as house:
            with pytest.raises(MessageTooLarge, match=r"max\.message\.bytes"):
                await put(house.log, b"x" * 1000, codec=4)

    asyncio.run(story())


def test_a_compacted_topic_takes_no_record_without_a_key():
    async def story() -> None:
        async with a_log(Disk(), cleanup_policy=frozenset(("compact",))) as house:
            await put(house.log, None, key=b"k")
            with pytest.raises(InvalidRecord):
                await put(house.log, b"v", key=None)
            assert house.log.log_end_offset == 1

    asyncio.run(story())


def test_a_leader_epoch_is_on_disk_before_its_first_record(disk: Disk):
    async def story() -> None:
        async with a_log(disk, clean=False) as house:
            await put(house.log, b"a", epoch=1)
            await put(house.log, b"b", b"c", epoch=1)
            await put(house.log, b"d", epoch=4)
            assert await disk.read("leader-epoch-checkpoint") == b"0\n2\n1 0\n4 3\n"
            assert house.log.end_offset_for_epoch(1) == (1, 3)
            assert house.log.end_offset_for_epoch(4) == (4, 4)

    asyncio.run(story())


def test_flush_messages_says_when_a_flush_is_due():
    async def story() -> None:
        async with a_log(Disk(), flush_messages=3) as house:
            await put(house.log, b"a", b"b")
            assert not house.log.flush_due
            await put(house.log, b"c")
            assert house.log.flush_due
            await house.log.flush()
            assert not house.log.flush_due

    asyncio.run(story())
