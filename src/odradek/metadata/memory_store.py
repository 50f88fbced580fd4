"""The metadata store that forgets: for tests, simulation and temporary brokers.

`Table` is the whole semantics of a store (revisions, compares, leases) as a synchronous, pure data structure;
`MemoryStore` is its shell. The SQLite filling must behave the same, and one set of tests holds both to it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from odradek.base.clock import Clock, SystemClock
from odradek.metadata.errors import StoreError
from odradek.metadata.leases import LeaseTable, LocalLease
from odradek.metadata.store import Compare, Delete, Entry, Event, Operation, Outcome
from odradek.metadata.watch import Broadcast


class Table:
    """An ordered map with revisions."""

    __slots__ = ("entries", "revision")

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.revision = 0

    def range(self, prefix: str) -> list[Entry]:
        return [self.entries[key] for key in sorted(self.entries) if key.startswith(prefix)]

    def holds(self, compares: Sequence[Compare]) -> bool:
        """Whether every compare is true now."""
        for key, expected in compares:
            entry = self.entries.get(key)
            if (0 if entry is None else entry.mod_revision) != expected:
                return False
        return True

    def apply(self, operations: Sequence[Operation]) -> list[Event]:
        """Do all of `operations` at a new revision; what changed comes back."""
        self.revision += 1
        return [event for operation in operations if (event := self._apply(operation)) is not None]

    def _apply(self, operation: Operation) -> Event | None:
        old = self.entries.get(operation.key)
        if isinstance(operation, Delete):
            if old is None:
                return None
            del self.entries[operation.key]
            return Event(operation.key, None, self.revision)
        created = self.revision if old is None else old.create_revision
        entry = Entry(operation.key, operation.value, created, self.revision, operation.lease)
        self.entries[operation.key] = entry
        return Event(operation.key, entry, self.revision)

    def under_leases(self, leases: set[int]) -> list[str]:
        """The keys that live by one of `leases`."""
        return [entry.key for entry in self.entries.values() if entry.lease in leases]


class MemoryStore:
    """See `MetadataStore`. Nothing survives `close`."""

    engine = "memory"
    max_operations = 10_000

    def __init__(self, clock: Clock | None = None) -> None:
        self._table = Table()
        self._leases = LeaseTable(clock or SystemClock())
        self._broadcast = Broadcast()
        self._closed = False

    async def get(self, key: str) -> Entry | None:
        self._enter()
        return self._table.entries.get(key)

    async def range(self, prefix: str) -> list[Entry]:
        self._enter()
        return self._table.range(prefix)

    async def transaction(self, compares: Sequence[Compare], operations: Sequence[Operation]) -> Outcome:
        self._enter()
        self._leases.check_live(operations)
        if not self._table.holds(compares):
            return Outcome(False, self._table.revision)
        self._commit(operations)
        return Outcome(True, self._table.revision)

    def watch(self, prefix: str, from_revision: int) -> AsyncIterator[list[Event]]:
        self._enter()
        return self._broadcast.watch(prefix, from_revision, self._table.revision)

    async def lease(self, ttl_ms: int) -> LocalLease:
        self._enter()
        return self._leases.grant(ttl_ms, self._end_leases)

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._broadcast.close()

    def _enter(self) -> None:
        if self._closed:
            raise StoreError("the metadata store is closed")
        ended = self._leases.expire()
        if ended:
            self._delete_under(ended)

    async def _end_leases(self, leases: set[int]) -> None:
        if not self._closed:
            self._delete_under(leases)

    def _delete_under(self, leases: set[int]) -> None:
        keys = self._table.under_leases(leases)
        if keys:
            self._commit([Delete(key) for key in keys])

    def _commit(self, operations: Sequence[Operation]) -> None:
        if not operations:
            return
        events = self._table.apply(operations)
        if events:
            self._broadcast.publish(events)
