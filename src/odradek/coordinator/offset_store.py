"""Committed offsets of the groups of one partition of `__consumer_offsets`: what the log says, by group, topic and partition.

A plain store: it holds what records put there when they are committed (or replayed), and answers reads. Nothing is in
here that a power cut could take back. Memory is bounded by the live keys of the log's partition; names are shared
between entries.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from odradek.base.ids import ZERO_UUID


class CommittedOffset(NamedTuple):
    """The next record that the group wants of a partition, and what its consumer noted with it."""

    offset: int
    leader_epoch: int = -1
    metadata: str = ""
    commit_ms: int = -1  # epoch ms, when it was committed
    expire_ms: int = -1  # epoch ms; -1: the broker's retention decides (all clients since 2.1)
    topic_id: bytes = ZERO_UUID  # zero when unknown


Partitions = dict[int, CommittedOffset]
Topics = dict[str, Partitions]


class OffsetStore:
    """One shard's view; touched from its loop only."""

    __slots__ = ("_by_group", "_names", "count")

    def __init__(self) -> None:
        self._by_group: dict[str, Topics] = {}
        self._names: dict[str, str] = {}
        self.count = 0

    def put(self, group_id: str, topic: str, partition: int, committed: CommittedOffset) -> None:
        topics = self._by_group.get(group_id)
        if topics is None:
            topics = self._by_group[group_id] = {}
        partitions = topics.get(topic)
        if partitions is None:
            partitions = topics[self._names.setdefault(topic, topic)] = {}
        self.count += partition not in partitions
        partitions[partition] = committed

    def get(self, group_id: str, topic: str, partition: int) -> CommittedOffset | None:
        partitions = self.topics_of(group_id).get(topic)
        return None if partitions is None else partitions.get(partition)

    def remove(self, group_id: str, topic: str, partition: int) -> bool:
        """Forget one offset; whether there was one."""
        topics = self._by_group.get(group_id)
        partitions = topics.get(topic) if topics else None
        if topics is None or partitions is None or partitions.pop(partition, None) is None:
            return False
        self.count -= 1
        if not partitions:
            del topics[topic]
            if not topics:
                del self._by_group[group_id]
        return True

    def topics_of(self, group_id: str) -> Topics:
        """A group's offsets, not to be changed by the caller; empty when it has none."""
        return self._by_group.get(group_id) or {}

    def keys_of(self, group_id: str) -> Iterator[tuple[str, int]]:
        """(topic, partition) of each of a group's offsets."""
        for topic, partitions in self.topics_of(group_id).items():
            for partition in partitions:
                yield topic, partition

    def groups(self) -> list[str]:
        return list(self._by_group)
