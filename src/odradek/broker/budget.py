"""Memory in flight, counted: how many bytes of unfinished requests the broker holds over all connections.

Every connection has a small buffer of its own that needs nobody's leave. A frame that needs more asks here first; when
the budget is spent the connection stops reading until somebody gives back (backpressure through TCP, not an error),
first come, first served. The limit is `odradek.memory.inflight.bytes`. One frame is always let through when nothing is
out, however large: `socket.request.max.bytes` bounds it already, and it would else wait for ever.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from odradek.base.errors import check


class MemoryBudget:
    """One broker's budget; touched from its loop only."""

    __slots__ = ("_waiting", "capacity", "used", "waits_total")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.used = 0
        self.waits_total = 0
        self._waiting: deque[tuple[int, Callable[[], None]]] = deque()

    @property
    def waiting_count(self) -> int:
        return len(self._waiting)

    def take(self, size: int, granted: Callable[[], None]) -> bool:
        """True when the bytes are yours now; else `granted` is called once they are."""
        if not self._waiting and self._fits(size):
            self.used += size
            return True
        self.waits_total += 1
        self._waiting.append((size, granted))
        return False

    def give(self, size: int) -> None:
        """Give back what was taken, and serve those that wait, in order."""
        self.used -= size
        check(self.used >= 0, "more memory given back than was taken", used=self.used, size=size)
        self._serve_waiting()

    def forget(self, granted: Callable[[], None]) -> None:
        """Whoever waited has gone."""
        self._waiting = deque(entry for entry in self._waiting if entry[1] != granted)
        self._serve_waiting()

    def _serve_waiting(self) -> None:
        while self._waiting and self._fits(self._waiting[0][0]):
            taken, granted = self._waiting.popleft()
            self.used += taken
            granted()

    def _fits(self, size: int) -> bool:
        return self.used == 0 or self.used + size <= self.capacity


class UnsentAnswers:
    """Bytes of answers that are ready and that their clients have not taken, over all connections.

    Only what is held up counts: an answer that leaves at once is never here. A fetch answers with no more than there is
    `room` for, so that clients who ask and never read cannot fill the memory. Where there is none it still gets its first
    batch, so that others get on; from twice the capacity on it gets nothing, and asks again.
    """

    __slots__ = ("capacity", "held")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.held = 0

    def give_back(self, size: int) -> None:
        self.held -= size
        check(self.held >= 0, "more answers were taken than were held", held=self.held, size=size)

    @property
    def room(self) -> int:
        return max(0, self.capacity - self.held)

    @property
    def has_room_for_one(self) -> bool:
        return self.held < 2 * self.capacity

    @property
    def is_short(self) -> bool:
        """So little room that fetches may be answered with less than they could have."""
        return self.held > self.capacity // 2
