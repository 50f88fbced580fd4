"""Transaction markers, as Kafka's brokers write them."""

from __future__ import annotations

import struct

import pytest

from odradek.records.batch import parse_header
from odradek.records.control import ControlType, EndTransactionMarker, build_marker, read_marker
from odradek.records.errors import InvalidRecord
from odradek.records.record import NewRecord, build_batch, read_records


@pytest.mark.parametrize("type", ControlType)
def test_a_marker_is_read_back(type: ControlType) -> None:
    data = build_marker(EndTransactionMarker(type, 12), producer_id=7, producer_epoch=3, timestamp=99, base_offset=40)
    header = parse_header(data)
    assert header.is_control and header.is_transactional
    assert (header.producer_id, header.producer_epoch, header.base_sequence, header.base_offset) == (7, 3, -1, 40)
    assert read_marker(data, header) == EndTransactionMarker(type, 12)


def test_the_bytes_are_kafkas() -> None:
    data = build_marker(EndTransactionMarker(ControlType.COMMIT, 5), producer_id=1, producer_epoch=0, timestamp=0)
    (record,) = read_records(data, parse_header(data))
    assert (record.key, record.value) == (bytes.fromhex("0000 0001"), bytes.fromhex("0000 00000005"))


def test_newer_versions_may_say_more() -> None:
    data = build_batch([NewRecord(struct.pack(">hhq", 1, 0, 0), struct.pack(">hiq", 1, 8, 0))], is_control=True)
    assert read_marker(data, parse_header(data)) == EndTransactionMarker(ControlType.ABORT, 8)


def test_other_control_records_are_not_markers() -> None:
    data = build_batch([NewRecord(struct.pack(">hh", 0, 2), b"leader change")], is_control=True)
    assert read_marker(data, parse_header(data)) is None


@pytest.mark.parametrize(("key", "value"), [(None, b""), (b"\0", b""), (b"\0\0\0\1", None), (b"\0\0\0\1", b"\0\0")])
def test_malformed_ones_are_invalid(key: bytes | None, value: bytes | None) -> None:
    data = build_batch([NewRecord(key, value)], is_control=True)
    with pytest.raises(InvalidRecord):
        read_marker(data, parse_header(data))
