"""Ids are given once: over blocks, over restarts, over brokers that share a store."""

from __future__ import annotations

import asyncio

from odradek.broker.producer_ids import BLOCK_SIZE, ProducerIds
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
