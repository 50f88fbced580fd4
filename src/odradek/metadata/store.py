"""Where metadata is kept: one small interface, shaped so that etcd can fill it.

Contract
- Keys are text, values bytes. A store is one ordered map with one *revision*: a number that grows by one with each
  successful transaction that writes. Every entry remembers the revision of its making and of its last change.
- `transaction` compares, then does all operations or none. It returns after the change is durable (where the filling
  keeps anything at all). Comparing `mod_revision == 0` means "the key doesn't exist".
- `range` sees one revision, keys in order.
- `watch` yields every change under a prefix from a revision on, in order, one list per transaction; it never skips. A watcher
  that falls more than `WATCH_BACKLOG` transactions behind is cut off with `StoreError`: load again, then watch from there.
- A `Lease` is liveness: entries put under it vanish when it is revoked or not kept alive for `ttl_ms`. Elections
  (`election.py`) are built from transactions and leases, as in etcd.

A cluster's view for etcd, a node's for the other fillings. All methods are called on one loop; any OS error comes out
as `StoreError`, naming the file.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple, Protocol

WATCH_BACKLOG = 10_000


class Entry(NamedTuple):
    """A key with its value and history (etcd's create_revision, mod_revision; `lease` 0 means none)."""

    key: str
    value: bytes
    create_revision: int
    mod_revision: int
    lease: int = 0


class Compare(NamedTuple):
    """Holds when the key's last change was at `mod_revision` (0: the key doesn't exist)."""

    key: str
    mod_revision: int


class Put(NamedTuple):
    key: str
    value: bytes
    lease: int = 0


class Delete(NamedTuple):
    key: str


Operation = Put | Delete


class Outcome(NamedTuple):
    """What became of a transaction; `revision` is the store's after it."""

    succeeded: bool
    revision: int


class Event(NamedTuple):
    """One key's change; `entry` is None when it was deleted."""

    key: str
    entry: Entry | None
    revision: int


class Lease(Protocol):
    """A promise to be alive: refreshed, or gone after `ttl_ms`."""

    id: int
    ttl_ms: int

    async def keep_alive(self) -> bool:
        """Refresh; False when the lease has ended already."""

    async def revoke(self) -> None:
        """End it now, with everything put under it. Idempotent."""


class MetadataStore(Protocol):
    """See the module: get, range, transaction, watch, lease."""

    engine: str
    max_operations: int

    async def get(self, key: str) -> Entry | None:
        """The entry, or None."""

    async def range(self, prefix: str) -> list[Entry]:
        """Every entry whose key begins with `prefix`, in key order."""

    async def transaction(self, compares: Sequence[Compare], operations: Sequence[Operation]) -> Outcome:
        """All `operations` when all `compares` hold, else nothing; at most `max_operations` of them."""

    def watch(self, prefix: str, from_revision: int) -> AsyncIterator[list[Event]]:
        """Changes under `prefix` whose revision is at least `from_revision`, until the store is closed."""

    async def lease(self, ttl_ms: int) -> Lease:
        """A new lease."""

    async def close(self) -> None:
        """Give everything back. Watchers end. Idempotent."""
