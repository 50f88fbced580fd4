"""Batches against the builders and readers of two client libraries, both ways, in every codec."""

from __future__ import annotations

from typing import Any

import aiokafka.record.default_records as aiokafka_records
import kafka.record.default_records as kafka_python_records
import pytest

from odradek.records.batch import check_produced, parse_header
from odradek.records.compression import Codec
from odradek.records.record import NewRecord, Record, build_batch, read_records

RECORDS = [
    NewRecord(b"key", b"value", 1_700_000_000_000, ()),
    NewRecord(None, b"no key", 1_700_000_000_005, (("trace", b"abc"), ("empty", b""))),
    NewRecord(b"tombstone", None, 1_699_999_999_000, (("null", None),)),
    *(NewRecord(b"k%d" % i, b"v" * (i * 37), 1_700_000_001_000 + i, ()) for i in range(60)),
]
EXPECTED = [Record(i, r.timestamp, r.key, r.value, r.headers) for i, r in enumerate(RECORDS)]


def kafka_python_batch(codec: Codec) -> bytes:
    builder = kafka_python_records.DefaultRecordBatchBuilder(2, codec, False, 77, 2, 500, 1 << 20)
    for offset, record in enumerate(RECORDS):
        assert builder.append(offset, record.timestamp, record.key, record.value, list(record.headers))
    return bytes(builder.build())


def aiokafka_batch(codec: Codec) -> bytes:
    builder = aiokafka_records.DefaultRecordBatchBuilder(2, codec, 0, 77, 2, 500, 1 << 20)
    for offset, record in enumerate(RECORDS):
        assert builder.append(offset, record.timestamp, record.key, record.value, list(record.headers)) is not None
    return bytes(builder.build())


@pytest.mark.parametrize("build", [kafka_python_batch, aiokafka_batch])
@pytest.mark.parametrize("codec", Codec)
def test_their_batches_are_accepted_and_read(build: Any, codec: Codec) -> None:
    data = build(codec)
    header = check_produced(data, max_batch_size=1 << 20, produce_version=12)
    assert (header.codec, header.producer_id, header.producer_epoch, header.base_sequence) == (codec, 77, 2, 500)
    assert header.max_timestamp == max(record.timestamp for record in RECORDS)
    assert list(read_records(data, header)) == EXPECTED


@pytest.mark.parametrize("library", [kafka_python_records, aiokafka_records])
@pytest.mark.parametrize("codec", Codec)
def test_they_read_ours(library: Any, codec: Codec) -> None:
    data = build_batch(RECORDS, codec=codec, base_offset=1000, producer_id=77, producer_epoch=2, base_sequence=500)
    theirs = library.DefaultRecordBatch(bytes(data))
    assert theirs.validate_crc()
    assert (theirs.base_offset, theirs.producer_id, theirs.next_offset) == (1000, 77, 1000 + len(RECORDS))
    read = [Record(r.offset - 1000, r.timestamp, r.key, r.value, tuple(r.headers)) for r in theirs]
    assert read == EXPECTED


def test_our_uncompressed_batch_is_byte_for_byte_theirs() -> None:
    ours = build_batch(RECORDS, producer_id=77, producer_epoch=2, base_sequence=500, leader_epoch=-1)
    theirs = bytearray(aiokafka_batch(Codec.NONE))
    theirs[12:16] = ours[12:16]  # the leader epoch is the broker's to set: a producer may send anything
    assert parse_header(ours) == parse_header(theirs)
    assert ours == theirs
