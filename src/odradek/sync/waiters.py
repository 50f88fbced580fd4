"""The one waiting primitive: a fair line of those who wait, and everything else stands on it.

Whoever waits stands at the end of the line; whoever lets go takes from its head. Three rules make it safe:

* **First come, first served.** A small request behind a large one waits, though it could be served: else the large one starves.
* **A grant is never lost.** A waiter that is cancelled after it was let go, and before it ran, hands its grant on
  (`acquire` of each primitive does that in its `except CancelledError`).
* **No memory of the cancelled.** They leave the line at once, however long it is.

Belongs to one event loop; not thread-safe. (trio's `_parking_lot.py` is the model.)
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict


class Waiters:
    """A line of futures, each with the units it asks for."""

    __slots__ = ("_line", "waited", "waiting_max")

    def __init__(self) -> None:
        self._line: OrderedDict[asyncio.Future[None], int] = OrderedDict()
        self.waited = 0  # how many ever stood here
        self.waiting_max = 0

    def __len__(self) -> int:
        return len(self._line)

    def join(self, units: int = 1) -> asyncio.Future[None]:
        """Stand at the end; the future is resolved when it is this one's turn."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line[future] = units
        self.waited += 1
        self.waiting_max = max(self.waiting_max, len(self._line))
        return future

    def leave(self, future: asyncio.Future[None]) -> None:
        """Step out of the line (cancelled); no matter if already let go."""
        self._line.pop(future, None)

    @property
    def first_units(self) -> int:
        """What the first in line asks for; 0 when nobody waits."""
        return next(iter(self._line.values()), 0)

    def let_one_go(self) -> None:
        """The first in line goes on."""
        future, _ = self._line.popitem(last=False)
        if not future.done():
            future.set_result(None)

    def let_all_go(self) -> None:
        """Everybody goes on."""
        while self._line:
            self.let_one_go()

    def fail_all(self, error: Exception) -> None:
        """Everybody's wait ends with `error`."""
        line, self._line = self._line, OrderedDict()
        for future in line:
            if not future.done():
                future.set_exception(error)
