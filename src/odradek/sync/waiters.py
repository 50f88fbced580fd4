"""The one waiting primitive: a fair line of those who wait, and everything else stands on it.

Whoever waits stands at the end of the line; whoever lets go takes from its head. Three rules make it safe:

* **First come, first served.** A small request behind a large one waits, though it could be served: else the large one starves.
* **A grant is never lost.** One that was let go is told so only in a later turn of the loop, and may be cancelled before it
  runs. `wait` then tells the primitive, which takes the grant back and gives it to the next.
* **The cancelled get nothing.** `Task.cancel()` ends a waiter's future at once, but the waiter leaves the line only when
  its task runs. Between the two it still stands there, and is passed over.

Belongs to one event loop; not thread-safe. (trio's `_parking_lot.py` is the model.)
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Waiters(Generic[T]):
    """A line of futures, each with the units it asks for; each gets a T when it is let go."""

    __slots__ = ("_line", "waited", "waiting_max")

    def __init__(self) -> None:
        self._line: OrderedDict[asyncio.Future[T], int] = OrderedDict()
        self.waited = 0  # how many ever stood here
        self.waiting_max = 0

    def __len__(self) -> int:
        """How many stand here, those included that were cancelled in this very turn."""
        return len(self._line)

    def join(self, units: int = 1) -> asyncio.Future[T]:
        """Stand at the end of the line; to be awaited with `wait`, and at once."""
        turn: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._line[turn] = units
        self.waited += 1
        self.waiting_max = max(self.waiting_max, len(self._line))
        return turn

    async def wait(self, turn: asyncio.Future[T], left: Callable[[T | None], None]) -> T:
        """Until it is our turn; returns what we were let go with.

        `left` is called when the wait is cancelled: with the grant that it got in that very moment, or with None if it
        got none. Either way the line is shorter, and the next may be served.
        """
        try:
            return await turn
        except asyncio.CancelledError:
            self._line.pop(turn, None)
            # A broken wait (its future has an error) was granted nothing, though it is no longer in the line.
            granted = turn.done() and not turn.cancelled() and turn.exception() is None
            left(turn.result() if granted else None)
            raise

    @property
    def first_units(self) -> int | None:
        """What the first in line asks for; None when nobody waits."""
        line = self._line
        while line:
            future, units = next(iter(line.items()))
            if not future.done():
                return units
            del line[future]  # cancelled, and its task has not run yet
        return None

    def let_one_go(self, grant: T) -> None:
        """The first in line goes on; to be called only after `first_units` has said that there is one."""
        future, _ = self._line.popitem(last=False)
        future.set_result(grant)

    def fail(self, error: Exception, *, above: int = -1) -> None:
        """End the waits of those that ask for more than `above` units (all of them, if it is not given) with `error`."""
        for future in [future for future, units in self._line.items() if units > above]:
            del self._line[future]
            if not future.done():
                future.set_exception(error)
