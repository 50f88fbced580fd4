"""Who is next: priority classes that share a disk in proportion to their shares.

A class with 200 shares gets twice the disk of one with 100 while both have work, and all of it while the other has none.
What is shared is cost, not requests: a class of large requests is served less often. Seastar's `fair_queue` is the model;
the rule is start-time fair queueing (Goyal, Vin, Cheng, "Start-time Fair Queuing", SIGCOMM 1996):

* each class has a time of its own, that goes on by cost / shares with each of its requests;
* the class whose time is least is next, and its time is then the queue's;
* a class that had nothing to do comes back at the queue's time, not at its own: sleeping earns no credit, with which it
  could shut the others out.

So with all classes busy, what any two of them got differs, divided by their shares, by no more than one request of each;
and none starves, for every other class's time passes its own at last.

It decides and does nothing: no clock, no I/O, no futures. A request that was given up is taken out by `forget`, at no cost.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Generic, TypeVar

from odradek.base.errors import check

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PriorityStatistics:
    """What one class was given; `cost` is in the unit of whoever pushes."""

    name: str
    shares: int
    waiting: int
    served: int
    cost: float


class PriorityClass(Generic[T]):
    """One of those that share. Made by `FairQueue.add_class`."""

    __slots__ = ("_requests", "_time", "cost", "name", "served", "shares")

    def __init__(self, name: str, shares: int) -> None:
        if shares < 1:
            raise ValueError(f"priority class {name}: at least one share, not {shares}")
        self.name = name
        self.shares = shares  # may be changed at any time: it counts from the next request on
        self.served = 0
        self.cost = 0.0
        self._time = 0.0
        self._requests: OrderedDict[T, float] = OrderedDict()

    @property
    def waiting(self) -> int:
        return len(self._requests)

    def statistics(self) -> PriorityStatistics:
        return PriorityStatistics(self.name, self.shares, len(self._requests), self.served, self.cost)


class FairQueue(Generic[T]):
    """Requests (any hashable objects) of several classes; `pop` gives them in the order in which they are due."""

    __slots__ = ("_busy", "_time", "classes")

    def __init__(self) -> None:
        self.classes: dict[str, PriorityClass[T]] = {}
        self._busy: list[PriorityClass[T]] = []  # a handful: a heap would not be faster
        self._time = 0.0

    def add_class(self, name: str, shares: int) -> PriorityClass[T]:
        """Raises ValueError for a name that is there already."""
        if name in self.classes:
            raise ValueError(f"priority class {name} is there already, with {self.classes[name].shares} shares")
        made = self.classes[name] = PriorityClass(name, shares)
        return made

    def __len__(self) -> int:
        return sum(len(one._requests) for one in self._busy)

    def push(self, priority: PriorityClass[T], request: T, cost: float) -> None:
        """Stand behind the requests of the same class."""
        check(cost > 0, "a request costs something", priority=priority.name, cost=cost)
        if not priority._requests:
            self._busy.append(priority)
            priority._time = max(priority._time, self._time)
        priority._requests[request] = cost

    def peek(self) -> tuple[T, float] | None:
        """The next request and its cost, without taking it."""
        if not self._busy:
            return None
        return next(iter(self._next()._requests.items()))

    def pop(self) -> T:
        """Take the next request; there must be one. Its class is charged."""
        priority = self._next()
        request, cost = self._take_first(priority)
        self._charge(priority, cost)
        return request

    def drop(self) -> T:
        """Take the next request, at no cost for its class: nobody wants it any more."""
        return self._take_first(self._next())[0]

    def _take_first(self, priority: PriorityClass[T]) -> tuple[T, float]:
        first = priority._requests.popitem(last=False)
        if not priority._requests:
            self._busy.remove(priority)
        return first

    def serve_at_once(self, priority: PriorityClass[T], cost: float) -> None:
        """Charge a class for a request that never had to wait; to be called only while nobody waits."""
        priority._time = max(priority._time, self._time)
        self._charge(priority, cost)

    def _charge(self, priority: PriorityClass[T], cost: float) -> None:
        self._time = priority._time
        priority._time += cost / priority.shares
        priority.served += 1
        priority.cost += cost

    def _next(self) -> PriorityClass[T]:
        return min(self._busy, key=_time_of)

    def forget(self, priority: PriorityClass[T], request: T) -> bool:
        """Take a request out that is not wanted any more; False when it is not (or no longer) here."""
        if priority._requests.pop(request, None) is None:
            return False
        if not priority._requests:
            self._busy.remove(priority)
        return True


def _time_of(priority: PriorityClass[T]) -> float:
    return priority._time
