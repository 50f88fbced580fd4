"""Work on the same thing one after the other, work on different things side by side.

Two atomic replacements of one file share a temporary name, and the later one must win; two writes that meet in one block of
a disk must not both read it, change their half and write it back. They take turns, in the order in which they asked.
Belongs to one loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

K = TypeVar("K")


class OneAtATime(Generic[K]):
    """OneAtATime by key (a path, a block's number); a key that nobody works on takes no memory."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: dict[K, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def turn(self, key: K) -> AsyncIterator[None]:
        """Inside the block nobody else has a turn for `key`."""
        waiting = self._waiting.get(key)
        if waiting is None:
            self._waiting[key] = deque()
        else:
            await self._wait(key, waiting)
        try:
            yield
        finally:
            self._next(key)

    async def _wait(self, key: K, waiting: deque[asyncio.Future[None]]) -> None:
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self._next(key)  # the turn had come already: hand it on
            raise

    def _next(self, key: K) -> None:
        waiting = self._waiting[key]
        while waiting:
            waiter = waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        del self._waiting[key]
