"""Ids for producers, never given twice: Kafka's blocks of 1000, noted durably before the first of a block is used.

One key of the metadata store holds the next block's first id; a block is taken by compare-and-swap, so that brokers of
a cluster can share the key. What is left of a block at a stop is never used: ids are plenty (2^63), a repeated one
would let one producer's retry be taken for another's.

The key can be behind: a directory that Apache Kafka wrote, or whose metadata.db was lost, holds batches of producers whose
ids were given elsewhere. A second producer with such an id would begin at sequence 0, as the first one did, be taken for
its retry, and have its records acknowledged and dropped. So a start tells which ids the logs know (`pass_over`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from odradek.metadata.store import Compare, MetadataStore, Put

BLOCK_SIZE: Final = 1000
# Clients choose what they write under: one that makes up an id near 2^63 must not use up the supply of all others.
GIVEN_MAX: Final = 1 << 62
KEY: Final = "producer-ids/next"


class ProducerIds:
    """One broker's supply."""

    def __init__(self, store: MetadataStore) -> None:
        self._store = store
        self._next = 0
        self._end = 0
        self._lock = asyncio.Lock()

    async def next(self) -> int:
        """A fresh id."""
        if self._next >= self._end:
            async with self._lock:
                if self._next >= self._end:
                    await self._take_block()
        taken = self._next
        self._next += 1
        return taken

    async def pass_over(self, used: Iterable[int]) -> None:
        """Give only ids above those in `used` from now on (those above `GIVEN_MAX` nobody gave, and don't count).

        To be called before the first `next`. Raises `StoreError`.
        """
        lowest = max((id_ for id_ in used if id_ <= GIVEN_MAX), default=-1) + 1
        while True:
            first, seen = await self._noted()
            if first >= lowest:
                return
            if (await self._store.transaction([Compare(KEY, seen)], [Put(KEY, b"%d" % lowest)])).succeeded:
                return

    async def _noted(self) -> tuple[int, int]:
        """The first id of the next block, and the revision at which that was noted."""
        entry = await self._store.get(KEY)
        return (int(entry.value), entry.mod_revision) if entry is not None else (0, 0)

    async def _take_block(self) -> None:
        while True:
            first, seen = await self._noted()
            outcome = await self._store.transaction([Compare(KEY, seen)], [Put(KEY, b"%d" % (first + BLOCK_SIZE))])
            if outcome.succeeded:
                self._next, self._end = first, first + BLOCK_SIZE
                return
