"""Leases of a store that lives in this process.

A lease ends when it is revoked or when its time runs out unrefreshed. Nobody else is there to notice, so the time is
looked at whenever the store is used; what was put under an ended lease is deleted before anything else is read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from odradek.base.clock import Clock
from odradek.metadata.errors import StoreError
from odradek.metadata.store import Operation, Put

EndLeases = Callable[[set[int]], Awaitable[None]]


class LeaseTable:
    """Which leases live, and until when (seconds of the monotonic clock)."""

    __slots__ = ("_clock", "_deadlines", "_next_id")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._deadlines: dict[int, float] = {}
        self._next_id = 1

    def grant(self, ttl_ms: int, end: EndLeases) -> LocalLease:
        """A new lease; `end` deletes what leases held."""
        if ttl_ms <= 0:
            raise StoreError(f"a lease needs a time to live above 0 ms, not {ttl_ms}")
        lease = LocalLease(self, self._next_id, ttl_ms, end)
        self._next_id += 1
        self._deadlines[lease.id] = self._clock.monotonic() + ttl_ms / 1000
        return lease

    def refresh(self, lease: LocalLease) -> bool:
        """Start the lease's time anew; False when it has ended."""
        now = self._clock.monotonic()
        if self._deadlines.get(lease.id, now) <= now:
            return False
        self._deadlines[lease.id] = now + lease.ttl_ms / 1000
        return True

    def expire(self) -> set[int]:
        """Take out the leases whose time is over; their ids come back."""
        if not self._deadlines:
            return set()
        now = self._clock.monotonic()
        ended = {lease for lease, deadline in self._deadlines.items() if deadline <= now}
        for lease in ended:
            del self._deadlines[lease]
        return ended

    def revoke(self, lease: LocalLease) -> bool:
        """End it; False when it had ended already."""
        return self._deadlines.pop(lease.id, None) is not None

    def check_live(self, operations: Iterable[Operation]) -> None:
        """Raise `StoreError` when something is to be put under a lease that has ended."""
        for operation in operations:
            if isinstance(operation, Put) and operation.lease and operation.lease not in self._deadlines:
                raise StoreError(f"cannot put {operation.key!r} under lease {operation.lease}: it has ended")


class LocalLease:
    """See `store.Lease`."""

    __slots__ = ("_end", "_table", "id", "ttl_ms")

    def __init__(self, table: LeaseTable, id: int, ttl_ms: int, end: EndLeases) -> None:
        self._table = table
        self._end = end
        self.id = id
        self.ttl_ms = ttl_ms

    async def keep_alive(self) -> bool:
        return self._table.refresh(self)

    async def revoke(self) -> None:
        if self._table.revoke(self):
            await self._end({self.id})
