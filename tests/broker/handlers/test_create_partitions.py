"""CreatePartitions: more, never fewer, and ready when answered."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from odradek.records.record import NewRecord, build_batch
from odradek.wire.errors import ErrorCode
from odradek.wire.messages import create_partitions, create_topics, metadata, produce
from odradek.wire.messages.create_partitions import CreatePartitionsAssignment, CreatePartitionsTopic
from odradek.wire.messages.create_topics import CreatableTopic


@pytest.fixture
def topic(client: Any) -> str:
    name = f"extend-{uuid.uuid4().hex[:8]}"
    client.call(create_topics, 7, create_topics.CreateTopicsRequest([CreatableTopic(name, 2, 1)]))
    return name


def extend(client: Any, *topics: CreatePartitionsTopic, version: int = 3, validate_only: bool = False) -> list[Any]:
    request = create_partitions.CreatePartitionsRequest(list(topics), 5000, validate_only)
    return client.call(create_partitions, version, request).results


def partition_count(client: Any, name: str) -> int:
    request = metadata.MetadataRequest([metadata.MetadataRequestTopic(name=name)], False)
    return len(client.call(metadata, 9, request).topics[0].partitions)


@pytest.mark.parametrize("version", range(4))
def test_every_version_adds_partitions(client: Any, topic: str, version: int) -> None:
    [result] = extend(client, CreatePartitionsTopic(topic, 4, None), version=version)
    assert (result.name, result.error_code, result.error_message) == (topic, 0, None)
    assert partition_count(client, topic) == 4


def test_a_new_partition_can_be_produced_to_at_once(client: Any, topic: str) -> None:
    extend(client, CreatePartitionsTopic(topic, 3, None))
    records = produce.PartitionProduceData(2, build_batch([NewRecord(None, b"v", 1_700_000_000_000)]))
    request = produce.ProduceRequest(None, 1, 5000, [produce.TopicProduceData(topic, partition_data=[records])])
    answer = client.call(produce, 9, request).responses[0].partition_responses[0]
    assert (answer.error_code, answer.base_offset) == (0, 0)


def test_validating_adds_nothing(client: Any, topic: str) -> None:
    [result] = extend(client, CreatePartitionsTopic(topic, 4, None), validate_only=True)
    assert result.error_code == 0
    assert partition_count(client, topic) == 2


@pytest.mark.parametrize(
    ("count", "assignments", "code", "words"),
    [
        (2, None, ErrorCode.INVALID_PARTITIONS, "Topic already has 2 partition(s)."),
        (1, None, ErrorCode.INVALID_PARTITIONS, "currently has 2 partition(s); 1 would not be an increase."),
        (-1, None, ErrorCode.INVALID_PARTITIONS, "would not be an increase."),
        (2**31 - 1, None, ErrorCode.POLICY_VIOLATION, "odradek.partitions.max"),
        (4, [[1]], ErrorCode.INVALID_REPLICA_ASSIGNMENT, "but only 1 assignment(s) were specified."),
        (3, [[99]], ErrorCode.INVALID_REPLICA_ASSIGNMENT, "no such broker is registered"),
        (3, [[]], ErrorCode.INVALID_REPLICA_ASSIGNMENT, "empty replica list"),
    ],
)
def test_what_kafka_refuses_is_refused(
    client: Any, topic: str, count: int, assignments: list[list[int]] | None, code: int, words: str
) -> None:
    placed = None if assignments is None else [CreatePartitionsAssignment(nodes) for nodes in assignments]
    [refused] = extend(client, CreatePartitionsTopic(topic, count, placed))
    assert refused.error_code == code
    assert words in (refused.error_message or "")
    assert partition_count(client, topic) == 2


def test_an_unknown_topic_and_one_named_twice_are_refused(client: Any, topic: str) -> None:
    twice = CreatePartitionsTopic(topic, 3, None)
    results = {result.name: result for result in extend(client, twice, CreatePartitionsTopic("nope", 3, None), twice)}
    assert results["nope"].error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert (results[topic].error_code, results[topic].error_message) == (ErrorCode.INVALID_REQUEST, "Duplicate topic name.")
