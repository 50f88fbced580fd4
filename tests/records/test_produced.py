"""What a producer may send, in Kafka's words.

The error codes here were read off Apache Kafka 4.3.1, which was sent the same damaged batches.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.records import batch
from odradek.records.batch import check_produced, parse_header
from odradek.records.errors import InvalidRecord, InvalidTimestamp, NotOneBatch, RecordsError
from odradek.records.record import NewRecord, build_batch

NOW = 1_700_000_000_000
CORRUPT_MESSAGE, MESSAGE_TOO_LARGE, INVALID_TIMESTAMP, UNSUPPORTED_COMPRESSION_TYPE, INVALID_RECORD = 2, 10, 32, 76, 87


def produced(*, count: int = 2, **fields: int | bool) -> bytearray:
    return build_batch([NewRecord(b"key", b"value", NOW + index) for index in range(count)], **fields)  # type: ignore[arg-type]


def put(form: str, position: int, value: int) -> Callable[[bytearray], None]:
    """Overwrite a field and mend the checksum: the fault is the field's alone."""

    def damage(data: bytearray) -> None:
        struct.pack_into(form, data, position, value)
        struct.pack_into(">I", data, 17, batch.batch_crc(data, 0, len(data)))

    return damage


def flag(bits: int) -> Callable[[bytearray], None]:
    return put(">h", batch.ATTRIBUTES_POSITION, bits)


def code_of(data: bytes | bytearray, *, max_batch_size: int = 1_048_588, produce_version: int = 12) -> int:
    try:
        check_produced(data, max_batch_size=max_batch_size, produce_version=produce_version)
    except RecordsError as error:
        assert str(error)
        return error.code
    return 0


def test_a_good_batch_passes_from_any_buffer() -> None:
    data = produced(producer_id=5, producer_epoch=0, base_sequence=17)
    for buffer in (data, bytes(data), memoryview(data), memoryview(bytes(data))):
        header = check_produced(buffer, max_batch_size=len(data), produce_version=3)
        assert (header.record_count, header.base_sequence, header.last_sequence) == (2, 17, 18)


@pytest.mark.parametrize(
    ("what", "damage", "code"),
    [
        ("magic 0", put(">b", 16, 0), INVALID_RECORD),
        ("magic 1", put(">b", 16, 1), INVALID_RECORD),
        ("magic 3", put(">b", 16, 3), CORRUPT_MESSAGE),
        ("magic -1", put(">b", 16, -1), CORRUPT_MESSAGE),
        ("negative length", put(">i", 8, -5), CORRUPT_MESSAGE),
        ("length 0", put(">i", 8, 0), CORRUPT_MESSAGE),
        ("length below the header's", put(">i", 8, 48), CORRUPT_MESSAGE),
        ("length beyond the bytes", put(">i", 8, 100_000), INVALID_RECORD),
        ("base offset 7", put(">q", 0, 7), INVALID_RECORD),
        ("one record announced more", put(">i", 57, 3), INVALID_RECORD),
        ("negative record count", put(">i", 57, -1), INVALID_RECORD),
        ("negative offset delta", put(">i", 23, -2), INVALID_RECORD),
        ("control batch", flag(batch.CONTROL), INVALID_RECORD),
        ("transactional without producer id", flag(batch.TRANSACTIONAL), INVALID_RECORD),
        ("log append time", flag(batch.LOG_APPEND_TIME), INVALID_TIMESTAMP),
        ("codec 5", flag(5), UNSUPPORTED_COMPRESSION_TYPE),
        ("codec 7", flag(7), UNSUPPORTED_COMPRESSION_TYPE),
        ("producer id without sequence", put(">q", 43, 5), INVALID_RECORD),
    ],
)
def test_a_damaged_field_is_refused_as_kafka_does(what: str, damage: Callable[[bytearray], None], code: int) -> None:
    data = produced()
    damage(data)
    assert code_of(data) == code, what


def test_a_count_of_zero_is_refused() -> None:
    data = produced()
    put(">i", 57, 0)(data)
    put(">i", 23, -1)(data)
    assert code_of(data) == INVALID_RECORD


