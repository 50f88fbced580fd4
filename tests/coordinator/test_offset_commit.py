"""Who may commit for a group: each kind of committer against each state."""

import pytest

from odradek.coordinator.config import CoordinatorConfig
from odradek.coordinator.group import Group
from odradek.coordinator.member import Member
from odradek.coordinator.offset_commit import commit_error, failed_commit, plan_commit
from odradek.coordinator.offset_store import CommittedOffset
from odradek.coordinator.states import GroupState
from odradek.wire.errors import ErrorCode, name_of
from odradek.wire.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
)


def group_in(state):
    group = Group("g", 0, state=state, generation=5)
    if state is not GroupState.EMPTY:
        for member_id, instance_id in (("m", None), ("s", "inst")):
            group.add(
                Member(
                    member_id,
                    instance_id=instance_id,
                    client_id="",
                    client_host="",
                    rebalance_timeout_ms=1,
                    session_timeout_ms=1,
                    protocol_type="consumer",
                    protocols=(("range", b""),),
                )
            )
    return group


def commit(generation=-1, member="", instance=None):
    return OffsetCommitRequest(
        group_id="g", generation_id_or_member_epoch=generation, member_id=member, group_instance_id=instance
    )


STABLE, EMPTY = GroupState.STABLE, GroupState.EMPTY


@pytest.mark.parametrize(
    ("state", "request_", "error"),
    [
        (None, commit(), "NONE"),
        (None, commit(3, "m"), "GROUP_ID_NOT_FOUND"),
        (EMPTY, commit(), "NONE"),
        (EMPTY, commit(5, "m"), "UNKNOWN_MEMBER_ID"),
        (STABLE, commit(), "UNKNOWN_MEMBER_ID"),
        (STABLE, commit(-1, "m"), "ILLEGAL_GENERATION"),
        (STABLE, commit(5, "m"), "NONE"),
        (STABLE, commit(4, "m"), "ILLEGAL_GENERATION"),
        (STABLE, commit(5, "stranger"), "UNKNOWN_MEMBER_ID"),
        (STABLE, commit(5, "s", "inst"), "NONE"),
        (STABLE, commit(5, "s-old", "inst"), "FENCED_INSTANCE_ID"),
        (STABLE, commit(5, "s", "never"), "UNKNOWN_MEMBER_ID"),
        (GroupState.PREPARING_REBALANCE, commit(5, "m"), "NONE"),
        (GroupState.COMPLETING_REBALANCE, commit(5, "m"), "REBALANCE_IN_PROGRESS"),
        (GroupState.DEAD, commit(), "COORDINATOR_NOT_AVAILABLE"),
    ],
)
def test_who_may_commit(state, request_, error):
    group = None if state is None else group_in(state)
    assert name_of(commit_error(group, request_, 9)) == error


def test_before_version_9_an_unknown_group_is_told_as_an_old_generation():
    assert commit_error(None, commit(3, "m"), 8) == ErrorCode.ILLEGAL_GENERATION


def request_with(*partitions, retention_ms=-1):
    topic = OffsetCommitRequestTopic(name="t", topic_id=b"i" * 16, partitions=list(partitions))
    return OffsetCommitRequest(group_id="g", retention_time_ms=retention_ms, topics=[topic])


def partition(index, metadata="note", offset=7, epoch=2):
    return OffsetCommitRequestPartition(
        partition_index=index, committed_offset=offset, committed_leader_epoch=epoch, committed_metadata=metadata
    )


def test_metadata_has_a_limit_per_partition():
    config = CoordinatorConfig(offset_metadata_max_bytes=4)
    commits, response = plan_commit(request_with(partition(0), partition(1, "notes"), partition(2, None)), 99, config)
    errors = [each.error_code for each in response.topics[0].partitions]
    assert errors == [ErrorCode.NONE, ErrorCode.OFFSET_METADATA_TOO_LARGE, ErrorCode.NONE]
    assert commits == [
        ("t", 0, CommittedOffset(7, 2, "note", 99, -1, b"i" * 16)),
        ("t", 2, CommittedOffset(7, 2, "", 99, -1, b"i" * 16)),
    ]


def test_a_retention_of_the_clients_own_becomes_an_expiry():
    ((_, _, committed),), _ = plan_commit(request_with(partition(0), retention_ms=1000), 99, CoordinatorConfig())
    assert committed.expire_ms == 1099


def test_an_error_of_the_whole_is_told_for_every_partition():
    response = failed_commit(request_with(partition(0), partition(5)), ErrorCode.NOT_COORDINATOR)
    assert [(each.partition_index, each.error_code) for each in response.topics[0].partitions] == [(0, 16), (5, 16)]
