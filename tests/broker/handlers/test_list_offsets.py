"""ListOffsets, request by request."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from odradek.records.record import NewRecord, build_batch
from odradek.wire.errors import ErrorCode
from odradek.wire.messages import create_topics, list_offsets, produce
from odradek.wire.messages.create_topics import CreatableTopic

NOW = 1_700_000_000_000


def put(client: Any, topic: str, *timestamps: int) -> None:
    records = build_batch([NewRecord(None, b"x", timestamp) for timestamp in timestamps])
    data = produce.TopicProduceData(topic, partition_data=[produce.PartitionProduceData(0, records)])
    answer = client.call(produce, 9, produce.ProduceRequest(None, 1, 5000, [data]))
    assert answer.responses[0].partition_responses[0].error_code == 0


@pytest.fixture
def topic(client: Any) -> str:
    name = f"offsets-{uuid.uuid4().hex[:8]}"
    made = client.call(create_topics, 7, create_topics.CreateTopicsRequest([CreatableTopic(name, 1, 1)], 5000))
    assert made.topics[0].error_code == 0
    return name


def ask(client: Any, topic: str, timestamp: int, version: int = 11, *, epoch: int = -1, index: int = 0) -> Any:
    asked = list_offsets.ListOffsetsPartition(index, epoch, timestamp)
    request = list_offsets.ListOffsetsRequest(-1, topics=[list_offsets.ListOffsetsTopic(topic, [asked])])
    return client.call(list_offsets, version, request).topics[0].partitions[0]


@pytest.mark.parametrize("version", range(1, 12))
def test_the_start_and_the_end_in_every_version(client: Any, topic: str, version: int) -> None:
    put(client, topic, NOW, NOW + 1)
    assert [ask(client, topic, asked, version).offset for asked in (-2, -1)] == [0, 2]


def test_a_time_finds_the_first_record_at_or_after_it(client: Any, topic: str) -> None:
    put(client, topic, NOW, NOW + 10)
    put(client, topic, NOW + 20, NOW + 15)
    found = [(answer.offset, answer.timestamp) for answer in (ask(client, topic, NOW + ms) for ms in (0, 5, 11, 20, 21))]
    assert found == [(0, NOW), (1, NOW + 10), (2, NOW + 20), (2, NOW + 20), (-1, -1)]


def test_the_largest_timestamp(client: Any, topic: str) -> None:
    assert (ask(client, topic, -3).offset, ask(client, topic, -3).timestamp) == (-1, -1)
    put(client, topic, NOW, NOW + 50, NOW + 20)
    assert (ask(client, topic, -3).offset, ask(client, topic, -3).timestamp) == (1, NOW + 50)


def test_an_empty_log_has_a_start_and_an_end_and_no_times(client: Any, topic: str) -> None:
    assert [ask(client, topic, asked).offset for asked in (-2, -1, -4, NOW)] == [0, 0, 0, -1]


def test_nothing_is_tiered(client: Any, topic: str) -> None:
    put(client, topic, NOW)
    assert [(ask(client, topic, asked).offset, ask(client, topic, asked).error_code) for asked in (-5, -6)] == [(-1, 0)] * 2


@pytest.mark.parametrize(("timestamp", "version"), [(-3, 6), (-4, 7), (-5, 8), (-6, 10), (-7, 11)])
def test_what_a_version_does_not_know_is_unsupported(client: Any, topic: str, timestamp: int, version: int) -> None:
    assert ask(client, topic, timestamp, version).error_code == ErrorCode.UNSUPPORTED_VERSION


def test_a_partition_named_twice_is_refused_once_and_the_others_are_answered(client: Any, topic: str) -> None:
    def asked(*indexes: int) -> Any:
        return list_offsets.ListOffsetsTopic(topic, [list_offsets.ListOffsetsPartition(index, -1, -1) for index in indexes])

    response = client.call(list_offsets, 7, list_offsets.ListOffsetsRequest(-1, topics=[asked(0), asked(), asked(0, 1)]))
    [answer] = response.topics
    assert [(each.partition_index, each.error_code) for each in answer.partitions] == [
        (0, ErrorCode.INVALID_REQUEST),
        (1, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
    ]
    assert client.call(list_offsets, 7, list_offsets.ListOffsetsRequest(-1, topics=[asked()])).topics == []


def test_an_isolation_level_that_does_not_exist_is_refused(client: Any, topic: str) -> None:
    asked = list_offsets.ListOffsetsTopic(topic, [list_offsets.ListOffsetsPartition(0, -1, -1)])
    response = client.call(list_offsets, 7, list_offsets.ListOffsetsRequest(-1, 2, [asked]))
    assert response.topics[0].partitions[0].error_code == ErrorCode.INVALID_REQUEST


def test_unknown_partitions_and_other_leaders_are_refused(client: Any, topic: str) -> None:
    assert ask(client, topic, -1, index=4).error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert ask(client, topic, -1, epoch=8).error_code == ErrorCode.UNKNOWN_LEADER_EPOCH
