"""The admin calls of confluent-kafka (librdkafka): topics, partitions, configs, groups, offsets, records."""

from __future__ import annotations

import pytest
from confluent_kafka import (
    ConsumerGroupState,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)
from drivers import Record, driver
from members import eventually, group_of, joiner, read, shares


def code_of(future) -> int:
    """The Kafka error code that the call failed with."""
    with pytest.raises(KafkaException) as caught:
        future.result(20)
    return caught.value.args[0].code()


def test_topics_are_made_described_and_deleted(admin: AdminClient, unique: str) -> None:
    made = NewTopic(unique, 3, 1, config={"retention.ms": "1000"})
    admin.create_topics([made])[unique].result(20)
    assert code_of(admin.create_topics([made])[unique]) == KafkaError.TOPIC_ALREADY_EXISTS
    described = admin.describe_topics(TopicCollection([unique]))[unique].result(20)
    assert described.name == unique and not described.is_internal
    assert [(part.id, len(part.replicas), len(part.isr)) for part in described.partitions] == [(n, 1, 1) for n in range(3)]
    listed = admin.list_topics(timeout=20).topics[unique]
    assert sorted(listed.partitions) == [0, 1, 2]
    admin.delete_topics([unique])[unique].result(20)
    eventually("the topic is gone", lambda: unique not in admin.list_topics(timeout=20).topics)
    assert code_of(admin.delete_topics([unique])[unique]) == KafkaError.UNKNOWN_TOPIC_OR_PART


@pytest.mark.parametrize(
    ("name", "partitions", "replicas", "config", "code"),
    [
        ("no/slash", 1, 1, {}, KafkaError.TOPIC_EXCEPTION),
        ("x" * 250, 1, 1, {}, KafkaError.TOPIC_EXCEPTION),
        ("good", 0, 1, {}, KafkaError.INVALID_PARTITIONS),
        ("good", 1, 9, {}, KafkaError.INVALID_REPLICATION_FACTOR),
        ("good", 1, 1, {"retention.ms": "soon"}, KafkaError.INVALID_CONFIG),
        ("good", 1, 1, {"no.such.setting": "1"}, KafkaError.INVALID_CONFIG),
    ],
)
def test_what_a_topic_may_not_be(
    admin: AdminClient, name: str, partitions: int, replicas: int, config: dict[str, str], code: int
) -> None:
    asked = NewTopic(name, partitions, replicas, config=config)
    assert code_of(admin.create_topics([asked], validate_only=True)[name]) == code


def test_validate_only_makes_nothing(admin: AdminClient, unique: str) -> None:
    admin.create_topics([NewTopic(unique, 1, 1)], validate_only=True)[unique].result(20)
    assert unique not in admin.list_topics(timeout=20).topics


def test_partitions_are_added_never_taken(admin: AdminClient, topic: str) -> None:
    admin.create_partitions([NewPartitions(topic, 4)])[topic].result(20)
    eventually("four partitions", lambda: len(admin.list_topics(topic, timeout=20).topics[topic].partitions) == 4)
    assert code_of(admin.create_partitions([NewPartitions(topic, 2)])[topic]) == KafkaError.INVALID_PARTITIONS


def test_topic_settings_are_changed_and_reset(admin: AdminClient, topic: str) -> None:
    resource = ConfigResource(ResourceType.TOPIC, topic)

    def settings() -> dict[str, ConfigEntry]:
        return admin.describe_configs([resource])[resource].result(20)

    def alter(*entries: ConfigEntry) -> None:
        change = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=list(entries))
        admin.incremental_alter_configs([change])[change].result(20)

    before = settings()["retention.ms"]
    assert before.value == "604800000" and before.source == ConfigSource.DEFAULT_CONFIG.value
    alter(
        ConfigEntry("retention.ms", "1234", incremental_operation=AlterConfigOpType.SET),
        ConfigEntry("cleanup.policy", "compact", incremental_operation=AlterConfigOpType.APPEND),
    )
    changed = settings()
    assert changed["retention.ms"].value == "1234"
    assert next(iter(changed["retention.ms"].synonyms)) == "retention.ms"
    assert changed["retention.ms"].source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value
    assert set(changed["cleanup.policy"].value.split(",")) == {"delete", "compact"}
    alter(
        ConfigEntry("retention.ms", None, incremental_operation=AlterConfigOpType.DELETE),
        ConfigEntry("cleanup.policy", "compact", incremental_operation=AlterConfigOpType.SUBTRACT),
    )
    assert settings()["retention.ms"].value == "604800000"
    assert settings()["cleanup.policy"].value == "delete"