def test_where_all_records_are_to_blame_all_are_named() -> None:
    data = produced(count=3)
    flag(batch.LOG_APPEND_TIME)(data)
    with pytest.raises(InvalidTimestamp) as refused:
        check_produced(data, max_batch_size=1000, produce_version=12)
    assert [each.place for each in refused.value.record_errors] == [0, 1, 2]


def test_a_sequence_needs_an_epoch() -> None:
    assert code_of(produced(producer_id=5, producer_epoch=-1, base_sequence=0)) == INVALID_RECORD
    assert code_of(produced(producer_id=5, producer_epoch=0, base_sequence=-1)) == INVALID_RECORD


def test_exactly_one_whole_batch() -> None:
    data = produced()
    assert code_of(b"") == INVALID_RECORD
    assert code_of(data[:-3]) == INVALID_RECORD
    assert code_of(data[:40]) == INVALID_RECORD
    assert code_of(data + data) == INVALID_RECORD
    assert code_of(data + b"\0") == INVALID_RECORD
    assert code_of(data + bytes(100)) == CORRUPT_MESSAGE, "where a second one should begin is a length of 0"


def test_a_length_damaged_on_the_way_is_worth_sending_again() -> None:
    data = produced()
    struct.pack_into(">i", data, 8, len(data) - 13)
    assert code_of(data) == CORRUPT_MESSAGE


def test_only_what_is_no_whole_batch_is_refused_before_a_log_is_asked() -> None:
    data = produced()
    for bad in (b"", data[:-3], data[:40], data + data, data + b"\0"):
        with pytest.raises(NotOneBatch):
            check_produced(bad, max_batch_size=1000, produce_version=12)
    put(">q", 0, 7)(data)
    with pytest.raises(InvalidRecord) as refused:
        check_produced(data, max_batch_size=1000, produce_version=12)
    assert not isinstance(refused.value, NotOneBatch)


@pytest.mark.parametrize(("count", "code"), [(3, 0), (4, INVALID_RECORD), (2**31 - 1, INVALID_RECORD)])
def test_a_batch_takes_no_more_offsets_than_its_bytes_can_hold_records(count: int, code: int) -> None:
    data = build_batch([NewRecord(None, None, NOW) for _ in range(3)])
    put(">i", 57, count)(data)
    put(">i", 23, count - 1)(data)
    assert code_of(data) == code, "the smallest record has 7 bytes"


def test_the_limit_is_on_the_whole_batch() -> None:
    data = produced()
    assert code_of(data, max_batch_size=len(data)) == 0
    assert code_of(data, max_batch_size=len(data) - 1) == MESSAGE_TOO_LARGE


def test_zstd_needs_produce_version_7() -> None:
    data = produced(codec=4)
    assert code_of(data, produce_version=6) == UNSUPPORTED_COMPRESSION_TYPE
    assert code_of(data, produce_version=7) == 0


def test_any_flipped_bit_under_the_checksum_is_seen() -> None:
    data = produced()
    for position in range(batch.CRC_POSITION, len(data)):
        data[position] ^= 0x10
        assert code_of(data) != 0, position
        data[position] ^= 0x10
    assert code_of(data) == 0


@given(st.binary(max_size=120))
def test_garbage_gets_a_named_error(data: bytes) -> None:
    assert code_of(data) in (CORRUPT_MESSAGE, INVALID_RECORD)


@given(st.data())
def test_a_mutated_batch_passes_only_if_it_is_sound(data: st.DataObject) -> None:
    mutated = produced(producer_id=5, producer_epoch=0, base_sequence=0)
    position = data.draw(st.integers(0, batch.HEADER_SIZE - 1))
    mutated[position] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        struct.pack_into(">I", mutated, 17, batch.batch_crc(mutated, 0, len(mutated)))
    if code_of(mutated) == 0:
        header = parse_header(mutated)
        assert header.record_count == 2 and header.base_offset == 0 and header.size == len(mutated)
