"""Work on the same path one after the other, work on different paths side by side.

Two atomic replacements of one file share a temporary name, and the later one must win: they take turns, in the order in which
they asked. Belongs to one loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class PathOrder:
    """Turns by path; a path that nobody works on takes no memory."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def turn(self, path: str) -> AsyncIterator[None]:
        """Inside the block nobody else has a turn for `path`."""
        waiting = self._waiting.get(path)
        if waiting is None:
            self._waiting[path] = deque()
        else:
            await self._wait(path, waiting)
        try:
            yield
        finally:
            self._next(path)

    async def _wait(self, path: str, waiting: deque[asyncio.Future[None]]) -> None:
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self._next(path)  # the turn had come already: hand it on
            raise

    def _next(self, path: str) -> None:
        waiting = self._waiting[path]
        while waiting:
            waiter = waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        del self._waiting[path]
