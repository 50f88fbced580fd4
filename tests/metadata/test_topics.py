"""Making and extending topics: every refusal has Kafka's code, and what is made is what was asked."""

from __future__ import annotations

import itertools

import pytest

from odradek.metadata.broker_config import BrokerConfig
from odradek.metadata.errors import MetadataError
from odradek.metadata.image import BrokerChange, BrokerImage, Image, TopicChange
from odradek.metadata.topics import Draw, NewPartitions, NewTopic, create, extend, internal_topic


def draw() -> Draw:
    ids = itertools.count(1)
    return Draw(lambda: next(ids).to_bytes(16, "big"), lambda below: 0)


def cluster(*existing: NewTopic, brokers: int = 1, **settings: str) -> tuple[Image, BrokerConfig]:
    config = BrokerConfig({name.replace("_", "."): value for name, value in settings.items()})
    image = Image("cluster", 1)
    for node_id in range(1, brokers + 1):
        image.apply(BrokerChange(BrokerImage(node_id, {})))
    for request in existing:
        image.apply(TopicChange(None, create(image, request, config, draw())))
    return image, config


def test_a_topic_gets_what_was_asked() -> None:
    image, config = cluster(brokers=3)
    topic = create(image, NewTopic("t", 4, 2, configs={"retention.ms": "5"}), config, draw())
    assert (topic.name, len(topic.partitions), topic.replication_factor) == ("t", 4, 2)
    assert topic.configs == {"retention.ms": "5"}
    assert topic.topic_id == b"\0" * 15 + b"\1"


def test_minus_one_takes_the_brokers_default() -> None:
    image, config = cluster(brokers=3, num_partitions="6", default_replication_factor="2")
    topic = create(image, NewTopic("t"), config, draw())
    assert (len(topic.partitions), topic.replication_factor) == (6, 2)


def test_a_manual_assignment_decides_everything() -> None:
    image, config = cluster(brokers=3)
    topic = create(image, NewTopic("t", assignments=[(1, [2, 3]), (0, [3, 1])]), config, draw())
    assert [partition.replicas for partition in topic.partitions] == [(3, 1), (2, 3)]
    assert [partition.leader for partition in topic.partitions] == [3, 2]


@pytest.mark.parametrize(
    ("request_", "code", "words"),
    [
        (NewTopic("a/b"), 17, "Topic name is invalid: 'a/b' contains one or more characters other than"),
        (NewTopic("old"), 36, "Topic 'old' already exists."),
        (NewTopic("with_dots"), 17, "Topic 'with_dots' collides with existing topic: with.dots"),
        (NewTopic("t", 0), 37, "Number of partitions was set to an invalid non-positive value."),
        (NewTopic("t", -2), 37, "Number of partitions was set to an invalid non-positive value."),
        (NewTopic("t", 1, 0), 38, "Replication factor must be larger than 0, or -1 to use the default value."),
        (NewTopic("t", 1, 2), 38, "Unable to replicate the partition 2 time(s): The target replication factor of 2"),
        (NewTopic("t", 2**31 - 1), 44, "odradek.partitions.max"),
        (NewTopic("__cluster_metadata"), 42, "Creation of internal topic __cluster_metadata is prohibited."),
        (NewTopic("t", configs={"foo": "1"}), 40, "Unknown topic config name: foo"),
        (NewTopic("t", configs={"retention.ms": "-2"}), 40, "Value must be at least -1"),
        (NewTopic("t", configs={"retention.ms": None}), 40, "Null value not supported for topic configs: retention.ms"),
        (NewTopic("t", 1, assignments=[(0, [1])]), 42, "numPartitions was not set to -1."),
        (NewTopic("t", -1, 1, assignments=[(0, [1])]), 42, "replication factor was not set to -1."),
        (NewTopic("t", assignments=[(1, [1])]), 39, "partitions should be a consecutive 0-based integer sequence"),
        (NewTopic("t", assignments=[(0, [1]), (0, [1])]), 39, "Found multiple manual partition assignments for partition 0"),
        (NewTopic("t", assignments=[(0, [7])]), 39, "includes broker 7, but no such broker is registered."),
    ],
)
def test_a_topic_is_refused(request_: NewTopic, code: int, words: str) -> None:
    image, config = cluster(NewTopic("old"), NewTopic("with.dots"))
    with pytest.raises(MetadataError) as refused:
        create(image, request_, config, draw())
    assert refused.value.code == code
    assert words in str(refused.value)


def test_what_is_decided_and_not_yet_made_counts_towards_the_limit() -> None:
    image, config = cluster(odradek_partitions_max="10")
    create(image, NewTopic("t", 4), config, draw(), pending=6)
    with pytest.raises(MetadataError, match="more than the 10"):
        create(image, NewTopic("t", 5), config, draw(), pending=6)


def test_partitions_are_added_behind_those_there_are() -> None:
    image, config = cluster(NewTopic("t", 2, 2), brokers=3)
    before = image.topics["t"]
    after = extend(image, NewPartitions("t", 4), config, draw())
    assert after.partitions[:2] == before.partitions
    assert len(after.partitions) == 4 and after.replication_factor == 2
    placed = extend(image, NewPartitions("t", 3, [[3, 1]]), config, draw())
    assert placed.partitions[2].replicas == (3, 1)


@pytest.mark.parametrize(
    ("request_", "code", "words"),
    [
        (NewPartitions("nope", 3), 3, "The topic 'nope' does not exist."),
        (NewPartitions("t", 2), 37, "Topic already has 2 partition(s)."),
        (NewPartitions("t", 1), 37, "The topic t currently has 2 partition(s); 1 would not be an increase."),
        (NewPartitions("t", 4, [[1]]), 39, "Attempted to add 2 additional partition(s), but only 1 assignment(s)"),
        (NewPartitions("t", 3, [[9]]), 39, "no such broker is registered"),
        (NewPartitions("t", 2**31 - 1), 44, "odradek.partitions.max"),
    ],
)
def test_more_partitions_are_refused(request_: NewPartitions, code: int, words: str) -> None:
    image, config = cluster(NewTopic("t", 2))
    with pytest.raises(MetadataError) as refused:
        extend(image, request_, config, draw())
    assert refused.value.code == code
    assert words in str(refused.value)


def test_the_offsets_topic_is_compacted_and_in_small_segments() -> None:
    image, config = cluster()
    topic = create(image, internal_topic("__consumer_offsets", config, 1), config, draw())
    assert len(topic.partitions) == 50
    assert topic.replication_factor == 1, "three copies by default, but one broker"
    assert topic.configs == {"cleanup.policy": "compact", "compression.type": "producer", "segment.bytes": "104857600"}
    assert topic.is_internal


def test_the_transaction_topic_needs_no_more_copies_in_sync_than_it_has() -> None:
    _, config = cluster()
    request = internal_topic("__transaction_state", config, 1)
    assert request.configs["min.insync.replicas"] == "1"
    assert internal_topic("__transaction_state", config, 3).configs["min.insync.replicas"] == "2"
