"""`__consumer_offsets` as the coordinator's log: what was appended is durable, and is read back whole and in order."""

from __future__ import annotations

import asyncio
import errno

import pytest
from broker_rooms import Rooms, rooms, tell
from hypothesis import given
from hypothesis import strategies as st

from odradek.aio.faults import Fault
from odradek.aio.memory_storage import MemoryStorage
from odradek.aio.storage import Operation
from odradek.base.errors import OdradekError
from odradek.broker.offsets_log import READ_SIZE, NotCoordinator, OffsetsLog
from odradek.log.results import WOULD_BLOCK
from odradek.records.batch import parse_header
from odradek.records.record import NewRecord, build_batch
from odradek.wire.errors import ErrorCode

NOW = 1_700_000_000_000
Record = tuple[bytes, bytes | None]


async def offsets_log(opened: Rooms) -> OffsetsLog:
    """The log, with its topic of one partition made."""
    await opened.state.internal_topics.ensure_offsets_topic()
    return OffsetsLog(opened.state.partitions, opened.state.clock)


async def loaded(log: OffsetsLog, partition: int = 0) -> list[Record]:
    return [(bytes(key), None if value is None else bytes(value)) async for key, value in log.load(partition)]


def test_what_was_appended_is_loaded_in_order_tombstones_too() -> None:
    async def story(opened: Rooms) -> None:
        log = await offsets_log(opened)
        await log.append(0, [(b"a", b"1"), (b"b", b"2")])
        await log.append(0, [(b"a", None), (b"c", b"")])
        assert await loaded(log) == [(b"a", b"1"), (b"b", b"2"), (b"a", None), (b"c", b"")]

    tell(story, offsets_topic_num_partitions="1")


def test_an_append_is_one_batch_stamped_with_the_brokers_time() -> None:
    async def story(opened: Rooms) -> None:
        log = await offsets_log(opened)
        await log.append(0, [(b"a", b"1"), (b"b", b"2"), (b"c", b"3")])
        found = opened.partition("__consumer_offsets").log.read_slice(0, 1000, 3)
        assert found is not WOULD_BLOCK
        header = parse_header(await found.read())
        assert (header.record_count, header.base_timestamp, header.max_timestamp) == (3, NOW, NOW)

    tell(story, offsets_topic_num_partitions="1")


def test_a_partition_that_is_elsewhere_is_another_coordinators() -> None:
    async def story(opened: Rooms) -> None:
        log = await offsets_log(opened)
        with pytest.raises(NotCoordinator, match="__consumer_offsets-1") as refused:
            await log.append(1, [(b"a", b"1")])
        assert refused.value.code == ErrorCode.NOT_COORDINATOR
        with pytest.raises(NotCoordinator):
            await loaded(log, 1)

    tell(story, offsets_topic_num_partitions="1")


def test_an_append_is_answered_when_it_survives_a_power_cut() -> None:
    async def story() -> None:
        async with rooms(offsets_topic_num_partitions="1") as opened:
            log = await offsets_log(opened)
            await log.append(0, [(b"a", b"1")])
            path = "/data/__consumer_offsets-0/00000000000000000000.log"
            for seed in range(20):
                left = opened.disk.power_cut(seed)
                assert await left.read_bytes(path) == await opened.disk.read_bytes(path)

    asyncio.run(story())


def test_a_failing_disk_is_an_error_and_not_an_answer() -> None:
    async def story(opened: Rooms) -> None:
        log = await offsets_log(opened)
        opened.disk.faults.add(Fault(Operation.FLUSH, errno.EIO, path="*/__consumer_offsets-0/*.log"))
        with pytest.raises((OdradekError, OSError)):
            await log.append(0, [(b"a", b"1")])

    tell(story, offsets_topic_num_partitions="1")


def test_an_append_waits_for_a_roll_that_is_due() -> None:
    async def story(opened: Rooms) -> None:
        await opened.make("__consumer_offsets", cleanup_policy="compact", segment_bytes=str(1 << 20))
        log = OffsetsLog(opened.state.partitions, opened.state.clock)
        for number in range(5):
            await log.append(0, [(b"%d" % number, b"x" * 400_000)])
        assert len(opened.partition("__consumer_offsets").log.segments) > 1
        assert [key for key, _ in await loaded(log)] == [b"%d" % number for number in range(5)]

    tell(story, offsets_topic_num_partitions="1")


def test_a_log_larger_than_one_read_is_loaded_whole_from_a_cold_disk() -> None:
    async def story() -> None:
        async with rooms(MemoryStorage(cold_chance=0.5, seed=3), offsets_topic_num_partitions="1") as opened:
            log = await offsets_log(opened)
            wanted = [(b"%d" % number, b"x" * (READ_SIZE // 4)) for number in range(10)]
            for record in wanted:
                await log.append(0, [record])
            assert await loaded(log) == wanted

    asyncio.run(story())


def test_records_before_the_logs_start_are_not_loaded() -> None:
    async def story(opened: Rooms) -> None:
        log = await offsets_log(opened)
        await log.append(0, [(b"a", b"1"), (b"b", b"2"), (b"c", b"3")])
        await opened.partition("__consumer_offsets").log.delete_records(1)
        assert await loaded(log) == [(b"b", b"2"), (b"c", b"3")], "though their batch begins before it"

    tell(story, offsets_topic_num_partitions="1")


def test_markers_of_transactions_and_records_without_a_key_are_none_of_ours() -> None:
    async def story(opened: Rooms) -> None:
        await opened.make("__consumer_offsets")  # not compacted, or nobody could write without a key
        log, partition = OffsetsLog(opened.state.partitions, opened.state.clock), opened.partition("__consumer_offsets")
        await log.append(0, [(b"a", b"1")])
        strangers = [
            build_batch([NewRecord(None, b"no key", NOW)]),
            build_batch([NewRecord(b"\0\0\0\1", b"\0\0\0\0\0\0", NOW)], is_control=True, is_transactional=True),
        ]
        for batch in strangers:
            await partition.append(batch, parse_header(batch), NOW)
        await log.append(0, [(b"b", b"2")])
        assert await loaded(log) == [(b"a", b"1"), (b"b", b"2")]

    tell(story, offsets_topic_num_partitions="1")


_records = st.lists(st.tuples(st.binary(min_size=1, max_size=8), st.none() | st.binary(max_size=200)), min_size=1, max_size=5)


@given(st.lists(_records, max_size=8), st.integers(0, 1000))
def test_a_restart_loads_what_was_appended(appends: list[list[Record]], seed: int) -> None:
    """After a stop in order, and after a power cut."""

    async def story() -> None:
        wanted = [record for records in appends for record in records]
        async with rooms(MemoryStorage(seed=seed, turns_max=2), offsets_topic_num_partitions="1") as opened:
            log = await offsets_log(opened)
            for records in appends:
                await log.append(0, records)
            cut = opened.disk.power_cut(seed)
        for disk in (opened.disk, cut):
            async with rooms(disk, opened.store) as again:
                assert await loaded(await offsets_log(again)) == wanted

    asyncio.run(story())
