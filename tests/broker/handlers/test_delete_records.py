"""DeleteRecords: a partition's start moves up, and nowhere else."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from odradek.records.record import NewRecord, build_batch
from odradek.wire.errors import ErrorCode
from odradek.wire.messages import create_topics, delete_records, find_coordinator, list_offsets, produce
from odradek.wire.messages.create_topics import CreatableTopic, CreatableTopicConfig
from odradek.wire.messages.delete_records import DeleteRecordsPartition, DeleteRecordsRequest, DeleteRecordsTopic


def make(client: Any, **configs: str) -> str:
    name = f"records-{uuid.uuid4().hex[:8]}"
    given = [CreatableTopicConfig(key.replace("_", "."), value) for key, value in configs.items()]
    client.call(create_topics, 7, create_topics.CreateTopicsRequest([CreatableTopic(name, 1, 1, configs=given)]))
    records = build_batch([NewRecord(b"k", b"v", 1_700_000_000_000) for _ in range(10)])
    data = produce.TopicProduceData(name, partition_data=[produce.PartitionProduceData(0, records)])
    answer = client.call(produce, 9, produce.ProduceRequest(None, 1, 5000, [data]))
    assert answer.responses[0].partition_responses[0].error_code == 0
    return name


def delete(client: Any, topic: str, offset: int, index: int = 0, version: int = 2) -> tuple[int, int]:
    asked = DeleteRecordsTopic(topic, [DeleteRecordsPartition(index, offset)])
    [answer] = client.call(delete_records, version, DeleteRecordsRequest([asked], 5000)).topics
    [result] = answer.partitions
    assert (answer.name, result.partition_index) == (topic, index)
    return result.error_code, result.low_watermark


def start_offset(client: Any, topic: str) -> int:
    asked = list_offsets.ListOffsetsTopic(topic, [list_offsets.ListOffsetsPartition(0, timestamp=-2)])
    answer = client.call(list_offsets, 7, list_offsets.ListOffsetsRequest(-1, topics=[asked]))
    return int(answer.topics[0].partitions[0].offset)


@pytest.mark.parametrize("version", range(3))
def test_every_version_moves_the_start(client: Any, version: int) -> None:
    topic = make(client)
    assert delete(client, topic, 4, version=version) == (0, 4)
    assert start_offset(client, topic) == 4
    assert delete(client, topic, 2) == (0, 4), "it never moves back"
    assert delete(client, topic, -1) == (0, 10), "minus one is the high watermark"
    assert start_offset(client, topic) == 10


@pytest.mark.parametrize("offset", [11, -2])
def test_an_offset_outside_is_refused(client: Any, offset: int) -> None:
    topic = make(client)
    assert delete(client, topic, offset) == (ErrorCode.OFFSET_OUT_OF_RANGE, -1)
    assert start_offset(client, topic) == 0


def test_of_a_partition_named_twice_the_last_offset_holds(client: Any) -> None:
    topic = make(client)
    asked = DeleteRecordsTopic(topic, [DeleteRecordsPartition(0, 7), DeleteRecordsPartition(0, 5)])
    again = DeleteRecordsTopic(topic, [])
    [answer] = client.call(delete_records, 2, DeleteRecordsRequest([asked, again], 5000)).topics
    assert [(each.partition_index, each.error_code, each.low_watermark) for each in answer.partitions] == [(0, 0, 5)]


def test_an_unknown_partition_is_refused(client: Any) -> None:
    assert delete(client, make(client), 1, index=7) == (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1)
    assert delete(client, "nope", 1) == (ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, -1)


def test_a_compacted_topic_keeps_its_records_unless_it_deletes_too(client: Any) -> None:
    assert delete(client, make(client, cleanup_policy="compact"), 4) == (ErrorCode.POLICY_VIOLATION, -1)
    assert delete(client, make(client, cleanup_policy="compact,delete"), 4) == (0, 4)


def test_the_coordinators_topic_is_not_touched(client: Any) -> None:
    client.call(find_coordinator, 3, find_coordinator.FindCoordinatorRequest("g", 0))
    assert delete(client, "__consumer_offsets", 0) == (ErrorCode.INVALID_TOPIC_EXCEPTION, -1)
