"""Records of Kafka's internal topics, read in a dump. The bytes are worked out by Kafka's schemas, or encoded by our codecs."""

from __future__ import annotations

from pathlib import Path

import pytest

from odradek.log.inspect import dump
from odradek.log.inspect.internal_records import GroupMetadata, OffsetCommit, Transaction, reader_of
from odradek.records.record import NewRecord, Record, build_batch
from odradek.wire.messages import offset_records, transaction_records

OFFSET_KEY = bytes.fromhex("0001 0001 67 0001 74 00000007")  # group g, topic t, partition 7
OFFSET_VALUE = bytes.fromhex("0004 000000000000002a ffffffff 01 0000000000000001 00")  # offset 42, committed at 1
GROUP_KEY = bytes.fromhex("0002 0001 67")


def read(topic: str, key: bytes | None, value: bytes | None) -> object:
    reader = reader_of(topic)
    assert reader is not None
    return reader(Record(5, 99, key, value))


def test_a_commit_and_its_tombstone():
    assert read("__consumer_offsets", OFFSET_KEY, OFFSET_VALUE) == OffsetCommit(
        5, 99, "g", "t", 7, committed_offset=42, leader_epoch=-1, metadata="", commit_timestamp=1, expire_timestamp=-1,
        topic_id=bytes(16),
    )  # fmt: skip
    forgotten = read("__consumer_offsets", OFFSET_KEY, None)
    assert forgotten == OffsetCommit(5, 99, "g", "t", 7, None, None, None, None, None, None)


@pytest.mark.parametrize("version", sorted(offset_records.DECODE_GROUP_METADATA_VALUE))
def test_a_group_of_any_version(version: int):
    member = offset_records.MemberMetadata("m-1", client_id="c", session_timeout=10_000, subscription=b"\0s")
    value = bytearray(version.to_bytes(2, "big"))
    group = offset_records.GroupMetadataValue("consumer", 3, "range", "m-1", members=[member])
    offset_records.ENCODE_GROUP_METADATA_VALUE[version](group, value)
    found = read("__consumer_offsets", GROUP_KEY, bytes(value))
    assert isinstance(found, GroupMetadata)
    assert (found.group, found.generation, found.protocol, found.leader) == ("g", 3, "range", "m-1")
    assert found.members is not None
    ((seen),) = found.members
    assert (seen["member_id"], seen["client_id"], seen["subscription"]) == ("m-1", "c", b"\0s")


def test_a_transaction():
    key = bytearray(b"\0\0")
    transaction_records.ENCODE_TRANSACTION_LOG_KEY[0](transaction_records.TransactionLogKey("tx"), key)
    value = bytearray(b"\0\0")
    parts = [transaction_records.PartitionsSchema("t", [0, 2])]
    state = transaction_records.TransactionLogValue(9, producer_epoch=1, transaction_status=1, transaction_partitions=parts)
    transaction_records.ENCODE_TRANSACTION_LOG_VALUE[0](state, value)
    found = read("__transaction_state", bytes(key), bytes(value))
    assert isinstance(found, Transaction)
    assert (found.transactional_id, found.producer_id, found.status) == ("tx", 9, 1)
    assert found.partitions == ({"topic": "t", "partition_ids": [0, 2]},)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (None, b"v"), (b"", b""), (b"\0", None), (b"\0\x03\0\x01g", b"\0\0"),  # no key, no version, a newer protocol's
        (OFFSET_KEY[:-1], OFFSET_VALUE), (OFFSET_KEY, OFFSET_VALUE[:12]), (OFFSET_KEY, b"\x7f\0"), (GROUP_KEY, b""),
    ],
)  # fmt: skip
def test_what_cannot_be_read_stays_as_it_is(key: bytes | None, value: bytes | None):
    assert read("__consumer_offsets", key, value) == Record(5, 99, key, value)
    assert read("__transaction_state", key, value) == Record(5, 99, key, value)


def test_a_dump_reads_the_records_of_internal_topics_only(tmp_path: Path):
    batch = build_batch([NewRecord(OFFSET_KEY, OFFSET_VALUE, 7)])
    for topic, expected in (("__consumer_offsets", OffsetCommit), ("consumer_offsets", Record)):
        path = tmp_path / f"{topic}-3" / "00000000000000000000.log"
        path.parent.mkdir()
        path.write_bytes(batch)
        (found,) = dump(str(path), records=True)
        assert [type(record) for record in found.records] == [expected]  # type: ignore[attr-defined]
