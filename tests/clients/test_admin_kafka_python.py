"""The admin calls of kafka-python: what only it asks for (log directories, member removal, topic ids) included."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import kafka.errors
import pytest
from drivers import Record, driver
from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import ConfigResource, MemberToRemove, OffsetSpec
from kafka.structs import OffsetAndMetadata
from members import eventually, group_of, joiner, shares


@pytest.fixture
def client(bootstrap: str) -> Iterator[KafkaAdminClient]:
    """kafka-python's admin client."""
    made = KafkaAdminClient(bootstrap_servers=bootstrap)
    yield made
    made.close()


def test_topics_are_made_described_by_name_and_id_and_deleted(client: KafkaAdminClient, unique: str) -> None:
    asked = {unique: {"num_partitions": 2, "replication_factor": 1, "configs": {"segment.bytes": "2000000"}}}
    client.create_topics(asked, wait_for_metadata=True)
    assert unique in client.list_topics()
    (described,) = client.describe_topics([unique])
    assert [part["partition_index"] for part in described["partitions"]] == [0, 1]
    (by_id,) = client.describe_topics([uuid.UUID(described["topic_id"])])
    assert by_id["error_code"] == 0 and len(by_id["partitions"]) == 2
    with pytest.raises(kafka.errors.TopicAlreadyExistsError):
        client.create_topics(asked)
    client.delete_topics([unique])
    eventually("the topic is gone", lambda: unique not in client.list_topics())


def test_topic_partitions_are_described_in_pages(client: KafkaAdminClient, make_topic) -> None:
    topic = make_topic(5)
    first = client.describe_topic_partitions([topic], response_partition_limit=3)
    assert [part["partition_index"] for part in first["topics"][0]["partitions"]] == [0, 1, 2]
    second = client.describe_topic_partitions([topic], cursor=first["next_cursor"])
    assert [part["partition_index"] for part in second["topics"][0]["partitions"]] == [3, 4]
    assert second["next_cursor"] is None


def test_partitions_are_added(client: KafkaAdminClient, topic: str) -> None:
    client.create_partitions({topic: 3})
    eventually("three", lambda: len(client.describe_topics([topic])[0]["partitions"]) == 3)


@pytest.mark.parametrize("incremental", [True, False])
def test_settings_are_changed(client: KafkaAdminClient, topic: str, incremental: bool) -> None:
    client.alter_configs([ConfigResource("topic", topic, configs={"retention.ms": "4321"})], incremental=incremental)
    changed = client.describe_configs([ConfigResource("topic", topic)])["topic"][topic]
    assert changed["retention.ms"]["value"] == "4321"
    client.reset_configs([ConfigResource("topic", topic, configs=["retention.ms"])], incremental=incremental)
    assert "retention.ms" not in client.describe_configs([ConfigResource("topic", topic)])["topic"][topic]


def test_log_directories_tell_the_size(client: KafkaAdminClient, bootstrap: str, topic: str) -> None:
    driver("kafka_python").produce(bootstrap, topic, [Record(b"x" * 1000) for _ in range(10)])
    (broker,) = client.describe_log_dirs([topic])
    (directory,) = broker["results"] if "results" in broker else broker["log_dirs"]
    (found,) = directory["topics"]
    (name,) = [value for key, value in found.items() if key in ("name", "topic")]
    assert name == topic
    assert found["partitions"][0]["partition_size"] > 10_000


def test_groups_are_described_and_members_removed(client: KafkaAdminClient, bootstrap: str, topic: str, unique: str) -> None:
    join = joiner(driver("kafka_python"), bootstrap, unique, topic, instance="ann")
    with group_of(join) as members:
        eventually("the member owns the partition", lambda: shares(members, 1))
        assert unique in {group["group_id"] for group in client.list_groups(states_filter=["Stable"])}
        described = client.describe_groups([unique])[unique]
        assert described["group_state"] == "Stable" and described["protocol_data"] == "range"
        (member,) = described["members"]
        assert member["group_instance_id"] == "ann"
    removed = client.remove_group_members(unique, [MemberToRemove(group_instance_id="ann")])
    assert set(removed.values()) == {kafka.errors.NoError}
    eventually("empty", lambda: client.describe_groups([unique])[unique]["group_state"] == "Empty")
    client.delete_groups([unique])
    assert unique not in {group["group_id"] for group in client.list_groups()}


def test_group_offsets_are_altered_reset_and_deleted(client: KafkaAdminClient, bootstrap: str, topic: str, unique: str) -> None:
    driver("kafka_python").produce(bootstrap, topic, [Record(b"x") for _ in range(10)])
    part = TopicPartition(topic, 0)
    client.alter_group_offsets(unique, {part: OffsetAndMetadata(3, "note", -1)})
    assert client.list_group_offsets(unique)[unique][part][:2] == (3, "note")
    assert client.reset_group_offsets(unique, {part: OffsetSpec.LATEST})[part]["offset"] == 10
    assert client.delete_group_offsets(unique, [part]) == {part: kafka.errors.NoError}
    assert part not in client.list_group_offsets(unique)[unique]


def test_offsets_are_listed_and_records_deleted(client: KafkaAdminClient, bootstrap: str, topic: str) -> None:
    driver("kafka_python").produce(bootstrap, topic, [Record(b"x", timestamp=1000 + n) for n in range(10)])
    part = TopicPartition(topic, 0)

    def offset(spec: OffsetSpec | int) -> int:
        return client.list_partition_offsets({part: spec})[part].offset

    assert (offset(OffsetSpec.EARLIEST), offset(OffsetSpec.LATEST), offset(1005)) == (0, 10, 5)
    assert client.delete_records({part: 5})[part]["low_watermark"] == 5
    assert offset(OffsetSpec.EARLIEST) == 5


def test_the_broker_says_what_it_speaks(client: KafkaAdminClient) -> None:
    versions = client.api_versions()
    by_name = {getattr(api, "name", api): span for api, span in versions.items()}
    assert by_name, "no versions"
    assert client.describe_cluster()["cluster_id"]
