"""The time index against a dumb model, from its bytes, and with the slot that it keeps for its closing entry."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.base.errors import InvariantError
from odradek.log.index_entries import CorruptIndex, IndexFull
from odradek.log.time_index import TimeIndex, TimestampOffset

BASE = 1000
SIZE_MAX = 12 * 1000
NOW = 1_700_000_000_000

steps = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 50)), max_size=40)


def fill(index: TimeIndex, grown: list[tuple[int, int]]) -> list[TimestampOffset]:
    timestamp, offset, model = NOW, BASE, []
    for time_step, offset_step in grown:
        timestamp, offset = timestamp + time_step, offset + offset_step
        added = index.maybe_append(timestamp, offset)
        assert added == (time_step > 0 or not model), "an entry for every new largest timestamp, and no other"
        if added:
            model.append(TimestampOffset(timestamp, offset))
    return model


def test_the_worked_entry_of_the_module() -> None:
    index = TimeIndex(BASE, SIZE_MAX)
    index.maybe_append(NOW, 1041)
    assert index.encoded().hex(" ") == "00 00 01 8b cf e5 68 00 00 00 00 29"


def test_an_empty_index_knows_no_time() -> None:
    index = TimeIndex(BASE, SIZE_MAX)
    assert index.lookup(NOW) == index.last_entry == TimestampOffset(-1, BASE)


@given(steps, st.integers(NOW - 5, NOW + 1300))
def test_lookups_agree_with_a_list(grown: list[tuple[int, int]], timestamp: int) -> None:
    index = TimeIndex(BASE, SIZE_MAX)
    model = fill(index, grown)
    assert list(index.entries()) == model
    below = [entry for entry in model if entry.timestamp <= timestamp]
    assert index.lookup(timestamp) == (below[-1] if below else TimestampOffset(-1, BASE))
    assert not list(index.faults())


@given(steps, st.integers(BASE - 5, BASE + 2100), st.integers(0, 40))
def test_truncation_agrees_with_a_list_however_much_is_settled(grown: list[tuple[int, int]], offset: int, settled: int) -> None:
    index = TimeIndex(BASE, SIZE_MAX)
    model = fill(index, grown)
    index.settle(index.encoded()[: 12 * min(settled, len(model))])
    index.truncate_to(offset)
    kept = [entry for entry in model if entry.offset < offset]
    assert list(index.entries()) == kept
    assert index.last_entry == (kept[-1] if kept else TimestampOffset(-1, BASE))


@given(steps, st.integers(0, 5))
def test_a_preallocated_tail_is_taken_off(grown: list[tuple[int, int]], zeros: int) -> None:
    index = TimeIndex(BASE, SIZE_MAX)
    model = fill(index, grown)
    loaded = TimeIndex.load(BASE, index.encoded() + bytes(12 * zeros), SIZE_MAX)
    assert list(loaded.entries()) == model


@pytest.mark.parametrize("data", [b"\x01" * 13, bytes.fromhex("0000018bcfe56800 00000001 0000018bcfe56700 00000002")])
def test_an_index_that_contradicts_itself_is_corrupt(data: bytes) -> None:
    with pytest.raises(CorruptIndex):
        TimeIndex.load(BASE, data, SIZE_MAX)


@given(st.binary(max_size=100))
def test_garbage_is_corrupt_or_usable(data: bytes) -> None:
    try:
        index = TimeIndex.load(BASE, data, SIZE_MAX)
    except CorruptIndex:
        return
    index.lookup(NOW)
    list(index.faults())


def test_the_last_slot_is_kept_for_the_closing_entry() -> None:
    index = TimeIndex(BASE, 12 * 2)
    index.maybe_append(NOW, BASE)
    assert index.is_full
    with pytest.raises(IndexFull, match=r"segment\.index\.bytes"):
        index.maybe_append(NOW + 1, BASE + 1)
    assert index.maybe_append(NOW + 1, BASE + 1, closing=True)
    with pytest.raises(IndexFull):
        index.maybe_append(NOW + 2, BASE + 2, closing=True)


def test_neither_column_may_fall() -> None:
    index = TimeIndex(BASE, SIZE_MAX)
    index.maybe_append(NOW, BASE + 5)
    with pytest.raises(InvariantError):
        index.maybe_append(NOW - 1, BASE + 6)
    with pytest.raises(InvariantError):
        index.maybe_append(NOW + 1, BASE + 4)


def test_a_log_without_timestamps_makes_no_entries() -> None:
    index = TimeIndex(BASE, SIZE_MAX)
    assert not index.maybe_append(-1, BASE + 5)
    assert len(index) == 0
