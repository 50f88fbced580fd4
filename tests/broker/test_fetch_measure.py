"""What one partition would give to a fetch, and in which order it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from odradek.aio.memory_storage import MemoryStorage
from odradek.base.clock import ManualClock
from odradek.base.errors import OdradekError
from odradek.base.prng import seeded
from odradek.broker.fetch_measure import InconsistentTopicId, Measured, Measurer, NotAReplica
from odradek.broker.fetch_session import FetchItem
from odradek.broker.partitions import PartitionTable, UnknownTopicId, UnknownTopicOrPartition
from odradek.log.config import LogConfig
from odradek.log.errors import OffsetOutOfRange
from odradek.log.manager import LogManager
from odradek.records.batch import parse_header
from odradek.records.record import NewRecord, build_batch
from odradek.replication.partition import FencedLeaderEpoch, Partition, UnknownLeaderEpoch
from odradek.wire.errors import ErrorCode

NOW = 1_700_000_000_000
ID, OTHER_ID = bytes(15) + b"\1", bytes(15) + b"\2"
BATCH = build_batch([NewRecord(b"k", b"v", NOW)] * 2)


@asynccontextmanager
async def partitions() -> AsyncIterator[PartitionTable]:
    """`t-0` holds offsets 0 to 5 of leader epoch 3, and is led in epoch 5 since."""
    manager = LogManager(MemoryStorage(), "/data", clock=ManualClock(NOW), prng=seeded(1))
    await manager.start()
    log = await manager.open_or_create("t", 0, ID, LogConfig())
    partition = Partition("t", 0, ID, log, leader_epoch=3, fsync_all=True, loop=asyncio.get_running_loop())
    for _ in range(3):
        await partition.append(bytearray(BATCH), parse_header(BATCH), NOW)
    partition.leader_epoch = 5
    table = PartitionTable()
    table.add(partition)
    yield table
    await manager.close()


def asked(offset: int = 0, *, topic: str = "t", topic_id: bytes = ID, index: int = 0, max_bytes: int = 1000, epoch: int = -1,
          last_epoch: int = -1) -> Measured:  # fmt: skip
    return Measured(FetchItem(topic, topic_id, index, offset, max_bytes, epoch, last_epoch))


def refusal(table: PartitionTable, found: Measured, *, by_id: bool = False, replica_id: int = -1) -> type[Exception] | None:
    """Why the partition gives nothing; what `found` would then answer is checked to be the error alone."""
    try:
        Measurer(table, by_id=by_id, committed=True, replica_id=replica_id).measure(found, 1000, min_one_batch=True)
    except OdradekError as error:
        found.fail(error)
        data = found.data
        assert (data.high_watermark, data.last_stable_offset, data.log_start_offset, data.records) == (-1, -1, -1, b"")
        return type(error)
    return None


def test_what_there_is_to_give_is_a_slice_of_whole_batches_within_the_limits() -> None:
    async def story() -> None:
        async with partitions() as table:
            for offset, max_bytes, all_bytes, one_at_least, batches in (
                (0, 1000, 1000, False, 3), (2, 1000, 1000, False, 2), (3, 1000, 1000, False, 2), (6, 1000, 1000, True, 0),
                (0, 2 * len(BATCH), 1000, False, 2), (0, 1000, 2 * len(BATCH) - 1, False, 1), (0, 10, 10, True, 1),
                (0, 10, 10, False, 0),
            ):  # fmt: skip
                found = asked(offset, max_bytes=max_bytes)
                Measurer(table, by_id=True, committed=False).measure(found, all_bytes, min_one_batch=one_at_least)
                assert found.slice.size == batches * len(BATCH), (offset, max_bytes, all_bytes, one_at_least)
                data = found.data
                assert (data.high_watermark, data.last_stable_offset, data.log_start_offset) == (6, 6, 0)

    asyncio.run(story())


@pytest.mark.parametrize("committed", [True, False])
def test_aborted_transactions_are_null_but_for_who_asked_for_committed_records(committed: bool) -> None:
    async def story() -> None:
        async with partitions() as table:
            good, bad, gone = asked(), asked(7), asked(index=1)
            for found in (good, bad, gone):
                try:
                    Measurer(table, by_id=False, committed=committed).measure(found, 1000, min_one_batch=True)
                except OdradekError as error:
                    found.fail(error)
            lists = [found.data.aborted_transactions for found in (good, bad, gone)]
            assert lists == [[] if committed else None, None, []], "where there is no such partition, none"

    asyncio.run(story())


def test_the_first_thing_that_is_wrong_is_told() -> None:
    async def story() -> None:
        async with partitions() as table:
            assert refusal(table, asked(99, topic="u", epoch=9, last_epoch=6), replica_id=1) is UnknownTopicOrPartition
            assert refusal(table, asked(99, epoch=9, last_epoch=6), replica_id=1) is UnknownLeaderEpoch
            assert refusal(table, asked(99, epoch=3, last_epoch=6), replica_id=1) is FencedLeaderEpoch
            assert refusal(table, asked(99, epoch=5, last_epoch=6), replica_id=1) is NotAReplica
            assert refusal(table, asked(6, epoch=5, last_epoch=6)) is OffsetOutOfRange, "an epoch that nobody has led in"
            assert refusal(table, asked(99, epoch=5)) is OffsetOutOfRange
            assert refusal(table, asked(6, epoch=5)) is None

    asyncio.run(story())


def test_a_log_that_has_diverged_is_told_from_where() -> None:
    async def story() -> None:
        async with partitions() as table:
            for offset, last_epoch, diverging in (
                (6, 3, None), (7, 3, (3, 6)), (5, 4, (3, 6)), (9, 5, (5, 6)), (6, 5, None), (0, 2, None), (1, 2, (2, 0)),
            ):  # fmt: skip
                found = asked(offset, last_epoch=last_epoch)
                assert refusal(table, found) is None
                told = found.data.diverging_epoch
                assert (told and (told.epoch, told.end_offset)) == diverging, (offset, last_epoch)
                assert found.data.high_watermark == 6

    asyncio.run(story())


def test_an_id_that_is_gone_is_asked_for_by_the_name_it_had() -> None:
    async def story() -> None:
        async with partitions() as table:
            assert refusal(table, asked(topic="", topic_id=OTHER_ID), by_id=True) is UnknownTopicId, "it never was known"
            assert refusal(table, asked(topic="u", topic_id=OTHER_ID), by_id=True) is UnknownTopicOrPartition
            another = asked(topic="t", topic_id=OTHER_ID)
            assert refusal(table, another, by_id=True) is InconsistentTopicId
            assert another.data.error_code == ErrorCode.INCONSISTENT_TOPIC_ID

    asyncio.run(story())
