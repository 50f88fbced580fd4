"""The leader's view of a partition: epochs, in-sync replicas, who is woken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.aio.memory_storage import MemoryStorage
from odradek.base.clock import ManualClock
from odradek.base.prng import seeded
from odradek.log.config import LogConfig
from odradek.log.epoch_cache import EpochCache
from odradek.log.manager import LogManager
from odradek.log.results import NEEDS_ROLL
from odradek.records.batch import parse_header
from odradek.records.record import NewRecord, build_batch
from odradek.replication.partition import (
    FencedLeaderEpoch,
    NotEnoughReplicas,
    Partition,
    PartitionError,
    UnknownLeaderEpoch,
)

NOW = 1_700_000_000_000


@asynccontextmanager
async def partition(*, fsync_all: bool = True, **config: int) -> AsyncIterator[Partition]:
    manager = LogManager(MemoryStorage(), "/data", clock=ManualClock(NOW), prng=seeded(1))
    await manager.start()
    log = await manager.open_or_create("t", 0, bytes(15) + b"\5", LogConfig(**config))  # type: ignore[arg-type]
    yield Partition("t", 0, log.topic_id, log, leader_epoch=3, fsync_all=fsync_all, loop=asyncio.get_running_loop())
    await manager.close()


async def put(leader: Partition, count: int = 1) -> int:
    records = build_batch([NewRecord(None, b"x", NOW)] * count)
    header = parse_header(records)
    result = leader.append_now(records, header, NOW)
    if result is NEEDS_ROLL:
        result = await leader.append(records, header, NOW)
    return result.last_offset + 1


def test_an_append_carries_the_leaders_epoch_and_moves_the_high_watermark() -> None:
    async def story() -> None:
        async with partition() as leader:
            assert await put(leader, 3) == 3
            assert (leader.high_watermark, leader.last_stable_offset) == (3, 3)
            assert leader.end_offset_for_epoch(3) == (3, 3)
            leader.leader_epoch = 5
            await put(leader)
            assert leader.end_offset_for_epoch(4) == (3, 3), "epoch 4 never was: 3 ended where 5 began"
            assert leader.end_offset_for_epoch(5) == (5, 4)

    asyncio.run(story())


def test_a_request_for_another_leader_is_refused_by_which_is_newer() -> None:
    async def story() -> None:
        async with partition() as leader:
            leader.check_leader_epoch(-1)
            leader.check_leader_epoch(3)
            with pytest.raises(FencedLeaderEpoch, match="leader epoch is 3, the request says 2"):
                leader.check_leader_epoch(2)
            with pytest.raises(UnknownLeaderEpoch):
                leader.check_leader_epoch(4)

    asyncio.run(story())


def test_an_epoch_whose_records_are_lost_ended_where_the_log_was_cut() -> None:
    async def story() -> None:
        async with partition() as leader:
            leader.leader_epoch = 5
            assert leader.end_offset_for_epoch(4) == (4, 0), "nothing is known but the leader's own epoch, from 0 on"
            leader.leader_epoch = 3
            await put(leader, 3)
            leader.leader_epoch = 5
            assert [leader.end_offset_for_epoch(epoch) for epoch in (3, 4, 5)] == [(3, 3), (3, 3), (5, 3)]
            assert leader.end_offset_for_epoch(6) == (-1, -1), "nobody has led in it yet"
            assert leader.end_offset_for_epoch(2) == (2, 0)
            await put(leader)
            assert [leader.end_offset_for_epoch(epoch) for epoch in (3, 4, 5)] == [(3, 3), (3, 3), (5, 4)], "and so it stays"

    asyncio.run(story())


@given(st.lists(st.integers(0, 3), max_size=12))
def test_epochs_end_as_if_each_leaders_began_with_its_first_day(steps: list[int]) -> None:
    """Kafka notes a leader's epoch when it begins, we note it with its first records: nobody who asks may see which.

    A step of 0 appends, another is the number of epochs until the next leader.
    """

    async def story() -> None:
        async with partition() as leader:
            model = EpochCache()
            model.assign(leader.leader_epoch, 0)
            for step in steps:
                if step:
                    leader.leader_epoch += step
                    model.assign(leader.leader_epoch, leader.high_watermark)
                else:
                    await put(leader)
                end = leader.high_watermark
                for epoch in range(-1, leader.leader_epoch + 2):
                    assert leader.end_offset_for_epoch(epoch) == model.end_offset_for(epoch, end), epoch

    asyncio.run(story())


def test_acks_all_needs_no_more_in_sync_replicas_than_there_are_replicas() -> None:
    async def story() -> None:
        async with partition(min_insync_replicas=2) as leader:
            assert (leader.replica_count, leader.min_in_sync_count) == (1, 1)
            leader.check_in_sync()
            leader.replica_count = 3
            with pytest.raises(NotEnoughReplicas, match=r"1 of 3 replicas in sync, acks=all needs 2 \(min\.insync\.replicas\)"):
                leader.check_in_sync()
            leader.in_sync_count = 2
            leader.check_in_sync()

    asyncio.run(story())


def test_what_is_durable_already_needs_no_waiting() -> None:
    async def story() -> None:
        async with partition() as leader:
            end = await put(leader)
            waiting = leader.commit(end)
            assert waiting is not None
            await waiting
            assert leader.log.durable_offset == end
            assert leader.commit(end) is None

    asyncio.run(story())


def test_without_fsync_an_append_is_a_commit() -> None:
    async def story() -> None:
        async with partition(fsync_all=False) as leader:
            assert leader.commit(await put(leader)) is None

    asyncio.run(story())


class Watcher:
    def __init__(self) -> None:
        self.sizes: list[int] = []

    def on_append(self, size: int) -> None:
        self.sizes.append(size)


def test_watchers_hear_of_every_append_until_they_leave() -> None:
    async def story() -> None:
        async with partition() as leader:
            watcher = Watcher()
            leader.watch(watcher)
            await put(leader)
            await put(leader)
            leader.unwatch(watcher)
            await put(leader)
            assert len(watcher.sizes) == 2 and all(watcher.sizes)

    asyncio.run(story())


def test_who_waits_for_a_partition_that_goes_is_told() -> None:
    async def story() -> None:
        async with partition() as leader:
            watcher = Watcher()
            leader.watch(watcher)
            waiting = leader.commit(await put(leader))
            assert waiting is not None
            leader.retire(PartitionError("gone"))
            with pytest.raises(PartitionError, match="gone"):
                await waiting
            assert watcher.sizes[-1] == 0, "0 bytes: nothing came, look again"

    asyncio.run(story())
