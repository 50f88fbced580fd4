"""Records: read back as they were built, and never more than a named error for what is malformed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.base.errors import InvariantError
from odradek.records.batch import HEADER_SIZE, parse_header
from odradek.records.compression import Codec
from odradek.records.errors import InvalidRecord
from odradek.records.record import (
    NewRecord,
    Record,
    build_batch,
    decode_records,
    read_records,
    read_timestamps,
    records_block,
    with_block,
)

nullable = st.none() | st.binary(max_size=80)
headers = st.lists(st.tuples(st.text(max_size=8), nullable), max_size=3).map(tuple)
new_records = st.builds(NewRecord, nullable, nullable, st.integers(-1, 1 << 45), headers)


def test_the_worked_record_of_the_module() -> None:
    data = build_batch([NewRecord(b"k", b"hi", 5)])
    assert data[HEADER_SIZE:].hex(" ") == "12 00 00 00 02 6b 04 68 69 00"
    assert list(read_records(data, parse_header(data))) == [Record(0, 5, b"k", b"hi")]


def test_null_and_empty_are_two_things() -> None:
    data = build_batch([NewRecord(None, b""), NewRecord(b"", None, headers=(("h", None), ("h", b"")))])
    first, second = read_records(data, parse_header(data))
    assert (first.key, first.value) == (None, b"")
    assert (second.key, second.value, second.headers) == (b"", None, (("h", None), ("h", b"")))


@given(st.lists(new_records, min_size=1, max_size=8), st.sampled_from(Codec), st.integers(0, 1 << 40))
def test_what_is_built_is_read_back(records: list[NewRecord], codec: Codec, base_offset: int) -> None:
    data = build_batch(records, base_offset=base_offset, codec=codec)
    header = parse_header(data)
    assert header.max_timestamp == max(record.timestamp for record in records)
    assert list(read_records(bytes(data), header)) == [
        Record(base_offset + index, record.timestamp, record.key, record.value, record.headers)
        for index, record in enumerate(records)
    ]


def test_read_records_may_be_built_again_elsewhere() -> None:
    data = build_batch([NewRecord(b"a", b"1", 10), NewRecord(b"b", b"2", 11)], base_offset=40)
    again = build_batch(read_records(data, parse_header(data)), base_offset=7)
    assert [record.offset for record in read_records(again, parse_header(again))] == [7, 8]


def test_large_values_and_many_records() -> None:
    records = [NewRecord(b"k" * 300, b"v" * 1_000_000, 1)] + [NewRecord(None, b"%d" % i, i) for i in range(300)]
    data = build_batch(records)
    assert [record.value for record in read_records(data, parse_header(data))] == [record.value for record in records]


def test_a_batch_without_records_is_a_bug() -> None:
    with pytest.raises(InvariantError):
        build_batch([])


@pytest.mark.parametrize(
    ("what", "block", "count"),
    [
        ("nothing at all", "", 1),
        ("ends inside a record", "12 00 00 00 02 6b", 1),
        ("length beyond the block", "7e 00 00 00 02 6b 04 68 69 00", 1),
        ("negative length", "01 00 00 00 02 6b 04 68 69 00", 1),
        ("key beyond the record", "12 00 00 00 7e 6b 04 68 69 00", 1),
        ("key of length -2", "12 00 00 00 03 6b 04 68 69 00", 1),
        ("negative header count", "12 00 00 00 02 6b 04 68 69 01", 1),
        ("header count beyond the record", "12 00 00 00 02 6b 04 68 69 7e", 1),
        ("header with a null key", "16 00 00 00 02 6b 04 68 69 02 01 01", 1),
        ("bytes left in the record", "14 00 00 00 02 6b 04 68 69 00 00", 1),
        ("bytes left in the block", "12 00 00 00 02 6b 04 68 69 00 00", 1),
        ("fewer records than announced", "12 00 00 00 02 6b 04 68 69 00", 2),
        ("more records than announced", "12 00 00 00 02 6b 04 68 69 00" * 2, 1),
        ("endless varint", "ff ff ff ff ff ff ff ff ff ff ff 01", 1),
    ],
)
def test_malformed_records_are_invalid(what: str, block: str, count: int) -> None:
    header = parse_header(build_batch([NewRecord(b"k", b"hi")]))._replace(record_count=count)
    with pytest.raises(InvalidRecord):
        list(decode_records(bytes.fromhex(block), header))


@given(st.lists(new_records, min_size=1, max_size=5), st.integers(0, 4))
def test_timestamps_alone_are_those_of_the_records(records: list[NewRecord], codec: int) -> None:
    data = build_batch(records, codec=codec)
    header = parse_header(data)
    assert list(read_timestamps(data, header)) == [record.timestamp for record in read_records(data, header)]


@given(st.binary(max_size=60), st.integers(0, 5))
def test_garbage_has_timestamps_or_is_invalid(block: bytes, count: int) -> None:
    header = parse_header(build_batch([NewRecord(b"k", b"hi")]))._replace(record_count=count, batch_length=49 + len(block))
    try:
        assert len(list(read_timestamps(bytes(61) + block, header))) == count
    except InvalidRecord:
        pass


@given(st.binary(max_size=60), st.integers(0, 5))
def test_garbage_decodes_or_is_invalid(block: bytes, count: int) -> None:
    header = parse_header(build_batch([NewRecord(b"k", b"hi")]))._replace(record_count=count)
    try:
        assert len(list(decode_records(block, header))) == count
    except InvalidRecord:
        pass


def test_an_invalid_header_key_is_shown_not_refused() -> None:
    data = build_batch([NewRecord(b"k", b"v", headers=(("abc", b""),))])
    block = records_block(data, parse_header(data)).replace(b"abc", b"a\xffc")
    changed = with_block(data, block, Codec.NONE)
    (record,) = read_records(changed, parse_header(changed))
    assert record.headers == (("a\N{REPLACEMENT CHARACTER}c", b""),)
