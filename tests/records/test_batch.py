"""The batch header: what a producer may send, in Kafka's words, and what recovery may find.

The error codes here were read off Apache Kafka 4.3.1, which was sent the same damaged batches.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.records import batch
from odradek.records.batch import BatchHeader, Verdict, check_produced, check_stored, parse_header
from odradek.records.errors import CorruptMessage, InvalidTimestamp, RecordsError
from odradek.records.record import NewRecord, build_batch, read_records, seal

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


def test_a_header_is_read_field_by_field() -> None:
    data = bytes.fromhex(
        "0000000000000007 0000003a 00000002 02 d5e3a1b0 0014 00000003"
        "0000018bcfe56800 0000018bcfe56803 0000000000001388 0001 7ffffffe 00000004".replace(" ", "")
    )
    header = parse_header(b"xx" + data, 2)
    assert header == BatchHeader(7, 58, 2, 2, 0xD5E3A1B0, 0x14, 3, NOW, NOW + 3, 5000, 1, 0x7FFFFFFE, 4)
    assert (header.size, header.last_offset, header.next_offset) == (70, 10, 11)
    assert header.last_sequence == 1, "the sequence wraps behind 2^31 - 1"
    assert (header.codec, header.is_transactional, header.is_control, header.is_log_append_time) == (4, True, False, False)
    assert header.has_producer_id and not header.has_delete_horizon


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


@pytest.mark.parametrize(
    ("first", "largest", "accepted"),
    [
        (NOW - 1000, NOW, True),
        (NOW, NOW + 500, True),
        (NOW - 1001, NOW, False),
        (NOW, NOW + 501, False),
        (-1, -1, True),
        (-1, NOW + 501, False),
        (NOW - 1001, -1, False),
    ],
)
def test_timestamps_are_bounded_on_both_sides(first: int, largest: int, accepted: bool) -> None:
    header = parse_header(produced())._replace(base_timestamp=first, max_timestamp=largest)
    if accepted:
        batch.check_timestamps(header, now_ms=NOW, before_max_ms=1000, after_max_ms=500)
    else:
        with pytest.raises(InvalidTimestamp, match=r"message\.timestamp\."):
            batch.check_timestamps(header, now_ms=NOW, before_max_ms=1000, after_max_ms=500)


def test_patching_leaves_the_checksum_right() -> None:
    data = bytearray(10) + produced()
    batch.patch(data, 10, 1 << 40, 7)
    header = parse_header(data, 10)
    assert (header.base_offset, header.leader_epoch) == (1 << 40, 7)
    assert check_stored(data, 10).verdict is Verdict.WHOLE


def test_append_time_covers_every_record_and_mends_the_checksum() -> None:
    data = produced(codec=1)
    batch.stamp_append_time(data, NOW + 99)
    header = parse_header(data)
    assert header.is_log_append_time and header.codec == 1
    assert [record.timestamp for record in read_records(data, header)] == [NOW + 99, NOW + 99]
    assert check_stored(data).verdict is Verdict.WHOLE


def test_scan_walks_whole_batches_and_stops_before_a_cut_one() -> None:
    parts = [produced(count=count) for count in (1, 3, 2)]
    data = b"".join(parts) + parts[0][:-1]
    found = list(batch.scan(data))
    assert [header.record_count for _, header in found] == [1, 3, 2]
    assert [position for position, _ in found] == [0, len(parts[0]), len(parts[0]) + len(parts[1])]


def test_scan_refuses_to_walk_on_an_impossible_length() -> None:
    data = produced()
    with pytest.raises(CorruptMessage, match=f"position {len(data)}"):
        list(batch.scan(data + bytes(100)))


def test_a_stored_batch_cut_anywhere_needs_more() -> None:
    data = produced()
    for end in range(len(data)):
        judged = check_stored(data[:end])
        assert judged.verdict is Verdict.NEED_MORE
        assert judged.size == (len(data) if end >= batch.HEADER_SIZE else batch.HEADER_SIZE)
    assert check_stored(data).verdict is Verdict.WHOLE


@pytest.mark.parametrize(
    ("damage", "verdict"),
    [
        (put(">b", 16, 3), Verdict.BAD_MAGIC),
        (put(">b", 16, 1), Verdict.OLD_MAGIC),
        (put(">i", 8, 48), Verdict.BAD_LENGTH),
        (put(">i", 8, -1), Verdict.BAD_LENGTH),
        (put(">i", 8, 2000), Verdict.BAD_LENGTH),
        (lambda data: struct.pack_into(">b", data, 70, 1), Verdict.BAD_CRC),
        (lambda data: struct.pack_into("61x", data, 0), Verdict.ZEROS),
    ],
)
def test_damage_in_a_log_is_named(damage: Callable[[bytearray], None], verdict: Verdict) -> None:
    data = produced()
    damage(data)
    judged = check_stored(b"before" + data, 6, max_batch_size=1000)
    assert judged.verdict is verdict
    assert judged.reason


@given(st.integers(0, 0x7FFFFFFF), st.integers(0, 0x7FFFFFFF))
def test_sequences_live_on_a_ring(sequence: int, step: int) -> None:
    ahead = batch.increment_sequence(sequence, step)
    assert 0 <= ahead <= 0x7FFFFFFF
    assert batch.decrement_sequence(ahead, step) == sequence
    assert batch.increment_sequence(0x7FFFFFFF, 1) == 0


def test_sealing_is_idempotent() -> None:
    data = produced()
    before = bytes(data)
    seal(data)
    assert data == before
