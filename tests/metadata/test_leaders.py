"""Leader epochs after an unclean stop, and topics that are found on disk."""

from __future__ import annotations

from odradek.metadata.image import Image, PartitionImage, TopicChange, TopicImage
from odradek.metadata.kafka_metadata import KafkaMetadata
from odradek.metadata.leaders import FoundTopic, adopt, bump

NEW_ID = b"\x0f" * 16


def image(*topics: TopicImage) -> Image:
    made = Image("cluster", 1)
    for topic in topics:
        made.apply(TopicChange(None, topic))
    return made


def topic(name: str, id: int, *epochs: int) -> TopicImage:
    return TopicImage(name, bytes([id]) * 16, tuple(PartitionImage((1,), (1,), 1, epoch, epoch) for epoch in epochs))


def test_a_new_epoch_is_above_the_images_and_the_logs() -> None:
    changes = bump(image(topic("a", 1, 3, 3, 3), topic("b", 2, 0)), {("a", 0): 2, ("a", 1): 9, ("gone", 0): 1})
    [change] = changes
    assert [partition.leader_epoch for partition in change.new.partitions] == [4, 10, 3]
    assert [partition.partition_epoch for partition in change.new.partitions] == [4, 4, 3]


def test_a_topic_found_on_disk_is_adopted_with_its_id_and_a_fresh_epoch() -> None:
    found = FoundTopic("kafka", b"\x05" * 16, {0: 7, 2: -1})
    [change], strays = adopt(image(), [found], 1, lambda: NEW_ID)
    assert strays == []
    assert change.old is None
    assert change.new.topic_id == b"\x05" * 16
    assert [partition.leader_epoch for partition in change.new.partitions] == [8, 0, 0], "partition 1 is made empty"
    assert all(partition.leader == 1 and partition.isr == (1,) for partition in change.new.partitions)


def kafka_metadata(*records: bytes) -> KafkaMetadata:
    made = KafkaMetadata()
    for record in records:
        made.replay(record)
    return made


def text(value: str) -> bytes:
    return bytes([len(value) + 1]) + value.encode()


def config_record(topic: str, name: str, value: str | None) -> bytes:
    return b"\x01\x04\x00\x02" + text(topic) + text(name) + (b"\0" if value is None else text(value)) + b"\0"


def test_kafkas_configurations_come_with_a_topic_as_far_as_they_are_known() -> None:
    topic_id = b"\x05" * 16
    kafka = kafka_metadata(
        b"\x01\x02\x00" + text("kafka") + topic_id + b"\0",
        config_record("kafka", "retention.ms", "-1"),
        config_record("kafka", "message.format.version", "2.0"),
    )
    [change], _ = adopt(image(), [FoundTopic("kafka", topic_id, {0: 0})], 1, lambda: NEW_ID, kafka=kafka)
    assert change.new.configs == {"retention.ms": "-1"}


def test_a_topic_whose_configurations_nobody_knows_keeps_everything() -> None:
    found = [FoundTopic("lost", b"\x05" * 16, {0: 0}), FoundTopic("old", None, {0: 0})]
    for kafka in (None, kafka_metadata(config_record("lost", "retention.ms", "5"))):
        changes, _ = adopt(image(), found, 1, lambda: NEW_ID, kafka=kafka)
        for change in changes:
            assert change.new.configs == {"retention.ms": "-1", "retention.bytes": "-1"}


def test_a_topic_without_an_id_is_given_one_and_an_internal_one_is_compacted() -> None:
    [change], _ = adopt(image(), [FoundTopic("__consumer_offsets", None, {0: 0})], 1, lambda: NEW_ID)
    assert change.new.topic_id == NEW_ID
    assert change.new.configs == {"cleanup.policy": "compact"}


def test_what_is_known_is_left_as_it_is() -> None:
    known = topic("t", 1, 0, 0)
    found = [FoundTopic("t", known.topic_id, {0: 3, 1: 3}), FoundTopic("t", None, {0: 3}), FoundTopic("t", known.topic_id, {})]
    assert adopt(image(known), found, 1, lambda: NEW_ID) == ([], [])


def test_what_contradicts_the_image_is_left_alone_with_the_reason() -> None:
    known = topic("t", 1, 0)
    found = [
        FoundTopic("t", b"\x09" * 16, {0: 0}),
        FoundTopic("t", known.topic_id, {0: 0, 1: 0}),
        FoundTopic("renamed", known.topic_id, {0: 0}),
        FoundTopic("a b", None, {0: 0}),
    ]
    changes, strays = adopt(image(known), found, 1, lambda: NEW_ID)
    assert changes == []
    reasons = [stray.reason for stray in strays]
    assert "another id" in reasons[0]
    assert "partition 1 of a topic with 1 partition(s)" in reasons[1]
    assert "belongs to the topic 't'" in reasons[2]
    assert "contains one or more characters" in reasons[3]
