"""A bounded queue between tasks of one loop.

A full one holds its producers back, an empty one its consumers. Both lines are strictly fair: items are put in, and
taken out, in the order in which `put` and `get` were called. So a newcomer never gets what one who waited has been let go
for: an item that is promised stays in the queue, and room that is promised stays free, until the one it is promised to
has run, or has been cancelled, when it is promised to the next.

`close()` is an end that both sides can see: no more is taken in, what is inside can still be taken out, and then consumers get
`QueueClosedError`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

from odradek.sync.errors import QueueClosedError
from odradek.sync.waiters import Waiters

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class QueueStatistics:
    """A view of one queue."""

    name: str
    size: int
    size_max: int
    limit: int
    putting: int
    getting: int
    closed: bool


class Queue(Generic[T]):
    """First in, first out, at most `limit` items."""

    __slots__ = ("_closed", "_getters", "_items", "_promised_items", "_promised_room", "_putters", "_size_max", "limit", "name")

    def __init__(self, name: str, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"queue {name}: room for at least one item, not {limit}")
        self.name = name
        self.limit = limit
        self._items: deque[T] = deque()
        self._size_max = 0
        self._putters = Waiters[bool]()
        self._getters = Waiters[bool]()
        self._promised_room = 0  # putters who were let go and have not run yet
        self._promised_items = 0
        self._closed = False

    def __len__(self) -> int:
        return len(self._items)

    @property
    def closed(self) -> bool:
        return self._closed

    def try_put(self, item: T) -> bool:
        """Put `item` in unless the queue is full, or others wait to put. Raises `QueueClosedError`."""
        self._check_open()
        if self._promised_room or self._putters.first_units is not None or len(self._items) >= self.limit:
            return False
        self._append(item)
        return True

    async def put(self, item: T) -> None:
        """Put `item` in, when there is room and it is our turn. Raises `QueueClosedError`."""
        if self.try_put(item):
            return
        await self._putters.wait(self._putters.join(), self._putter_left)
        self._promised_room -= 1
        self._check_open()
        self._append(item)

    def _append(self, item: T) -> None:
        self._items.append(item)
        self._size_max = max(self._size_max, len(self._items))
        self._settle()

    async def get(self) -> T:
        """Take the oldest item, when it is our turn. Raises `QueueClosedError` when the queue is closed and empty."""
        if self._closed and not self._items:
            raise self._empty_error()
        if self._promised_items or self._getters.first_units is not None or not self._items:
            await self._getters.wait(self._getters.join(), self._getter_left)
            self._promised_items -= 1
        item = self._items.popleft()
        self._settle()
        return item

    def close(self) -> None:
        """Take nothing more in; may be repeated."""
        self._closed = True
        self._settle()

    def _settle(self) -> None:
        """Promise what is there to those who wait for it, and end the waits for what won't come.

        A newcomer that joins a line does not call this, though there may be something for it: one who is let go before it
        sleeps goes on at once, past those who were let go before. They call this when they run.
        """
        while len(self._items) > self._promised_items and self._getters.first_units is not None:
            self._promised_items += 1
            self._getters.let_one_go(True)
        if self._closed:
            self._putters.fail(self._closed_error())
            if not self._items:
                self._getters.fail(self._empty_error())
            return
        while len(self._items) + self._promised_room < self.limit and self._putters.first_units is not None:
            self._promised_room += 1
            self._putters.let_one_go(True)

    def _putter_left(self, granted: bool | None) -> None:
        self._promised_room -= bool(granted)
        self._settle()

    def _getter_left(self, granted: bool | None) -> None:
        self._promised_items -= bool(granted)
        self._settle()

    def _check_open(self) -> None:
        if self._closed:
            raise self._closed_error()

    def _closed_error(self) -> QueueClosedError:
        return QueueClosedError(f"queue {self.name} is closed ({len(self._items)} of {self.limit} items inside)")

    def _empty_error(self) -> QueueClosedError:
        return QueueClosedError(f"queue {self.name} is closed and empty (its limit was {self.limit})")

    def statistics(self) -> QueueStatistics:
        putting, getting = len(self._putters), len(self._getters)
        return QueueStatistics(self.name, len(self._items), self._size_max, self.limit, putting, getting, self._closed)
