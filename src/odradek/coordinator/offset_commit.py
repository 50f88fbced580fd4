"""OffsetCommit: may this client commit for the group, and what becomes of each partition.

A member commits under its id and the group's generation, so that one that was thrown out, unknown to itself, cannot
move the group back or forth. A consumer that assigns itself its partitions gives no generation (-1) and no member id;
that is accepted as long as the group has no members, and makes a simple group if there is none (the administrator's
way to set offsets, too).

While the leader works out an assignment nobody should commit (REBALANCE_IN_PROGRESS); while members rejoin they may,
to save their work. The empty group name, refused everywhere else, may commit and be read: old clients without a group
did that.
"""

from __future__ import annotations

from typing import NamedTuple

from odradek.coordinator.config import CoordinatorConfig
from odradek.coordinator.group import Group
from odradek.coordinator.names import is_too_long
from odradek.coordinator.offset_store import CommittedOffset
from odradek.coordinator.states import GroupState
from odradek.wire.errors import ErrorCode
from odradek.wire.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitResponse,
    OffsetCommitResponsePartition,
    OffsetCommitResponseTopic,
)

GROUP_ID_NOT_FOUND_SINCE = 9  # OffsetCommit version; before it an unknown group is told as ILLEGAL_GENERATION


class Commit(NamedTuple):
    topic: str
    partition: int
    committed: CommittedOffset


def commit_error(group: Group | None, request: OffsetCommitRequest, api_version: int) -> int:
    """Why the request as a whole may not commit, or NONE."""
    generation = request.generation_id_or_member_epoch
    if group is None:
        if generation < 0:
            return ErrorCode.NONE
        return ErrorCode.GROUP_ID_NOT_FOUND if api_version >= GROUP_ID_NOT_FOUND_SINCE else ErrorCode.ILLEGAL_GENERATION
    if group.state is GroupState.DEAD:
        return ErrorCode.COORDINATOR_NOT_AVAILABLE
    if generation < 0 and group.state is GroupState.EMPTY:
        return ErrorCode.NONE
    if generation < 0 and not request.member_id and request.group_instance_id is None:
        return ErrorCode.UNKNOWN_MEMBER_ID
    error = group.identity_error(request.member_id, request.group_instance_id)
    if error != ErrorCode.NONE:
        return error
    if generation != group.generation:
        return ErrorCode.ILLEGAL_GENERATION
    return ErrorCode.REBALANCE_IN_PROGRESS if group.state is GroupState.COMPLETING_REBALANCE else ErrorCode.NONE


def plan_commit(
    request: OffsetCommitRequest, now_ms: int, config: CoordinatorConfig
) -> tuple[list[Commit], OffsetCommitResponse]:
    """What to write, and the answer for when it is committed. Partitions that exist only: that is the handler's to check."""
    expire_ms = -1 if request.retention_time_ms < 0 else now_ms + request.retention_time_ms
    commits: list[Commit] = []
    topics = []
    for topic in request.topics:
        partitions = []
        for partition in topic.partitions:
            error = _too_large(partition, config.offset_metadata_max_bytes)
            partitions.append(OffsetCommitResponsePartition(partition_index=partition.partition_index, error_code=error))
            if error == ErrorCode.NONE:
                commits.append(
                    Commit(
                        topic.name,
                        partition.partition_index,
                        CommittedOffset(
                            partition.committed_offset,
                            partition.committed_leader_epoch,
                            partition.committed_metadata or "",
                            now_ms,
                            expire_ms,
                            topic.topic_id,
                        ),
                    )
                )
        topics.append(OffsetCommitResponseTopic(name=topic.name, topic_id=topic.topic_id, partitions=partitions))
    return commits, OffsetCommitResponse(topics=topics)


def failed_commit(request: OffsetCommitRequest, code: int) -> OffsetCommitResponse:
    """The same error for every partition: the response has no place for one of the whole."""
    return OffsetCommitResponse(
        topics=[
            OffsetCommitResponseTopic(
                name=topic.name,
                topic_id=topic.topic_id,
                partitions=[
                    OffsetCommitResponsePartition(partition_index=partition.partition_index, error_code=code)
                    for partition in topic.partitions
                ],
            )
            for topic in request.topics
        ]
    )


def _too_large(partition: OffsetCommitRequestPartition, limit: int) -> int:
    # Kafka compares characters, whatever the name of its setting (offset.metadata.max.bytes) says.
    metadata = partition.committed_metadata
    if metadata is not None and (len(metadata) > limit or is_too_long(metadata)):
        return ErrorCode.OFFSET_METADATA_TOO_LARGE
    return ErrorCode.NONE
