"""A bounded queue between tasks of one loop.

A full one holds its producers back, an empty one its consumers; both lines are fair. `close()` is an end that both can
see: no more is taken in, what is inside can still be taken out, and then consumers get `QueueClosedError`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

from odradek.sync.condition import Condition
from odradek.sync.errors import QueueClosedError

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

    __slots__ = ("_closed", "_filled", "_items", "_room", "_size_max", "limit", "name")

    def __init__(self, name: str, limit: int) -> None:
        if limit < 1:
            raise ValueError(f"queue {name}: room for at least one item, not {limit}")
        self.name = name
        self.limit = limit
        self._items: deque[T] = deque()
        self._size_max = 0
        self._room = Condition(f"{name} has room")
        self._filled = Condition(f"{name} has items")
        self._closed = False

    def __len__(self) -> int:
        return len(self._items)

    @property
    def closed(self) -> bool:
        return self._closed

    def try_put(self, item: T) -> bool:
        """Put `item` in unless the queue is full. Raises `QueueClosedError`."""
        if self._closed:
            raise QueueClosedError(f"queue {self.name} is closed ({len(self._items)} of {self.limit} items inside)")
        if len(self._items) >= self.limit:
            return False
        self._items.append(item)
        self._size_max = max(self._size_max, len(self._items))
        self._filled.signal()
        return True

    async def put(self, item: T) -> None:
        """Put `item` in, when there is room."""
        while not self.try_put(item):
            await self._room.wait()

    async def get(self) -> T:
        """Take the oldest item. Raises `QueueClosedError` when the queue is closed and empty."""
        while not self._items:
            if self._closed:
                raise QueueClosedError(f"queue {self.name} is closed and empty (its limit was {self.limit})")
            await self._filled.wait()
        item = self._items.popleft()
        self._room.signal()
        return item

    def close(self) -> None:
        """Take nothing more in; may be repeated."""
        self._closed = True
        self._room.broadcast()
        self._filled.broadcast()

    def statistics(self) -> QueueStatistics:
        putting, getting = self._room.statistics().waiting, self._filled.statistics().waiting
        return QueueStatistics(self.name, len(self._items), self._size_max, self.limit, putting, getting, self._closed)
