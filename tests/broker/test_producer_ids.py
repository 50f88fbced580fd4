"""Ids are given once: over blocks, over restarts, over brokers that share a store."""

from __future__ import annotations

import asyncio

from odradek.broker.producer_ids import BLOCK_SIZE, GIVEN_MAX, KEY, ProducerIds
from odradek.metadata.memory_store import MemoryStore


def test_ids_count_on_over_blocks() -> None:
    async def story() -> None:
        ids = ProducerIds(MemoryStore())
        assert [await ids.next() for _ in range(BLOCK_SIZE + 2)] == list(range(BLOCK_SIZE + 2))

    asyncio.run(story())


def test_a_restart_and_a_second_broker_begin_a_block_of_their_own() -> None:
    async def story() -> None:
        store = MemoryStore()
        first, second, again = ProducerIds(store), ProducerIds(store), ProducerIds(store)
        taken = await asyncio.gather(*(ids.next() for ids in (first, second, again)))
        assert sorted(taken) == [0, BLOCK_SIZE, 2 * BLOCK_SIZE]

    asyncio.run(story())


def test_many_at_once_share_a_block() -> None:
    async def story() -> None:
        ids = ProducerIds(MemoryStore())
        assert sorted(await asyncio.gather(*(ids.next() for _ in range(100)))) == list(range(100))

    asyncio.run(story())


def test_ids_that_the_logs_know_are_passed_over() -> None:
    async def story() -> None:
        store = MemoryStore()
        ids = ProducerIds(store)
        await ids.pass_over([7, 1234, 3])
        assert await ids.next() == 1235
        later = ProducerIds(store)
        noted = await store.get(KEY)
        await later.pass_over([7, 1235])
        assert await store.get(KEY) == noted, "nothing is written where the store is ahead already"
        assert await later.next() == 1235 + BLOCK_SIZE

    asyncio.run(story())


def test_an_invented_id_does_not_use_up_the_others() -> None:
    async def story() -> None:
        ids = ProducerIds(MemoryStore())
        await ids.pass_over([(1 << 63) - 1, GIVEN_MAX + 1, 4])
        assert await ids.next() == 5

    asyncio.run(story())
