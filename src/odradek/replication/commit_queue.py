"""Those who wait for an offset to be committed, released in order of offset.

Pure but for the futures it resolves. A waiter names the offset that must be passed: with `release(upto)` everybody
whose offset is at most `upto` goes on; with `fail(error)` all do, with the error. Cancelled waiters are dropped when
their turn comes.
"""

from __future__ import annotations

import asyncio
from heapq import heappop, heappush


class CommitQueue:
    """One partition's waiters."""

    __slots__ = ("_heap", "_sequence")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, asyncio.Future[None]]] = []
        self._sequence = 0

    def __len__(self) -> int:
        return len(self._heap)

    @property
    def lowest(self) -> int:
        """The offset that the first waiter needs."""
        return self._heap[0][0]

    @property
    def highest(self) -> int:
        """The offset that would release everybody."""
        return max(entry[0] for entry in self._heap)

    def wait(self, offset: int, loop: asyncio.AbstractEventLoop) -> asyncio.Future[None]:
        """A future that is done when `offset` (exclusive end of what was appended) has been passed."""
        future: asyncio.Future[None] = loop.create_future()
        self._sequence += 1
        heappush(self._heap, (offset, self._sequence, future))
        return future

    def release(self, upto: int) -> int:
        """Release all that wait for at most `upto`; returns how many."""
        heap, released = self._heap, 0
        while heap and heap[0][0] <= upto:
            future = heappop(heap)[2]
            if not future.done():
                future.set_result(None)
                released += 1
        return released

    def fail(self, error: Exception) -> None:
        """The offsets will not be reached: everybody is told why."""
        heap, self._heap = self._heap, []
        for _, _, future in heap:
            if not future.done():
                future.set_exception(error)
                future.exception()  # whoever waits sees it; nobody waiting is no bug
