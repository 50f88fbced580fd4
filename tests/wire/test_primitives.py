"""Readers and writers of single values undo each other, and refuse what the protocol forbids."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.wire import primitives as p
from odradek.wire.errors import WireError


@given(st.integers(0, 2**35 - 1))
def test_unsigned_varints(value: int) -> None:
    out = bytearray(b"x")
    p.write_uvarint(out, value)
    assert p.read_uvarint(out, 1) == (value, len(out))


@given(st.integers(-(2**63), 2**63 - 1))
def test_signed_varints(value: int) -> None:
    out = bytearray(b"x")
    p.write_varint(out, value)
    assert p.read_varint(out, 1) == (value, len(out))


@pytest.mark.parametrize(("value", "raw"), [(0, "00"), (-1, "01"), (1, "02"), (-65, "8101"), (300, "d804")])
def test_zigzag_by_example(value: int, raw: str) -> None:
    out = bytearray()
    p.write_varint(out, value)
    assert out.hex() == raw


@given(st.none() | st.text())
def test_strings(value: str | None) -> None:
    for write, read in ((p.write_string, p.read_string), (p.write_compact_string, p.read_compact_string)):
        out = bytearray()
        write(out, value)
        assert read(memoryview(out), 0) == (value, len(out))


@given(st.none() | st.binary())
def test_bytes(value: bytes | None) -> None:
    for write, read in ((p.write_bytes, p.read_bytes), (p.write_compact_bytes, p.read_compact_bytes)):
        out = bytearray()
        write(out, value)
        assert read(memoryview(out), 0) == (value, len(out))


def test_endless_varints_are_refused() -> None:
    with pytest.raises(WireError, match="longer than five bytes"):
        p.read_uvarint(b"\xff" * 20, 0)
    with pytest.raises(WireError, match="longer than ten bytes"):
        p.read_varint(b"\xff" * 20, 0)


def test_a_length_below_null_is_refused() -> None:
    with pytest.raises(WireError, match="-2"):
        p.read_string(b"\xff\xfe", 0)


def test_a_count_is_checked_before_anything_is_made() -> None:
    for read in (p.read_strings, p.read_compact_strings):
        with pytest.raises(WireError, match="1000000000 elements cannot be in the 8 bytes"):
            read(bytes(8), 0, 10**9)
    with pytest.raises(WireError, match="1000000000 elements"):
        p.read_numbers(bytes(8), 0, 10**9, "i", 4)
