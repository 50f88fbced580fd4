"""Reading committed offsets, and deleting single ones."""

import pytest

from odradek.coordinator.group import Group
from odradek.coordinator.offset_fetch import delete_error, fetch_offsets, plan_delete
from odradek.coordinator.offset_store import CommittedOffset
from odradek.coordinator.states import GroupState
from odradek.wire.errors import name_of
from odradek.wire.messages.offset_delete import (
    OffsetDeleteRequest,
    OffsetDeleteRequestPartition,
    OffsetDeleteRequestTopic,
)
from odradek.wire.messages.offset_fetch import OffsetFetchRequestGroup, OffsetFetchRequestTopics

ID, OTHER_ID = b"i" * 16, b"o" * 16
TOPICS = {"t": {0: CommittedOffset(7, 2, "note", 99, -1, ID)}, "u": {1: CommittedOffset(8)}}


def shown(response):
    return [
        (topic.name, each.partition_index, each.committed_offset, each.committed_leader_epoch, each.metadata)
        for topic in response.topics
        for each in topic.partitions
    ]


def test_an_unknown_partition_is_no_error():
    asked = [
        OffsetFetchRequestTopics(name="t", partition_indexes=[0, 5]),
        OffsetFetchRequestTopics(name="x", partition_indexes=[0]),
    ]
    response = fetch_offsets(OffsetFetchRequestGroup(group_id="g", topics=asked), TOPICS)
    assert shown(response) == [("t", 0, 7, 2, "note"), ("t", 5, -1, -1, ""), ("x", 0, -1, -1, "")]


def test_null_topics_are_all():
    assert shown(fetch_offsets(OffsetFetchRequestGroup(group_id="g", topics=None), TOPICS)) == [
        ("t", 0, 7, 2, "note"),
        ("u", 1, 8, -1, ""),
    ]
    assert shown(fetch_offsets(OffsetFetchRequestGroup(group_id="g", topics=[]), TOPICS)) == []


def test_an_offset_of_an_earlier_topic_of_the_name_is_not_shown():
    def offset(topic_id, name):
        asked = [OffsetFetchRequestTopics(name=name, topic_id=topic_id, partition_indexes=[0, 1])]
        return [each[2] for each in shown(fetch_offsets(OffsetFetchRequestGroup(group_id="g", topics=asked), TOPICS))]

    assert offset(ID, "t") == [7, -1]
    assert offset(OTHER_ID, "t") == [-1, -1]
    assert offset(OTHER_ID, "u") == [-1, 8]  # committed without an id: old, but all we know


@pytest.mark.parametrize(
    ("state", "protocol_type", "error"),
    [
        (None, None, "GROUP_ID_NOT_FOUND"),
        (GroupState.DEAD, "consumer", "GROUP_ID_NOT_FOUND"),
        (GroupState.EMPTY, "connect", "NONE"),
        (GroupState.STABLE, "connect", "NON_EMPTY_GROUP"),
        (GroupState.STABLE, "consumer", "NONE"),
        (GroupState.PREPARING_REBALANCE, "consumer", "NONE"),
    ],
)
def test_which_groups_give_up_single_offsets(state, protocol_type, error):
    group = None if state is None else Group("g", 0, state=state, protocol_type=protocol_type)
    assert name_of(delete_error(group)) == error


def test_a_topic_that_members_read_keeps_its_offsets():
    group = Group("g", 0, state=GroupState.STABLE, protocol_type="consumer")
    group.subscribed_topics = frozenset({"t"})
    asked = [
        OffsetDeleteRequestTopic(name=name, partitions=[OffsetDeleteRequestPartition(partition_index=p) for p in (0, 1)])
        for name in ("t", "u")
    ]
    gone, response = plan_delete(group, OffsetDeleteRequest(group_id="g", topics=asked), TOPICS)
    assert gone == [("u", 1)]
    assert [[name_of(each.error_code) for each in topic.partitions] for topic in response.topics] == [
        ["GROUP_SUBSCRIBED_TO_TOPIC"] * 2,
        ["NONE"] * 2,
    ]
