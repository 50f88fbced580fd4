"""DescribeTopicPartitions: pages in the order of names, and cursors that lead through all of them."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from odradek.wire.errors import ErrorCode
from odradek.wire.messages import create_topics, describe_topic_partitions
from odradek.wire.messages.create_topics import CreatableTopic
from odradek.wire.messages.describe_topic_partitions import Cursor, DescribeTopicPartitionsRequest, TopicRequest


@pytest.fixture
def topics(client: Any) -> list[str]:
    """Three topics with one, three and two partitions."""
    prefix = f"pages-{uuid.uuid4().hex[:8]}"
    names = [f"{prefix}-{letter}" for letter in "abc"]
    made = [CreatableTopic(name, count, 1) for name, count in zip(names, (1, 3, 2), strict=True)]
    client.call(create_topics, 7, create_topics.CreateTopicsRequest(made))
    return names


def ask(client: Any, names: list[str], limit: int = 2000, cursor: Cursor | None = None) -> Any:
    request = DescribeTopicPartitionsRequest([TopicRequest(name) for name in names], limit, cursor)
    return client.call(describe_topic_partitions, 0, request)


def shown(response: Any) -> list[tuple[str, list[int]]]:
    return [(topic.name, [partition.partition_index for partition in topic.partitions]) for topic in response.topics]


def test_topics_come_in_the_order_of_their_names(client: Any, topics: list[str]) -> None:
    a, b, c = topics
    response = ask(client, [c, a, b, a])
    assert shown(response) == [(a, [0]), (b, [0, 1, 2]), (c, [0, 1])]
    assert response.next_cursor is None
    [partition] = response.topics[0].partitions
    assert partition.replica_nodes == partition.isr_nodes == [partition.leader_id]
    assert (partition.eligible_leader_replicas, partition.last_known_elr, partition.offline_replicas) == ([], [], [])
    assert response.topics[0].topic_authorized_operations == 3576


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6])
def test_cursors_lead_through_all_partitions_once(client: Any, topics: list[str], limit: int) -> None:
    seen: list[tuple[str, int]] = []
    cursor = None
    while True:
        response = ask(client, topics, limit, cursor)
        page = [(name, index) for name, indexes in shown(response) for index in indexes]
        assert len(page) <= limit
        seen += page
        cursor = response.next_cursor
        if cursor is None:
            break
    assert seen == [(name, index) for name, count in zip(topics, (1, 3, 2), strict=True) for index in range(count)]


def test_no_names_means_all_topics(client: Any, topics: list[str]) -> None:
    found = [topic.name for topic in ask(client, []).topics]
    assert found == sorted(found) and set(topics) <= set(found)


def test_missing_and_invalid_names_are_told_apart(client: Any, topics: list[str]) -> None:
    codes = {topic.name: topic.error_code for topic in ask(client, ["zz-nope", "a/b", topics[0]]).topics}
    assert codes == {
        topics[0]: 0,
        "zz-nope": ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        "a/b": ErrorCode.INVALID_TOPIC_EXCEPTION,
    }


def test_a_cursor_must_point_into_what_is_asked_for(client: Any, topics: list[str]) -> None:
    for cursor in (Cursor("elsewhere", 0), Cursor(topics[0], -1)):
        response = ask(client, topics, cursor=cursor)
        assert [topic.error_code for topic in response.topics] == [ErrorCode.INVALID_REQUEST] * 3


def test_a_cursor_past_the_end_of_its_topic_goes_on_with_the_next(client: Any, topics: list[str]) -> None:
    assert shown(ask(client, topics, cursor=Cursor(topics[1], 7))) == [(topics[1], []), (topics[2], [0, 1])]


def test_the_broker_bounds_a_page_too(raw_client_of: Any) -> None:
    with raw_client_of({"max.request.partition.size.limit": "2"}) as client:
        client.call(create_topics, 7, create_topics.CreateTopicsRequest([CreatableTopic("t", 5, 1)]))
        response = ask(client, ["t"])
        assert shown(response) == [("t", [0, 1])]
        assert (response.next_cursor.topic_name, response.next_cursor.partition_index) == ("t", 2)
