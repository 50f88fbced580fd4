"""Produce, request by request: where batches go, what is refused with which code, when it is answered."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from odradek.records.batch import CRC_POSITION
from odradek.records.record import NewRecord, build_batch
from odradek.wire.errors import ErrorCode
from odradek.wire.messages import create_topics, fetch, init_producer_id, list_offsets, produce
from odradek.wire.messages.create_topics import CreatableTopic, CreatableTopicConfig

NOW = 1_700_000_000_000


def batch(*values: bytes, **kwargs: Any) -> bytearray:
    return build_batch([NewRecord(b"k", value, NOW) for value in values], **kwargs)


def request(topic: str, records: Any, *, acks: int = 1, index: int = 0, timeout_ms: int = 5000) -> produce.ProduceRequest:
    data = produce.PartitionProduceData(index, records)
    return produce.ProduceRequest(None, acks, timeout_ms, [produce.TopicProduceData(topic, partition_data=[data])])


def first(response: produce.ProduceResponse) -> produce.PartitionProduceResponse:
    return response.responses[0].partition_responses[0]


def end_offset(client: Any, topic: str) -> int:
    asked = list_offsets.ListOffsetsTopic(topic, [list_offsets.ListOffsetsPartition(0, timestamp=-1)])
    answer = client.call(list_offsets, 7, list_offsets.ListOffsetsRequest(-1, topics=[asked]))
    return int(answer.topics[0].partitions[0].offset)


@pytest.fixture
def topic(client: Any) -> str:
    return make_topic(client)


def make_topic(client: Any, **configs: str) -> str:
    name = f"produce-{uuid.uuid4().hex[:8]}"
    given = [CreatableTopicConfig(key.replace("_", "."), value) for key, value in configs.items()]
    made = client.call(create_topics, 7, create_topics.CreateTopicsRequest([CreatableTopic(name, 1, 1, configs=given)], 5000))
    assert made.topics[0].error_code == 0, made
    return name


@pytest.mark.parametrize("version", range(3, 13))
@pytest.mark.parametrize("acks", [1, -1])
def test_offsets_count_on_in_every_version(client: Any, topic: str, version: int, acks: int) -> None:
    for expected in (0, 2):
        answer = first(client.call(produce, version, request(topic, batch(b"a", b"b"), acks=acks)))
        assert (answer.error_code, answer.base_offset) == (0, expected)


def test_a_topic_may_be_named_by_its_id(client: Any) -> None:
    name = f"by-id-{uuid.uuid4().hex[:8]}"
    made = client.call(create_topics, 7, create_topics.CreateTopicsRequest([CreatableTopic(name, 1, 1)], 5000))
    asked = request("", batch(b"x"))
    asked.topic_data[0].topic_id = made.topics[0].topic_id
    assert first(client.call(produce, 13, asked)).error_code == 0
    asked.topic_data[0].topic_id = uuid.uuid4().bytes
    assert first(client.call(produce, 13, asked)).error_code == ErrorCode.UNKNOWN_TOPIC_ID


def test_acks_0_is_not_answered_and_what_comes_behind_is(client: Any, topic: str) -> None:
    client.send(produce, 9, request(topic, batch(b"silent"), acks=0), answered=False)
    assert first(client.call(produce, 9, request(topic, batch(b"loud")))).base_offset == 1


def test_an_error_with_acks_0_closes_the_connection(client: Any) -> None:
    client.send(produce, 9, request("no-such-topic", batch(b"x"), acks=0), answered=False)
    assert client.is_closed()


def with_crc(records: bytearray) -> bytearray:
    records[CRC_POSITION] ^= 0xFF
    return records


def cut(records: bytearray) -> bytearray:
    return records[:-3]


def with_magic(records: bytearray, magic: int) -> bytearray:
    records[16] = magic
    return records


def with_base_offset(records: bytearray) -> bytearray:
    records[7] = 5
    return records


@pytest.mark.parametrize(
    ("records", "code"),
    [
        (with_crc(batch(b"x")), ErrorCode.CORRUPT_MESSAGE),
        (cut(batch(b"xyz")), ErrorCode.INVALID_RECORD),
        (batch(b"x") + batch(b"y"), ErrorCode.INVALID_RECORD),
        (with_magic(batch(b"x"), 1), ErrorCode.INVALID_RECORD),
        (with_magic(batch(b"x"), 9), ErrorCode.CORRUPT_MESSAGE),
        (with_base_offset(batch(b"x")), ErrorCode.INVALID_RECORD),
        (batch(b"x", is_control=True), ErrorCode.INVALID_RECORD),
        (batch(bytes(2_000_000)), ErrorCode.MESSAGE_TOO_LARGE),
        (b"", ErrorCode.INVALID_RECORD),
        (None, ErrorCode.INVALID_RECORD),
        (build_batch([NewRecord(None, b"x", NOW + 10**12)]), ErrorCode.INVALID_TIMESTAMP),
    ],
    ids=["crc", "length", "two", "old", "magic", "offset", "control", "large", "empty", "null", "future"],
)
def test_what_may_not_be_produced_has_kafkas_code_and_leaves_the_log_alone(
    client: Any, topic: str, records: Any, code: int
) -> None:
    answer = first(client.call(produce, 9, request(topic, records)))
    assert (answer.error_code, answer.base_offset) == (code, -1)
    assert answer.error_message
    assert end_offset(client, topic) == 0


@pytest.mark.parametrize(("index", "name"), [(7, None), (-1, None), (0, "nowhere")])
def test_an_unknown_partition_is_unknown(client: Any, topic: str, index: int, name: str | None) -> None:
    answer = first(client.call(produce, 9, request(name or topic, batch(b"x"), index=index)))
    assert answer.error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_acks_are_minus_one_zero_or_one(client: Any, topic: str) -> None:
    assert first(client.call(produce, 9, request(topic, batch(b"x"), acks=2))).error_code == ErrorCode.INVALID_REQUIRED_ACKS


def test_one_bad_partition_does_not_hinder_the_others(client: Any, topic: str) -> None:
    asked = request(topic, with_crc(batch(b"x")))
    asked.topic_data.append(request(make_topic(client), batch(b"y")).topic_data[0])
    asked.topic_data.append(request("nowhere", batch(b"z")).topic_data[0])
    codes = [t.partition_responses[0].error_code for t in client.call(produce, 9, asked).responses]
    assert codes == [ErrorCode.CORRUPT_MESSAGE, 0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]


@pytest.mark.parametrize("acks", [-1, 1])
def test_min_insync_replicas_asks_for_no_more_replicas_than_a_topic_has(client: Any, acks: int) -> None:
    topic = make_topic(client, min_insync_replicas="2")
    assert first(client.call(produce, 9, request(topic, batch(b"x"), acks=acks))).error_code == 0


def test_a_compacted_topic_needs_keys(client: Any) -> None:
    topic = make_topic(client, cleanup_policy="compact")
    assert first(client.call(produce, 9, request(topic, batch(b"x")))).error_code == 0
    keyless = build_batch([NewRecord(None if index % 2 else b"k", b"x", NOW) for index in range(6)])
    answer = first(client.call(produce, 9, request(topic, keyless)))
    assert answer.error_code == ErrorCode.INVALID_RECORD
    assert [each.batch_index for each in answer.record_errors] == [1, 3, 5], "clients tell whoever sent these"
    assert answer.log_start_offset == 0


def test_records_out_of_the_timestamps_bounds_are_named(client: Any, topic: str) -> None:
    records = build_batch([NewRecord(b"k", b"v", at) for at in (NOW, NOW + 10**12, NOW, NOW + 10**13)])
    for _ in range(2):
        answer = first(client.call(produce, 9, request(topic, records)))
        assert (answer.error_code, answer.log_start_offset) == (ErrorCode.INVALID_TIMESTAMP, 0)
        assert [each.batch_index for each in answer.record_errors] == [1, 3]
        assert str(NOW + 10**12) in answer.record_errors[0].batch_index_error_message


def test_a_refusal_behind_a_roll_is_told_alike(client: Any) -> None:
    topic = make_topic(client, message_timestamp_before_max_ms="1000")
    assert end_offset(client, topic) == 0
    answer = first(client.call(produce, 9, request(topic, batch(b"x"))))
    assert (answer.error_code, answer.log_start_offset) == (ErrorCode.INVALID_TIMESTAMP, 0)
    assert [each.batch_index for each in answer.record_errors] == [0]


def test_a_topic_without_partitions_is_not_answered(client: Any, topic: str) -> None:
    asked = request(topic, batch(b"x"))
    asked.topic_data.append(produce.TopicProduceData(topic, partition_data=[]))
    assert len(client.call(produce, 9, asked).responses) == 1


def test_a_partition_that_is_named_twice_takes_both_batches(client: Any, topic: str) -> None:
    asked = request(topic, batch(b"one"))
    asked.topic_data[0].partition_data.append(produce.PartitionProduceData(0, batch(b"two")))
    answers = client.call(produce, 9, asked).responses[0].partition_responses
    assert [each.base_offset for each in answers] == [0, 1], "Kafka keeps the last one, and says nothing of the other"


@pytest.mark.parametrize("acks", [1, -1])
def test_thousands_of_partitions_are_appended_in_turns_and_answered_in_order(client: Any, acks: int) -> None:
    name = f"wide-{uuid.uuid4().hex[:8]}"
    client.call(create_topics, 7, create_topics.CreateTopicsRequest([CreatableTopic(name, 40, 1)], 5000))
    data = [produce.PartitionProduceData(index % 50, batch(b"%d" % index)) for index in range(1200)]
    topics = [produce.TopicProduceData(each, partition_data=data) for each in (name, "unknown")]
    known, unknown = client.call(produce, 9, produce.ProduceRequest(None, acks, 5000, topics)).responses
    assert [each.index for each in known.partition_responses] == [index % 50 for index in range(1200)]
    for index, answer in enumerate(known.partition_responses):
        there = index % 50 < 40
        assert (answer.error_code, answer.base_offset) == ((0, index // 50) if there else (3, -1))
    assert {each.error_code for each in unknown.partition_responses} == {ErrorCode.UNKNOWN_TOPIC_OR_PARTITION}


def test_log_append_time_is_told_and_stored(client: Any) -> None:
    topic = make_topic(client, message_timestamp_type="LogAppendTime")
    answer = first(client.call(produce, 9, request(topic, batch(b"x"))))
    assert answer.log_append_time_ms > NOW


def test_segments_roll_without_a_request_overtaking_another(client: Any) -> None:
    topic = make_topic(client, segment_bytes="1048576")
    payload = bytes(300_000)
    for _ in range(12):
        client.send(produce, 9, request(topic, batch(payload)))
    assert [first(client.receive()).base_offset for _ in range(12)] == list(range(12))


def idempotent(client: Any) -> int:
    answer = client.call(init_producer_id, 4, init_producer_id.InitProducerIdRequest(None, 1000))
    assert answer.error_code == 0
    return int(answer.producer_id)


def test_a_retry_of_an_idempotent_producer_is_told_the_first_offset_and_not_written_again(client: Any, topic: str) -> None:
    producer_id = idempotent(client)

    def send(sequence: int, epoch: int = 0) -> produce.PartitionProduceResponse:
        records = batch(b"a", b"b", producer_id=producer_id, producer_epoch=epoch, base_sequence=sequence)
        return first(client.call(produce, 9, request(topic, records, acks=-1)))

    assert [send(0).base_offset, send(2).base_offset] == [0, 2]
    assert [send(0).base_offset, send(2).base_offset] == [0, 2]
    assert end_offset(client, topic) == 4
    assert send(8).error_code == ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert send(0, epoch=1).base_offset == 4
    assert send(4, epoch=0).error_code == ErrorCode.INVALID_PRODUCER_EPOCH


def test_producer_ids_are_never_given_twice(client: Any) -> None:
    assert len({idempotent(client) for _ in range(50)}) == 50


@pytest.mark.parametrize(("name", "code"), [("", ErrorCode.INVALID_REQUEST), ("tx", ErrorCode.UNSUPPORTED_VERSION)])
def test_transactions_are_refused_clearly(client: Any, name: str, code: int) -> None:
    assert client.call(init_producer_id, 4, init_producer_id.InitProducerIdRequest(name, 1000)).error_code == code


def test_what_was_produced_is_what_is_fetched(client: Any, topic: str) -> None:
    sent = batch(b"one", b"two", b"three")
    first(client.call(produce, 9, request(topic, sent)))
    asked = fetch.FetchTopic(topic, partitions=[fetch.FetchPartition(0, fetch_offset=1, partition_max_bytes=1)])
    answer = client.call(fetch, 12, fetch.FetchRequest(max_wait_ms=0, min_bytes=1, max_bytes=1, topics=[asked]))
    data = answer.responses[0].partitions[0]
    assert data.high_watermark == 3
    assert bytes(data.records)[16:] == bytes(sent)[16:], "whole, untouched but for offset and epoch"
