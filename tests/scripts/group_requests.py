"""Requests of the group APIs in short, for conversations with a broker."""

from __future__ import annotations

import struct

from odradek.wire.messages import (
    delete_groups,
    describe_groups,
    heartbeat,
    join_group,
    leave_group,
    list_groups,
    offset_commit,
    offset_delete,
    offset_fetch,
    sync_group,
)

SUBSCRIPTION = struct.pack(">hih1si", 0, 1, 1, b"t", -1)  # to a topic called t
RANGE = (("range", SUBSCRIPTION),)
BOTH = (("range", SUBSCRIPTION), ("sticky", b"1"))


def join(group, member="", session=10_000, protocols=RANGE, kind="consumer", instance=None):
    return join_group.JoinGroupRequest(
        group_id=group,
        member_id=member,
        session_timeout_ms=session,
        rebalance_timeout_ms=15_000,
        protocol_type=kind,
        group_instance_id=instance,
        protocols=[join_group.JoinGroupRequestProtocol(name=name, metadata=metadata) for name, metadata in protocols],
    )


def sync(group, member, generation, assignments=(), kind="consumer", protocol="range", instance=None):
    return sync_group.SyncGroupRequest(
        group_id=group,
        member_id=member,
        generation_id=generation,
        protocol_type=kind,
        protocol_name=protocol,
        group_instance_id=instance,
        assignments=[sync_group.SyncGroupRequestAssignment(member_id=id, assignment=what) for id, what in assignments],
    )


def beat(group, member, generation, instance=None):
    return heartbeat.HeartbeatRequest(group_id=group, member_id=member, generation_id=generation, group_instance_id=instance)


def leave(group, *members, single=""):
    """`members`: (member id, instance id)."""
    identities = [leave_group.MemberIdentity(member_id=id, group_instance_id=instance) for id, instance in members]
    return leave_group.LeaveGroupRequest(group_id=group, member_id=single, members=identities)


def commit(group, partitions, topic, generation=-1, member="", instance=None, retention_ms=-1, topic_id=bytes(16)):
    """`partitions`: (index, offset, leader epoch, metadata)."""
    return offset_commit.OffsetCommitRequest(
        group_id=group,
        generation_id_or_member_epoch=generation,
        member_id=member,
        group_instance_id=instance,
        retention_time_ms=retention_ms,
        topics=[
            offset_commit.OffsetCommitRequestTopic(
                name=topic,
                topic_id=topic_id,
                partitions=[
                    offset_commit.OffsetCommitRequestPartition(
                        partition_index=index,
                        committed_offset=offset,
                        committed_leader_epoch=epoch,
                        committed_metadata=metadata,
                    )
                    for index, offset, epoch, metadata in partitions
                ],
            )
        ],
    )


def fetch(group, *topics, everything=False, stable=False):
    """Up to version 7; `topics`: (name, partitions)."""
    asked = [offset_fetch.OffsetFetchRequestTopic(name=name, partition_indexes=indexes) for name, indexes in topics]
    return offset_fetch.OffsetFetchRequest(group_id=group, topics=None if everything else asked, require_stable=stable)


def fetch_group(group, *topics, everything=False):
    """From version 8 on; `topics`: (name, id, partitions)."""
    asked = [
        offset_fetch.OffsetFetchRequestTopics(name=name, topic_id=id, partition_indexes=indexes) for name, id, indexes in topics
    ]
    return offset_fetch.OffsetFetchRequestGroup(group_id=group, topics=None if everything else asked)


def delete_offsets(group, topic, *partitions):
    topics = [
        offset_delete.OffsetDeleteRequestTopic(
            name=topic, partitions=[offset_delete.OffsetDeleteRequestPartition(partition_index=index) for index in partitions]
        )
    ]
    return offset_delete.OffsetDeleteRequest(group_id=group, topics=topics)


def describe(*groups, operations=False):
    return describe_groups.DescribeGroupsRequest(groups=list(groups), include_authorized_operations=operations)


def listing(states=(), types=()):
    return list_groups.ListGroupsRequest(states_filter=list(states), types_filter=list(types))


def delete(*groups):
    return delete_groups.DeleteGroupsRequest(groups_names=list(groups))
