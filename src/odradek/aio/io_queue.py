"""The way to one disk: who may go next, and when.

Requests of all priority classes pass here before they reach an engine. Two things hold them back:

* **how many are under way**: a disk has a depth beyond which it only makes a queue of its own, in which nobody has priority;
* **the disk's measured rates**, if they are known: requests are let go at the pace at which the disk ends them. A disk that
  is asked for more answers each later, the urgent ones too. A request that is too large for the moment's credit goes all the
  same and leaves a debt, so that large ones never starve.

Who is next is `FairQueue`'s decision. While nobody waits and there is room, a request passes without a future.

    await queue.enter(priority, Direction.READ, size)
    try:
        ...
    finally:
        queue.leave()

One loop's; `clock` is monotonic. A waiter that is cancelled leaves its place, or gives back what it was just given.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final, TypeAlias

from odradek.aio.disk_rates import Direction, DiskRates, weight
from odradek.aio.errors import GateClosedError
from odradek.aio.fair_queue import FairQueue, PriorityClass, PriorityStatistics
from odradek.base.clock import Clock
from odradek.base.errors import check

BURST_SECONDS: Final = 0.005
"""Credit that a disk which was idle gives at once: some turns of the loop, whose timers are no finer than a millisecond."""

Priority: TypeAlias = PriorityClass[asyncio.Future[None]]


@dataclass(frozen=True, slots=True)
class IoQueueStatistics:
    """A view of one queue."""

    name: str
    depth: int
    under_way: int
    waiting: int
    throttled: int  # how often requests had to wait for the disk's pace
    classes: tuple[PriorityStatistics, ...]


class IoQueue:
    """The requests of one shard to one disk."""

    __slots__ = (
        *("_clock", "_credit", "_credit_at", "_fair", "_loop", "_timer", "_under_way", "closed", "depth", "name", "rates"),
        "throttled",
    )

    def __init__(self, name: str, depth: int, clock: Clock, rates: DiskRates | None = None) -> None:
        if depth < 1:
            raise ValueError(f"disk {name}: at least one request is under way at a time, not {depth}")
        self.name = name
        self.depth = depth
        self.rates = rates
        self.throttled = 0
        self.closed = False
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._fair: FairQueue[asyncio.Future[None]] = FairQueue()
        self._under_way = 0
        self._credit = BURST_SECONDS
        self._credit_at = clock.monotonic()
        self._timer: asyncio.TimerHandle | None = None

    def add_class(self, name: str, shares: int) -> Priority:
        """A priority class of this disk."""
        return self._fair.add_class(name, shares)

    def cost(self, direction: Direction, size: int) -> float:
        return weight(size) if self.rates is None else self.rates.seconds(direction, size)

    async def enter(self, priority: Priority, direction: Direction, size: int) -> None:
        """Wait until a request of `size` bytes may go to the disk; `leave()` when it has ended. Raises `GateClosedError`."""
        if self.closed:
            raise GateClosedError(f"the queue to disk {self.name} is closed ({self._under_way} requests under way)")
        cost = self.cost(direction, size)
        if not self._fair and self._has_room():
            self._fair.serve_at_once(priority, cost)
            self._let_go(cost)
            return
        await self._wait(priority, cost)

    async def _wait(self, priority: Priority, cost: float) -> None:
        turn: asyncio.Future[None] = self._loop.create_future()
        self._fair.push(priority, turn, cost)
        if self._timer is None:
            self._serve()
        try:
            await turn
        except asyncio.CancelledError:
            if not self._fair.forget(priority, turn) and turn.done() and not turn.cancelled() and not turn.exception():
                self.leave()
            raise

    def leave(self) -> None:
        """A request that was let go has ended."""
        check(self._under_way > 0, "a request ends once", disk=self.name)
        self._under_way -= 1
        if self._timer is None:
            self._serve()

    def _serve(self) -> None:
        """Let go whoever may go now."""
        self._timer = None
        while (first := self._fair.peek()) is not None and self._has_room():
            turn, cost = first
            if turn.done():  # cancelled in this very turn of the loop
                self._fair.drop()
                continue
            self._fair.pop()
            self._let_go(cost)
            turn.set_result(None)
        if first is not None and self._under_way < self.depth and self._timer is None:
            self.throttled += 1
            self._timer = self._loop.call_later(max(0.0, -self._credit), self._serve)

    def _has_room(self) -> bool:
        if self._under_way >= self.depth:
            return False
        if self.rates is None:
            return True
        now = self._clock.monotonic()
        self._credit = min(BURST_SECONDS, self._credit + now - self._credit_at)
        self._credit_at = now
        return self._credit >= 0

    def _let_go(self, cost: float) -> None:
        self._under_way += 1
        if self.rates is not None:
            self._credit -= cost

    def close(self) -> None:
        """Let nobody in any more; who waits gets `GateClosedError`. Those under way still `leave()`."""
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while len(self._fair):
            turn = self._fair.drop()
            if not turn.done():
                turn.set_exception(GateClosedError(f"the queue to disk {self.name} was closed while this waited in it"))

    def statistics(self) -> IoQueueStatistics:
        classes = tuple(one.statistics() for one in self._fair.classes.values())
        return IoQueueStatistics(self.name, self.depth, self._under_way, len(self._fair), self.throttled, classes)
