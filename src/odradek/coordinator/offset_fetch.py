"""OffsetFetch and OffsetDelete: reading a group's offsets, and giving some up.

Unknown is no error when reading: a partition without an offset is told as -1, whatever the group. A request for all
topics (`topics` null) gets those that have one. Deleting asks more: the group must exist, and no member may be
subscribed to the topic.
"""

from __future__ import annotations

from odradek.base.ids import ZERO_UUID
from odradek.coordinator.group import Group
from odradek.coordinator.offset_store import CommittedOffset, Topics
from odradek.coordinator.states import GroupState
from odradek.wire.errors import ErrorCode
from odradek.wire.messages.offset_delete import (
    OffsetDeleteRequest,
    OffsetDeleteResponse,
    OffsetDeleteResponsePartition,
    OffsetDeleteResponseTopic,
)
from odradek.wire.messages.offset_fetch import (
    OffsetFetchRequestGroup,
    OffsetFetchResponseGroup,
    OffsetFetchResponsePartitions,
    OffsetFetchResponseTopics,
)


def fetch_offsets(request: OffsetFetchRequestGroup, topics: Topics) -> OffsetFetchResponseGroup:
    """The offsets that `request` asks for, out of the group's `topics`."""
    if request.topics is None:
        found = [
            OffsetFetchResponseTopics(
                name=name,
                topic_id=_topic_id(partitions),
                partitions=[_shown(partition, committed) for partition, committed in partitions.items()],
            )
            for name, partitions in topics.items()
        ]
    else:
        found = [
            OffsetFetchResponseTopics(
                name=topic.name,
                topic_id=topic.topic_id,
                partitions=[
                    _shown(partition, _same_topic(topics.get(topic.name, {}).get(partition), topic.topic_id))
                    for partition in topic.partition_indexes
                ],
            )
            for topic in request.topics
        ]
    return OffsetFetchResponseGroup(group_id=request.group_id, topics=found)


def delete_error(group: Group | None) -> int:
    """Why no offset of this group may be deleted by OffsetDelete, or NONE."""
    if group is None or group.state is GroupState.DEAD:
        return ErrorCode.GROUP_ID_NOT_FOUND
    if group.state is not GroupState.EMPTY and not group.is_consumer_group:
        return ErrorCode.NON_EMPTY_GROUP  # nobody but its members knows which topics they work on
    return ErrorCode.NONE


def plan_delete(
    group: Group, request: OffsetDeleteRequest, topics: Topics
) -> tuple[list[tuple[str, int]], OffsetDeleteResponse]:
    """Which offsets to delete, and the answer for when that is committed; one that isn't there is deleted already."""
    gone: list[tuple[str, int]] = []
    answers = []
    for topic in request.topics:
        error = ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC if group.is_subscribed_to(topic.name) else ErrorCode.NONE
        held = topics.get(topic.name, {})
        if error == ErrorCode.NONE:
            gone += [(topic.name, each.partition_index) for each in topic.partitions if each.partition_index in held]
        answers.append(
            OffsetDeleteResponseTopic(
                name=topic.name,
                partitions=[
                    OffsetDeleteResponsePartition(partition_index=each.partition_index, error_code=error)
                    for each in topic.partitions
                ],
            )
        )
    return gone, OffsetDeleteResponse(topics=answers)


def _same_topic(committed: CommittedOffset | None, topic_id: bytes) -> CommittedOffset | None:
    """`committed`, unless it is of an earlier topic of this name (known from ids on both sides only)."""
    if committed is None or ZERO_UUID in (topic_id, committed.topic_id) or committed.topic_id == topic_id:
        return committed
    return None


def _topic_id(partitions: dict[int, CommittedOffset]) -> bytes:
    return next((each.topic_id for each in partitions.values() if each.topic_id != ZERO_UUID), ZERO_UUID)


def _shown(partition: int, committed: CommittedOffset | None) -> OffsetFetchResponsePartitions:
    if committed is None:
        return OffsetFetchResponsePartitions(
            partition_index=partition, committed_offset=-1, committed_leader_epoch=-1, metadata=""
        )
    return OffsetFetchResponsePartitions(
        partition_index=partition,
        committed_offset=committed.offset,
        committed_leader_epoch=committed.leader_epoch,
        metadata=committed.metadata,
    )
