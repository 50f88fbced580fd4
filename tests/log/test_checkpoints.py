"""Offset checkpoints: Kafka's text, and every way in which it can be cut short."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.log.checkpoints import CorruptCheckpoint, decode_offsets, encode_offsets

FILE = b"0\n2\norders 0 1734\norders-by.region_1 12 0\n"
OFFSETS = {("orders", 0): 1734, ("orders-by.region_1", 12): 0}

topics = st.text("abcXYZ019._-", min_size=1, max_size=20)


def test_the_file() -> None:
    assert encode_offsets(OFFSETS) == FILE
    assert decode_offsets(FILE) == OFFSETS
    assert encode_offsets({}) == b"0\n0\n"
    assert decode_offsets(b"0\n0\n") == {}


def test_an_empty_file_has_no_entries_since_kafka_makes_it_before_it_writes() -> None:
    assert decode_offsets(b"") == {}
    assert decode_offsets(b"0\n") == {}


@given(st.dictionaries(st.tuples(topics, st.integers(0, 1 << 31)), st.integers(0, (1 << 63) - 1)))
def test_round_trip(offsets: dict[tuple[str, int], int]) -> None:
    assert decode_offsets(encode_offsets(offsets)) == offsets


def test_a_file_cut_anywhere_is_never_read_as_another() -> None:
    for end in range(len(b"0\n"), len(FILE)):
        try:
            found = decode_offsets(FILE[:end])
        except CorruptCheckpoint:
            continue
        assert found == {}, end


@pytest.mark.parametrize(
    "data",
    [
        b"1\n0\n",
        b"zero\n0\n",
        b"0\n-1\n",
        b"0\n1\n",
        b"0\n0\norders 0 1\n",
        b"0\n1\norders 0\n",
        b"0\n1\norders 0 1 2\n",
        b"0\n1\norders zero 1\n",
        b"0\n1\norders 0 -1\n",
        b"0\n1\norders -1 1\n",
        b"0\n1\norders 0 1_000\n",
        b"0\n1\norders 0 12345678901234567890\n",
        b"\x00\x00\x00\x00",
        b"\xff\xff",
    ],
)
def test_a_broken_file_is_named(data: bytes) -> None:
    with pytest.raises(CorruptCheckpoint):
        decode_offsets(data)


@given(st.binary(max_size=60))
def test_garbage_is_corrupt_or_empty(data: bytes) -> None:
    try:
        decode_offsets(data)
    except CorruptCheckpoint:
        pass
