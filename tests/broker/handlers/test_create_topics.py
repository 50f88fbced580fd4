"""CreateTopics: one answer per topic, Kafka's codes and words, and what is in effect."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from odradek.base.ids import ZERO_UUID
from odradek.wire.errors import ErrorCode
from odradek.wire.messages import create_topics, metadata
from odradek.wire.messages.create_topics import CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig


def fresh() -> str:
    return f"create-{uuid.uuid4().hex[:8]}"


def create(client: Any, *topics: CreatableTopic, version: int = 7, **kwargs: Any) -> list[create_topics.CreatableTopicResult]:
    return client.call(create_topics, version, create_topics.CreateTopicsRequest(list(topics), 5000, **kwargs)).topics


def partition_count(client: Any, name: str) -> int:
    request = metadata.MetadataRequest([metadata.MetadataRequestTopic(name=name)], False)
    return len(client.call(metadata, 9, request).topics[0].partitions)


@pytest.mark.parametrize("version", range(2, 8))
def test_every_version_makes_a_topic(client: Any, version: int) -> None:
    name = fresh()
    [made] = create(client, CreatableTopic(name, 3, 1), version=version)
    assert (made.name, made.error_code, made.error_message) == (name, 0, None)
    assert (made.topic_id != ZERO_UUID) == (version >= 7)
    assert (made.num_partitions, made.replication_factor) == ((3, 1) if version >= 5 else (-1, -1))
    assert partition_count(client, name) == 3, "it is there when the answer is"


def test_minus_one_takes_the_defaults(client: Any) -> None:
    [made] = create(client, CreatableTopic(fresh(), -1, -1))
    assert (made.num_partitions, made.replication_factor) == (2, 1), "num.partitions is 2 here"


def test_the_configurations_in_effect_are_told(client: Any) -> None:
    [made] = create(client, CreatableTopic(fresh(), 1, 1, configs=[CreatableTopicConfig("retention.ms", "5")]))
    assert made.configs is not None
    told = {config.name: (config.value, config.config_source) for config in made.configs}
    assert len(told) == 33
    assert told["retention.ms"] == ("5", 1)
    assert told["segment.bytes"] == ("1073741824", 5)
    assert [config.name for config in made.configs] == sorted(told)


def test_validating_makes_nothing(client: Any) -> None:
    name = fresh()
    [valid] = create(client, CreatableTopic(name, 3, 1), validate_only=True)
    assert (valid.error_code, valid.num_partitions) == (0, 3)
    assert partition_count(client, name) == 0
    [refused] = create(client, CreatableTopic(name, 0, 1), validate_only=True)
    assert refused.error_code == ErrorCode.INVALID_PARTITIONS


def test_a_manual_assignment_is_kept(client: Any) -> None:
    node = client.call(metadata, 9, metadata.MetadataRequest([], False)).brokers[0].node_id
    placed = [CreatableReplicaAssignment(index, [node]) for index in range(2)]
    [made] = create(client, CreatableTopic(fresh(), -1, -1, placed))
    assert (made.error_code, made.num_partitions, made.replication_factor) == (0, 2, 1)
    [unknown] = create(client, CreatableTopic(fresh(), -1, -1, [CreatableReplicaAssignment(0, [node + 1])]))
    assert unknown.error_code == ErrorCode.INVALID_REPLICA_ASSIGNMENT
    [both] = create(client, CreatableTopic(fresh(), 2, -1, placed))
    assert both.error_code == ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize(
    ("topic", "code", "words"),
    [
        (CreatableTopic("a/b", 1, 1), ErrorCode.INVALID_TOPIC_EXCEPTION, "Topic name is invalid: 'a/b' contains"),
        (CreatableTopic("c", 0, 1), ErrorCode.INVALID_PARTITIONS, "set to an invalid non-positive value."),
        (CreatableTopic("c", 1, 0), ErrorCode.INVALID_REPLICATION_FACTOR, "Replication factor must be larger than 0"),
        (CreatableTopic("c", 1, 3), ErrorCode.INVALID_REPLICATION_FACTOR, "only 1 broker(s) are registered."),
        (CreatableTopic("c", 2**31 - 1, 1), ErrorCode.POLICY_VIOLATION, "odradek.partitions.max"),
        (
            CreatableTopic("c", 1, 1, configs=[CreatableTopicConfig("foo", "1")]),
            ErrorCode.INVALID_CONFIG,
            "Unknown topic config name: foo",
        ),
        (
            CreatableTopic("c", 1, 1, configs=[CreatableTopicConfig("retention.ms", None)]),
            ErrorCode.INVALID_CONFIG,
            "Null value not supported for topic configs: retention.ms",
        ),
        (CreatableTopic("__cluster_metadata", 1, 1), ErrorCode.INVALID_REQUEST, "is prohibited."),
    ],
)
def test_what_kafka_refuses_is_refused(client: Any, topic: CreatableTopic, code: int, words: str) -> None:
    [refused] = create(client, topic)
    assert refused.error_code == code
    assert words in (refused.error_message or "")
    assert (refused.num_partitions, refused.replication_factor, refused.configs) == (-1, -1, [])


def test_each_topic_has_its_own_answer_and_a_name_twice_is_refused_once(client: Any) -> None:
    good, twice = fresh(), fresh()
    results = create(client, *(CreatableTopic(name, 1, 1) for name in (twice, good, twice)))
    assert [(result.name, result.error_code) for result in results] == [(good, 0), (twice, ErrorCode.INVALID_REQUEST)]
    assert partition_count(client, twice) == 0
    [exists] = create(client, CreatableTopic(good, 1, 1))
    assert (exists.error_code, exists.error_message) == (ErrorCode.TOPIC_ALREADY_EXISTS, f"Topic '{good}' already exists.")
