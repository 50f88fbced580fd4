"""Which committed offsets have been kept long enough (`offsets.retention.minutes`, KIP-211).

The time counts from when nobody could need them any more:

- a simple group (offsets only, no members ever): from each commit;
- a group without members: from when the last one left;
- a stable consumer group: topics that no member subscribes to, from each commit;
- otherwise nothing expires: somebody is at work, and we can't tell on what.

An offset that carries an expiry of its own (OffsetCommit 2-4) goes by that.
"""

from __future__ import annotations

from odradek.coordinator.group import Group
from odradek.coordinator.offset_store import CommittedOffset, Topics
from odradek.coordinator.states import GroupState


def expired_offsets(group: Group, topics: Topics, now_ms: int, retention_ms: int) -> list[tuple[str, int]]:
    """(topic, partition) of the offsets that `group` need not keep any longer."""
    by_state = group.protocol_type is not None and group.state is GroupState.EMPTY and group.state_since_ms != -1
    if not _may_expire(group):
        return []
    return [
        (topic, partition)
        for topic, partitions in topics.items()
        if not group.is_subscribed_to(topic)
        for partition, committed in partitions.items()
        if _is_expired(committed, group.state_since_ms if by_state else committed.commit_ms, now_ms, retention_ms)
    ]


def _may_expire(group: Group) -> bool:
    if group.protocol_type is None or group.state is GroupState.EMPTY:
        return True
    return group.is_consumer_group and group.subscribed_topics is not None and group.state is GroupState.STABLE


def _is_expired(committed: CommittedOffset, since_ms: int, now_ms: int, retention_ms: int) -> bool:
    if committed.expire_ms != -1:
        return now_ms >= committed.expire_ms
    return now_ms - since_ms >= retention_ms
