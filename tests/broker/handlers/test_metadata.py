"""Metadata: who leads what, what is created by asking, and what each version calls missing."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

import odradek
from odradek.base.ids import ZERO_UUID
from odradek.wire.errors import ErrorCode
from odradek.wire.messages import create_topics, metadata
from odradek.wire.messages.create_topics import CreatableTopic
from odradek.wire.messages.metadata import MetadataRequest, MetadataRequestTopic

ALL_OPERATIONS, NOT_ASKED = 3576, -(2**31)


def fresh() -> str:
    return f"metadata-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def topic(client: Any) -> create_topics.CreatableTopicResult:
    made = client.call(create_topics, 7, create_topics.CreateTopicsRequest([CreatableTopic(fresh(), 3, 1)]))
    assert made.topics[0].error_code == ErrorCode.NONE
    return made.topics[0]


def ask(client: Any, version: int, *topics: Any, create: bool = False, **kwargs: Any) -> metadata.MetadataResponse:
    asked = [topic if isinstance(topic, MetadataRequestTopic) else MetadataRequestTopic(name=topic) for topic in topics]
    return client.call(metadata, version, MetadataRequest(asked, create, **kwargs))


@pytest.mark.parametrize("version", range(14))
def test_every_version_tells_leader_and_brokers(client: Any, broker: odradek.Broker, topic: Any, version: int) -> None:
    response = ask(client, version, topic.name)
    [told] = response.brokers
    assert (told.host, told.port) == ("127.0.0.1", broker.port)
    [found] = response.topics
    assert (found.error_code, found.name, found.is_internal) == (0, topic.name, False)
    assert [partition.partition_index for partition in found.partitions] == [0, 1, 2]
    for partition in found.partitions:
        assert (partition.error_code, partition.leader_id) == (0, told.node_id)
        assert partition.replica_nodes == partition.isr_nodes == [told.node_id]
        assert partition.offline_replicas == []
        assert partition.leader_epoch == (0 if version >= 7 else -1)
    assert found.topic_id == (topic.topic_id if version >= 10 else ZERO_UUID)
    assert response.controller_id == (told.node_id if version >= 1 else -1)
    assert (response.cluster_id is not None) == (version >= 2)


def test_no_topics_means_all_in_version_0_and_none_from_1_on(client: Any, topic: Any) -> None:
    assert topic.name in {found.name for found in ask(client, 0).topics}
    assert ask(client, 1).topics == []
    everything = client.call(metadata, 9, MetadataRequest(None))
    assert topic.name in {found.name for found in everything.topics}


def test_a_missing_topic_is_made_by_asking_where_that_is_allowed(client: Any) -> None:
    name = fresh()
    [refused] = ask(client, 9, name).topics
    assert (refused.error_code, refused.partitions) == (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, [])
    [made] = ask(client, 9, name, create=True).topics
    assert (made.error_code, len(made.partitions)) == (ErrorCode.NONE, 2), "num.partitions is 2 here"
    assert ask(client, 9, name).topics == [made]


@pytest.mark.parametrize("version", [0, 3])
def test_old_versions_always_allow_it(client: Any, version: int) -> None:
    [made] = ask(client, version, fresh()).topics
    assert made.error_code == ErrorCode.NONE


def test_asking_for_all_makes_nothing(client: Any) -> None:
    before = {topic.name for topic in client.call(metadata, 9, MetadataRequest(None, True)).topics}
    assert before == {topic.name for topic in client.call(metadata, 9, MetadataRequest(None, True)).topics}


@pytest.mark.parametrize("name", ["a/b", "", "..", "x" * 250])
def test_an_invalid_name_is_told_so_and_never_made(client: Any, name: str) -> None:
    [refused] = ask(client, 9, name, create=True).topics
    assert refused.error_code == ErrorCode.INVALID_TOPIC_EXCEPTION


def test_the_clusters_own_metadata_is_no_topic_of_ours(client: Any) -> None:
    """In a directory that was Apache Kafka's, a topic of this name would write into Kafka's metadata log."""
    for _ in range(2):
        [refused] = ask(client, 9, "__cluster_metadata", create=True).topics
        assert refused.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_a_name_that_collides_is_not_made(client: Any) -> None:
    name = fresh()
    ask(client, 9, f"{name}.x", create=True)
    [refused] = ask(client, 9, f"{name}_x", create=True).topics
    assert refused.error_code == ErrorCode.INVALID_TOPIC_EXCEPTION


def test_the_coordinators_topic_is_made_as_its_own_kind(client: Any) -> None:
    [made] = ask(client, 9, "__consumer_offsets", create=True).topics
    assert made.is_internal and made.error_code == ErrorCode.NONE
    assert len(made.partitions) != 2, "as many as offsets.topic.num.partitions says, not num.partitions"


def test_a_topic_named_twice_is_answered_once(client: Any, topic: Any) -> None:
    assert len(ask(client, 9, topic.name, topic.name).topics) == 1


def test_a_topic_is_found_by_id(client: Any, topic: Any) -> None:
    by_id = [MetadataRequestTopic(topic.topic_id, None), MetadataRequestTopic(b"\x07" * 16, None)]
    known, unknown = ask(client, 12, *by_id).topics
    assert (known.name, known.error_code) == (topic.name, ErrorCode.NONE)
    assert (unknown.name, unknown.topic_id, unknown.error_code) == (None, b"\x07" * 16, ErrorCode.UNKNOWN_TOPIC_ID)


@pytest.mark.parametrize("version", [10, 11])
def test_ids_before_version_12_are_refused(client: Any, topic: Any, version: int) -> None:
    response = ask(client, version, topic.name, MetadataRequestTopic(topic.topic_id, None))
    refused, by_id = response.topics
    assert refused.error_code == by_id.error_code == ErrorCode.INVALID_REQUEST, "the request is refused, not a topic"
    assert (response.brokers, response.controller_id) == ([], -1)
    [both] = ask(client, version, MetadataRequestTopic(topic.topic_id, topic.name)).topics
    assert both.error_code == ErrorCode.INVALID_REQUEST


@pytest.mark.parametrize("version", [10, 12, 13])
def test_a_topic_has_to_be_named_one_way_or_the_other(client: Any, version: int) -> None:
    response = ask(client, version, MetadataRequestTopic(ZERO_UUID, None))
    [refused] = response.topics
    assert (refused.error_code, refused.name) == (ErrorCode.INVALID_REQUEST, "")
    assert response.error_code == (ErrorCode.INVALID_REQUEST if version >= 13 else ErrorCode.NONE)


def test_a_topic_that_is_asked_for_by_name_and_by_id_is_answered_once(client: Any, topic: Any) -> None:
    other = fresh()
    response = ask(client, 12, topic.name, MetadataRequestTopic(topic.topic_id, None), other)
    assert [(found.name, found.error_code) for found in response.topics] == [
        (topic.name, ErrorCode.NONE),
        (other, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
    ]


def test_permitted_operations_are_told_when_asked_for(client: Any, topic: Any) -> None:
    missing = fresh()
    asked = [topic.name, missing, MetadataRequestTopic(b"\x07" * 16, None)]
    known, unknown, by_id = ask(client, 12, *asked, include_topic_authorized_operations=True).topics
    assert known.topic_authorized_operations == unknown.topic_authorized_operations == ALL_OPERATIONS
    assert by_id.topic_authorized_operations == NOT_ASKED
    response = ask(client, 8, topic.name, include_cluster_authorized_operations=True)
    assert response.cluster_authorized_operations == 8096
    assert response.topics[0].topic_authorized_operations == NOT_ASKED


def test_creation_may_be_switched_off(raw_client_of: Any) -> None:
    with raw_client_of({"auto.create.topics.enable": "false"}) as client:
        [refused] = ask(client, 9, fresh(), create=True).topics
        assert refused.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_more_copies_than_brokers_cannot_be_made_by_asking(raw_client_of: Any) -> None:
    with raw_client_of({"default.replication.factor": "3"}) as client:
        [refused] = ask(client, 9, fresh(), create=True).topics
        assert refused.error_code == ErrorCode.INVALID_REPLICATION_FACTOR
