"""Leader epochs: Kafka's `LeaderEpochFileCache` by example, and against a model that remembers every record's epoch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.base.errors import InvariantError
from odradek.log.checkpoints import CorruptCheckpoint
from odradek.log.epoch_cache import UNDEFINED, EpochCache, EpochEntry


def cache(*entries: tuple[int, int]) -> EpochCache:
    return EpochCache(EpochEntry(*entry) for entry in entries)


def test_nothing_known_is_undefined() -> None:
    empty = cache()
    assert empty.latest_epoch == -1 and empty.latest_entry is None and empty.earliest_entry is None
    assert empty.end_offset_for(0, 10) == UNDEFINED
    assert empty.end_offset_for(-1, 10) == UNDEFINED
    assert empty.epoch_for_offset(3) == -1


def test_where_epochs_end() -> None:
    known = cache((2, 10), (4, 25), (7, 40))
    assert known.end_offset_for(7, 55) == (7, 55), "the latest ends at the log's end"
    assert known.end_offset_for(4, 55) == (4, 40)
    assert known.end_offset_for(3, 55) == (2, 25), "one that was skipped ends where the one before it did"
    assert known.end_offset_for(1, 55) == (1, 10), "one before all known ended where they begin"
    assert known.end_offset_for(8, 55) == UNDEFINED, "one that is yet to come has no end"
    assert [known.previous_epoch(epoch) for epoch in (2, 3, 9)] == [-1, 2, 7]


@pytest.mark.parametrize(
    ("epoch", "start", "left"),
    [
        (8, 50, [(2, 10), (4, 25), (7, 40), (8, 50)]),
        (7, 45, [(2, 10), (4, 25), (7, 40)]),
        (7, 30, [(2, 10), (4, 25), (7, 30)]),
        (8, 40, [(2, 10), (4, 25), (8, 40)]),
        (8, 20, [(2, 10), (8, 20)]),
        (3, 60, [(2, 10), (3, 60)]),
        (0, 0, [(0, 0)]),
    ],
)
def test_a_new_entry_removes_what_contradicts_it(epoch: int, start: int, left: list[tuple[int, int]]) -> None:
    known = cache((2, 10), (4, 25), (7, 40))
    before = known.entries
    assert known.assign(epoch, start) == (known.entries != before)
    assert known.entries == left
    assert known.latest_epoch == left[-1][0]


def test_invalid_entries_are_bugs() -> None:
    for entry in ((-1, 0), (0, -1)):
        with pytest.raises(InvariantError):
            cache().assign(*entry)


@pytest.mark.parametrize(
    ("end", "left"), [(41, [(2, 10), (4, 25), (7, 40)]), (40, [(2, 10), (4, 25)]), (11, [(2, 10)]), (10, []), (0, [])]
)
def test_truncating_the_end(end: int, left: list[tuple[int, int]]) -> None:
    known = cache((2, 10), (4, 25), (7, 40))
    assert known.truncate_from_end(end) == (len(left) < 3)
    assert known.entries == left


@pytest.mark.parametrize(
    ("start", "left", "changed"),
    [
        (5, [(2, 10), (4, 25), (7, 40)], False),
        (10, [(2, 10), (4, 25), (7, 40)], False),
        (12, [(2, 12), (4, 25), (7, 40)], True),
        (25, [(4, 25), (7, 40)], True),
        (30, [(4, 30), (7, 40)], True),
        (90, [(7, 90)], True),
    ],
)
def test_truncating_the_start_keeps_the_epoch_that_holds_it(start: int, left: list[tuple[int, int]], changed: bool) -> None:
    known = cache((2, 10), (4, 25), (7, 40))
    assert known.truncate_from_start(start) == changed
    assert known.entries == left


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 10)), min_size=1, max_size=15), st.data())
def test_against_a_log_that_remembers_every_records_epoch(grown: list[tuple[int, int]], data: st.DataObject) -> None:
    known, log, epoch = cache(), [], 0
    for epoch_step, records in grown:
        epoch += epoch_step
        known.assign(epoch, len(log))
        log += [epoch] * records
    start = data.draw(st.integers(0, len(log)), label="start")
    end = data.draw(st.integers(start, len(log)), label="end")
    part = EpochCache(known.entries_in_range(start, end))
    for offset in range(start, end):
        assert part.epoch_for_offset(offset) == log[offset]
        assert known.epoch_for_offset(offset) == log[offset]
    for asked in range(epoch + 2):
        expected = max((offset + 1 for offset in range(len(log)) if log[offset] <= asked), default=0)
        answer = known.end_offset_for(asked, len(log))
        assert answer == UNDEFINED if asked > epoch else answer.end_offset == expected
    assert EpochCache.decode(known.encode()).entries == known.entries


def test_the_file() -> None:
    assert cache((0, 0), (3, 1734)).encode() == b"0\n2\n0 0\n3 1734\n"
    assert EpochCache.decode(b"").entries == []
    assert EpochCache.decode(b"0\n2\n0 0\n3 1734\n").entries == [(0, 0), (3, 1734)]


@pytest.mark.parametrize(
    "data", [b"1\n0\n", b"0\n2\n0 0\n", b"0\n1\n0 0 0\n", b"0\n1\n0 x\n", b"0\n1\n-1 0\n", b"\xff\xfe", b"0\n2\n0 0\n3 17"]
)
def test_a_broken_file_is_named(data: bytes) -> None:
    with pytest.raises(CorruptCheckpoint):
        EpochCache.decode(data)
