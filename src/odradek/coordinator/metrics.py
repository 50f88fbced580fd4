"""What the coordinator counts: groups by state, rebalances by cause, offsets kept, committed, expired and deleted."""

from __future__ import annotations

from collections.abc import Iterable

from odradek.base.metrics import Counter, Registry
from odradek.coordinator.shard import Shard
from odradek.coordinator.states import GroupState


class GroupMetrics:
    """Counters of one coordinator; the gauges are read from its shards at the scrape."""

    __slots__ = ("_shards", "commits", "completed_rebalances", "deletions", "expired", "rebalances")

    def __init__(self, registry: Registry, shards: dict[int, Shard]) -> None:
        self._shards = shards
        self.rebalances = registry.counter("odradek_group_rebalances_total", "Rebalances begun, by cause.", "cause")
        self.completed_rebalances: Counter = registry.counter(
            "odradek_group_rebalances_completed_total", "Rebalances whose assignment was handed out."
        ).labels()
        self.commits: Counter = registry.counter("odradek_group_offset_commits_total", "Offsets committed.").labels()
        self.expired: Counter = registry.counter("odradek_group_offsets_expired_total", "Offsets expired.").labels()
        self.deletions: Counter = registry.counter("odradek_group_offsets_deleted_total", "Offsets deleted.").labels()
        registry.callback("odradek_groups", "gauge", "Groups by state.", ("state",), self._group_counts)
        registry.callback("odradek_group_offsets", "gauge", "Committed offsets kept.", (), self._offset_count)

    def group_counts(self) -> dict[str, int]:
        """Number of groups by the name of their state."""
        counts = {state.value: 0 for state in GroupState}
        for shard in self._shards.values():
            for group in shard.groups.values():
                counts[group.state.value] += 1
        return counts

    def _group_counts(self) -> Iterable[tuple[tuple[str, ...], float]]:
        return [((state,), count) for state, count in self.group_counts().items()]

    def _offset_count(self) -> Iterable[tuple[tuple[str, ...], float]]:
        return [((), sum(shard.offsets.count for shard in self._shards.values()))]
