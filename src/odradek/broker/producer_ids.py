"""Ids for producers, never given twice: Kafka's blocks of 1000, noted durably before the first of a block is used.

One key of the metadata store holds the next block's first id; a block is taken by compare-and-swap, so that brokers of
a cluster can share the key. What is left of a block at a stop is never used: ids are plenty (2^63), a repeated one
would let one producer's retry be taken for another's.
"""

from __future__ import annotations

import asyncio
from typing import Final

from odradek.metadata.store import Compare, MetadataStore, Put

BLOCK_SIZE: Final = 1000
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

    async def _take_block(self) -> None:
        while True:
            entry = await self._store.get(KEY)
            first, seen = (int(entry.value), entry.mod_revision) if entry is not None else (0, 0)
            outcome = await self._store.transaction([Compare(KEY, seen)], [Put(KEY, b"%d" % (first + BLOCK_SIZE))])
            if outcome.succeeded:
                self._next, self._end = first, first + BLOCK_SIZE
                return
