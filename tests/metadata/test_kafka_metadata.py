"""Reading what Apache Kafka's metadata says of a directory that it wrote."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.aio.thread_storage import ThreadStorage
from odradek.metadata.kafka_metadata import DIRECTORY, KafkaMetadata, read_kafka_metadata
from odradek.records.record import NewRecord, build_batch

ID = b"\x05" * 16


def text(value: str) -> bytes:
    return bytes([len(value) + 1]) + value.encode()


def topic(name: str, topic_id: bytes = ID) -> bytes:
    return b"\x01\x02\x00" + text(name) + topic_id + b"\0"


def removal(topic_id: bytes = ID) -> bytes:
    return b"\x01\x09\x00" + topic_id + b"\0"


def config(kind: int, resource: str, name: str, value: str | None) -> bytes:
    return bytes([1, 4, 0, kind]) + text(resource) + text(name) + (b"\0" if value is None else text(value)) + b"\0"


def replayed(*values: bytes) -> KafkaMetadata:
    metadata = KafkaMetadata()
    for value in values:
        metadata.replay(value)
    return metadata


def test_the_last_record_of_a_name_holds_and_null_takes_it_away() -> None:
    found = replayed(
        topic("t"),
        config(2, "t", "retention.ms", "5"),
        config(2, "t", "retention.ms", "-1"),
        config(2, "t", "segment.ms", "6"),
        config(2, "t", "segment.ms", None),
        config(4, "", "log.retention.ms", "7"),
    )
    assert found.topics == {ID: "t"}
    assert found.topic_configs("t") == {"retention.ms": "-1"}
    assert found.broker_configs("") == {"log.retention.ms": "7"}
    assert found.topic_configs("u") == {}


def test_a_removed_topic_takes_its_configurations_along() -> None:
    again = b"\x06" * 16
    found = replayed(topic("t"), config(2, "t", "retention.ms", "5"), removal(), topic("t", again))
    assert found.topics == {again: "t"}
    assert found.topic_configs("t") == {}


def test_a_record_as_apache_kafka_4_3_wrote_it() -> None:
    found = replayed(bytes.fromhex("010400 04 01 14 6d696e2e696e73796e632e7265706c69636173 02 31 00".replace(" ", "")))
    assert found.broker_configs("") == {"min.insync.replicas": "1"}


def test_other_records_and_versions_are_passed_over() -> None:
    found = replayed(b"\x01\x0c\x00\x11metadata.version\x00\x1e\x00", b"\x01\x02\x09whatever")
    assert found.topics == {}


@pytest.mark.parametrize("value", [b"", b"\x02\x02\x00", topic("t")[:10], b"\x01\x02\x00\xff\xff\xff\xff\xff\xff"])
def test_a_malformed_record_is_refused(value: bytes) -> None:
    with pytest.raises(ValueError, match="metadata record"):
        replayed(value)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(value: bytes) -> None:
    try:
        replayed(b"\x01\x04\x00" + value)
    except ValueError:
        pass


def read(data_dir: Path) -> KafkaMetadata | None:
    async def run() -> KafkaMetadata | None:
        storage = ThreadStorage()
        try:
            return await read_kafka_metadata(storage, str(data_dir))
        finally:
            await storage.close()

    return asyncio.run(run())


def batch(base_offset: int, *values: bytes) -> bytes:
    return bytes(build_batch([NewRecord(None, value, 1_700_000_000_000) for value in values], base_offset=base_offset))


def write(data_dir: Path, name: str, *batches: bytes) -> None:
    (data_dir / DIRECTORY).mkdir(exist_ok=True)
    (data_dir / DIRECTORY / name).write_bytes(b"".join(batches))


def test_a_log_is_replayed_up_to_its_torn_tail(tmp_path: Path) -> None:
    last = batch(2, config(2, "t", "retention.ms", "6"))
    write(tmp_path, f"{0:020}.log", batch(0, topic("t"), config(2, "t", "retention.ms", "5")), last[:-3])
    found = read(tmp_path)
    assert found is not None and found.topic_configs("t") == {"retention.ms": "5"}


def test_the_newest_snapshot_goes_before_the_log(tmp_path: Path) -> None:
    write(tmp_path, f"{2:020}-{1:010}.checkpoint", batch(0, topic("t"), config(2, "t", "retention.ms", "old")))
    write(tmp_path, f"{5:020}-{1:010}.checkpoint", batch(0, topic("t"), config(2, "t", "retention.ms", "5")))
    write(tmp_path, f"{3:020}.log", batch(3, config(2, "t", "retention.ms", "in the snapshot already")))
    write(tmp_path, f"{6:020}.log", batch(6, config(2, "t", "segment.ms", "6")))
    found = read(tmp_path)
    assert found is not None and found.topic_configs("t") == {"retention.ms": "5", "segment.ms": "6"}


def test_where_there_is_none_or_none_that_can_be_read_there_is_none(tmp_path: Path) -> None:
    assert read(tmp_path) is None
    write(tmp_path, f"{0:020}.log", batch(0, b"\x07nonsense"))
    assert read(tmp_path) is None
