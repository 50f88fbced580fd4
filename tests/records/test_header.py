"""The batch header: its fields, the leader's patches, walking over many batches."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.records import batch
from odradek.records.batch import BatchHeader, Verdict, check_stored, parse_header
from odradek.records.errors import CorruptMessage
from odradek.records.record import NewRecord, build_batch, read_records, seal

NOW = 1_700_000_000_000


def produced(*, count: int = 2, **fields: int | bool) -> bytearray:
    return build_batch([NewRecord(b"key", b"value", NOW + index) for index in range(count)], **fields)  # type: ignore[arg-type]


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