def test_a_bad_setting_is_refused_by_name(admin: AdminClient, topic: str) -> None:
    entry = ConfigEntry("segment.bytes", "tiny", incremental_operation=AlterConfigOpType.SET)
    change = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    with pytest.raises(KafkaException) as caught:
        admin.incremental_alter_configs([change])[change].result(20)
    assert caught.value.args[0].code() == KafkaError.INVALID_CONFIG
    assert "segment.bytes" in caught.value.args[0].str()


def test_settings_of_a_topic_that_is_not(admin: AdminClient, unique: str) -> None:
    resource = ConfigResource(ResourceType.TOPIC, unique)
    assert code_of(admin.describe_configs([resource])[resource]) == KafkaError.UNKNOWN_TOPIC_OR_PART


def test_the_cluster_and_the_broker_describe_themselves(admin: AdminClient) -> None:
    cluster = admin.describe_cluster().result(20)
    assert cluster.cluster_id and len(cluster.nodes) == 1 and cluster.controller.id == cluster.nodes[0].id
    resource = ConfigResource(ResourceType.BROKER, str(cluster.nodes[0].id))
    settings = admin.describe_configs([resource])[resource].result(20)
    assert settings["num.partitions"].value == "4"


def test_groups_are_listed_described_and_deleted(bootstrap: str, admin: AdminClient, topic: str, unique: str) -> None:
    with group_of(joiner(driver("confluent"), bootstrap, unique, topic)) as members:
        eventually("the member owns the partition", lambda: shares(members, 1))
        listed = admin.list_consumer_groups(states={ConsumerGroupState.STABLE}).result(20)
        assert unique in {group.group_id for group in listed.valid} and not listed.errors
        described = admin.describe_consumer_groups([unique])[unique].result(20)
        assert described.state == ConsumerGroupState.STABLE
        assert described.partition_assignor == "range"
        (member,) = described.members
        assert [(p.topic, p.partition) for p in member.assignment.topic_partitions] == [(topic, 0)]
        assert code_of(admin.delete_consumer_groups([unique])[unique]) == KafkaError.NON_EMPTY_GROUP
    described = admin.describe_consumer_groups([unique])[unique].result(20)
    assert described.state == ConsumerGroupState.EMPTY and not described.members
    admin.delete_consumer_groups([unique])[unique].result(20)
    assert unique not in {group.group_id for group in admin.list_consumer_groups().result(20).valid}
    assert code_of(admin.delete_consumer_groups([unique])[unique]) == KafkaError.GROUP_ID_NOT_FOUND


def test_a_groups_offsets_are_altered_listed_and_deleted(admin: AdminClient, topic: str, unique: str) -> None:
    part = TopicPartition(topic, 0, 7, metadata="by hand")
    admin.alter_consumer_group_offsets([ConsumerGroupTopicPartitions(unique, [part])])[unique].result(20)
    asked = ConsumerGroupTopicPartitions(unique, [TopicPartition(topic, 0)])
    (found,) = admin.list_consumer_group_offsets([asked])[unique].result(20).topic_partitions
    assert (found.offset, found.metadata, found.error) == (7, "by hand", None)
    everything = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(unique)])[unique].result(20)
    assert [(p.topic, p.partition, p.offset) for p in everything.topic_partitions] == [(topic, 0, 7)]


def test_offsets_are_listed_by_kind_and_by_time(bootstrap: str, admin: AdminClient, topic: str) -> None:
    stamps = [1_700_000_000_000, 1_700_000_005_000, 1_700_000_003_000]
    for stamp in stamps:
        driver("confluent").produce(bootstrap, topic, [Record(b"x", timestamp=stamp)])
    part = TopicPartition(topic, 0)

    def offset(spec: OffsetSpec) -> int:
        return admin.list_offsets({part: spec})[part].result(20).offset

    assert offset(OffsetSpec.earliest()) == 0
    assert offset(OffsetSpec.latest()) == 3
    assert offset(OffsetSpec.max_timestamp()) == 1
    assert offset(OffsetSpec.for_timestamp(1_700_000_000_001)) == 1
    assert offset(OffsetSpec.for_timestamp(1_700_000_009_000)) == -1


def test_deleted_records_move_the_start(bootstrap: str, admin: AdminClient, topic: str) -> None:
    driver("confluent").produce(bootstrap, topic, [Record(str(n).encode()) for n in range(10)])
    part = TopicPartition(topic, 0, 4)
    (future,) = admin.delete_records([part]).values()
    assert future.result(20).low_watermark == 4
    reader = driver("confluent").reader(bootstrap, topic)
    try:
        assert reader.bounds(topic, 0) == (4, 10)
        assert [r.value for r in read(reader, 6)] == [str(n).encode() for n in range(4, 10)]
    finally:
        reader.close()
    (future,) = admin.delete_records([TopicPartition(topic, 0, 99)]).values()
    assert code_of(future) == KafkaError.OFFSET_OUT_OF_RANGE
