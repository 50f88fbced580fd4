"""One leader among candidates, built from a transaction and a lease (etcd's recipe).

Whoever creates the election's key leads, for as long as its lease lives; the key's create revision is the leader's
epoch, which only grows: put it into every write that only the leader may make, as a compare. Losing the lease loses
the key, and the next attempt of anybody wins. There is no waiting in here: watch the key, or try again when your
lease's refresh comes round.
"""

from __future__ import annotations

from typing import NamedTuple

from odradek.metadata.store import Compare, Delete, Lease, MetadataStore, Put


class Leadership(NamedTuple):
    """A won election: the key, who leads, and the epoch (also the compare that fences: `fence`)."""

    key: str
    candidate: str
    epoch: int

    @property
    def fence(self) -> Compare:
        """Holds in a transaction only while this leadership lasts."""
        return Compare(self.key, self.epoch)


async def attempt(store: MetadataStore, key: str, candidate: str, lease: Lease) -> Leadership | None:
    """Try to lead; None when somebody does already."""
    outcome = await store.transaction([Compare(key, 0)], [Put(key, candidate.encode(), lease.id)])
    return Leadership(key, candidate, outcome.revision) if outcome.succeeded else None


async def leader(store: MetadataStore, key: str) -> Leadership | None:
    """Who leads now, if anybody."""
    entry = await store.get(key)
    return None if entry is None else Leadership(key, entry.value.decode(), entry.create_revision)


async def resign(store: MetadataStore, leadership: Leadership) -> bool:
    """Step down; False when the leadership was over already."""
    outcome = await store.transaction([leadership.fence], [Delete(leadership.key)])
    return outcome.succeeded
