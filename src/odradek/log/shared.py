"""Work that says or does how things stand now: one at a time, and one run serves all who asked before it began.

Who asks while a run is under way is not served by it (it may have looked already at what the asker has changed since), and
shares the next one with everybody else who comes meanwhile. So a thousand who ask at once cost two runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable


class Shared:
    """`await run()` returns once a run that began after the call has ended; raises what it raised for whoever made it run."""

    __slots__ = ("_asked", "_done", "_turn", "_work")

    def __init__(self, work: Callable[[], Awaitable[object]]) -> None:
        self._work = work
        self._turn = asyncio.Lock()
        self._asked = self._done = 0

    async def run(self) -> None:
        self._asked = mine = self._asked + 1
        async with self._turn:
            if self._done < mine:
                begun = self._asked
                await self._work()
                self._done = begun
