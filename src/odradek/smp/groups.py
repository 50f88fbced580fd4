"""Service groups: how many calls a shard takes from each other shard, and why shards never wait for each other in a circle.

A handler that calls on holds what it was given while it waits: its place among the calls that its shard takes, and the
payload that it was lent. Were every place of two shards held by handlers that wait for a place on the other, nothing
would move again; and the same with their arenas. The rules that forbid it:

* every service is in a group, and groups have an order;
* a group has `calls_max` places for each pair of shards, counted where the call is made. A place is free again when the
  answer has come, also when nobody waits for it any more;
* **a handler may only call services of a later group than its own** (`ServiceOrderError` otherwise), on its own shard too;
* **a handler never waits for room in an arena.** Its payloads, and those of answers, go through the ring when the arena
  is full. Only who serves nobody waits, and it holds no place meanwhile;
* who waits for the arena should hold no other shard's payload: release a `Reply` before the next call with a payload. (This
  one is not checked.)
* answers need no place: they go out as long as memory lasts, and their number is bounded by the calls that were let in;
* rings are read whatever else happens: no handler is waited for.

So whoever waits for a place waits for handlers of a later group; the last group's wait for nobody, finish, and free
places from the back to the front. Whoever waits for the arena waits for handlers, which come to an end. (Seastar's
`smp_service_group`s are to be used the same way, by convention; here the order is checked.)

A handler's group goes with its context: a task that it makes counts as the handler.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from odradek.smp.errors import ServiceOrderError

CALLS_MAX: Final = 1024
"""Calls of one group from one shard to another at the same time. Seastar's default per group is 1024 as well."""


@dataclass(frozen=True, slots=True)
class ServiceGroup:
    """A class of services; `order` grows along the direction of calls, from 1."""

    name: str
    order: int
    calls_max: int = CALLS_MAX

    def __post_init__(self) -> None:
        if self.order < 1 or self.calls_max < 1:
            raise ValueError(f"group {self.name}: order and calls_max are at least 1, not {self.order} and {self.calls_max}")


DEFAULT_GROUP: Final = ServiceGroup("default", 1000)
"""For services that call no other shard: handlers of every other group may call it."""

_serving: ContextVar[ServiceGroup | None] = ContextVar("odradek_smp_serving", default=None)


def enter(group: ServiceGroup) -> None:
    """Whatever runs in this context is a handler of `group` from now on."""
    _serving.set(group)


def serving() -> ServiceGroup | None:
    """The group whose handler we are; None for who serves nobody."""
    return _serving.get()


def check_order(group: ServiceGroup, service: str) -> None:
    """Raise `ServiceOrderError` unless the task that runs now may call a service of `group`."""
    mine = _serving.get()
    if mine is not None and group.order <= mine.order:
        raise ServiceOrderError(
            f"a handler of group {mine.name} (order {mine.order}) calls {service}, "
            f"of group {group.name} (order {group.order}): calls go to later groups only"
        )
