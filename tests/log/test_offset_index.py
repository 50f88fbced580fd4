"""The offset index against a dumb model (a list), from its bytes, and in its two parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.base.errors import InvariantError
from odradek.log.index_entries import CorruptIndex, IndexFull
from odradek.log.offset_index import OffsetIndex, OffsetPosition

BASE = 1000
SIZE_MAX = 8 * 1000

steps = st.lists(st.tuples(st.integers(1, 50), st.integers(1, 5000)), max_size=40)


def fill(index: OffsetIndex, grown: list[tuple[int, int]]) -> list[OffsetPosition]:
    offset, position, model = BASE, 0, []
    for offset_step, position_step in grown:
        offset, position = offset + offset_step, position + position_step
        index.append(offset, position)
        model.append(OffsetPosition(offset, position))
    return model


def test_the_worked_entry_of_the_module() -> None:
    index = OffsetIndex(BASE, SIZE_MAX)
    index.append(1041, 4200)
    assert index.encoded().hex(" ") == "00 00 00 29 00 00 10 68"


def test_an_empty_index_points_to_the_segments_beginning() -> None:
    index = OffsetIndex(BASE, SIZE_MAX)
    assert index.lookup(5000) == (BASE, 0)
    assert index.upper_bound(0) is None
    assert (len(index), index.size, index.last_offset) == (0, 0, BASE)


@given(steps, st.integers(BASE - 5, BASE + 2100), st.integers(0, 210_000))
def test_lookups_agree_with_a_list(grown: list[tuple[int, int]], offset: int, position: int) -> None:
    index = OffsetIndex(BASE, SIZE_MAX)
    model = fill(index, grown)
    assert list(index.entries()) == model
    below = [entry for entry in model if entry.offset <= offset]
    assert index.lookup(offset) == (below[-1] if below else OffsetPosition(BASE, 0))
    beyond = [entry for entry in model if entry.position > position]
    assert index.upper_bound(position) == (beyond[0] if beyond else None)
    assert not list(index.faults())


@given(steps, st.integers(BASE - 5, BASE + 2100), st.integers(0, 40))
def test_truncation_agrees_with_a_list_however_much_is_settled(grown: list[tuple[int, int]], offset: int, settled: int) -> None:
    index = OffsetIndex(BASE, SIZE_MAX)
    model = fill(index, grown)
    index.settle(index.encoded()[: 8 * min(settled, len(model))])
    index.truncate_to(offset)
    kept = [entry for entry in model if entry.offset < offset]
    assert list(index.entries()) == kept
    assert index.last_offset == (kept[-1].offset if kept else BASE)
    index.append(index.last_offset + 1, 1_000_000)
    assert index.entry_at(len(kept)) == (kept[-1].offset + 1 if kept else BASE + 1, 1_000_000)


@given(steps, st.integers(0, 40), st.integers(0, 40), st.integers(BASE, BASE + 2100))
def test_settling_changes_where_bytes_are_not_what_they_say(
    grown: list[tuple[int, int]], first: int, second: int, offset: int
) -> None:
    index, plain = OffsetIndex(BASE, SIZE_MAX), OffsetIndex(BASE, SIZE_MAX)
    fill(index, grown)
    fill(plain, grown)
    for count in sorted((min(first, len(grown)), min(second, len(grown)))):
        index.settle(memoryview(plain.encoded()[: 8 * count]))
        assert index.fresh_size == plain.size - 8 * count
        assert index.encoded() == plain.encoded()
        assert index.encoded(8 * count) == plain.encoded(8 * count)
        assert index.lookup(offset) == plain.lookup(offset)


def test_a_settled_prefix_cannot_shrink_or_outgrow_the_index() -> None:
    index = OffsetIndex(BASE, SIZE_MAX)
    fill(index, [(1, 1), (1, 1), (1, 1)])
    index.settle(index.encoded()[:16])
    for size in (8, 32, 17):
        with pytest.raises(InvariantError):
            index.settle(bytes(size))


@given(steps, st.integers(0, 5))
def test_a_preallocated_tail_is_taken_off(grown: list[tuple[int, int]], zeros: int) -> None:
    index = OffsetIndex(BASE, SIZE_MAX)
    model = fill(index, grown)
    loaded = OffsetIndex.load(BASE, index.encoded() + bytes(8 * zeros), SIZE_MAX, log_size=1 << 30)
    assert list(loaded.entries()) == model
    assert loaded.last_offset == index.last_offset


@pytest.mark.parametrize(
    ("data", "log_size"),
    [
        (b"\x01" * 13, 1 << 30),
        (bytes.fromhex("ffffffff 00000010"), 1 << 30),
        (bytes.fromhex("00000005 00001000"), 4096),
        (bytes.fromhex("00000005 ffffffff"), 4096),
        (b"garbage!" * 3, 4096),
    ],
)
def test_an_index_that_cannot_be_this_segments_is_corrupt(data: bytes, log_size: int) -> None:
    with pytest.raises(CorruptIndex):
        OffsetIndex.load(BASE, data, SIZE_MAX, log_size=log_size)


@given(st.binary(max_size=100))
def test_garbage_is_corrupt_or_usable(data: bytes) -> None:
    try:
        index = OffsetIndex.load(BASE, data, SIZE_MAX, log_size=1 << 31)
    except CorruptIndex:
        return
    assert index.lookup(BASE + 10).position is not None
    list(index.faults())


def test_verifying_finds_what_does_not_grow() -> None:
    data = bytes.fromhex("00000005 00001000 00000005 00002000 00000009 00001500")
    assert len(list(OffsetIndex.load(BASE, data, SIZE_MAX, log_size=1 << 20).faults())) == 2


def test_full_by_size_and_by_range() -> None:
    index = OffsetIndex(BASE, 17)
    assert index.entries_max == 2
    fill(index, [(1, 1), (1, 1)])
    assert index.is_full
    with pytest.raises(IndexFull, match=r"segment\.index\.bytes"):
        index.append(BASE + 3, 3)
    assert index.can_append_offset(BASE + 0x7FFFFFFF) and not index.can_append_offset(BASE + 0x80000000)
    assert not index.can_append_offset(BASE - 1)


def test_offsets_must_grow() -> None:
    index = OffsetIndex(BASE, SIZE_MAX)
    index.append(BASE + 5, 100)
    with pytest.raises(InvariantError):
        index.append(BASE + 5, 200)
