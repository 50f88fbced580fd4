"""Timestamps within a topic's bounds, judged by the header; the records to blame, named by a walk that is quick."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.records.batch import check_timestamps, parse_header
from odradek.records.errors import NAMED_RECORDS_MAX, InvalidTimestamp
from odradek.records.record import NewRecord, build_batch

NOW = 1_700_000_000_000
BEFORE, AFTER = 1000, 500


def produced(*timestamps: int, codec: int = 0) -> bytearray:
    return build_batch([NewRecord(b"key", b"value", at) for at in timestamps], codec=codec)


def blamed(batch: bytearray, **header: int) -> list[int] | None:
    """The places that are named; None where the batch passes."""
    try:
        check_timestamps(batch, parse_header(batch)._replace(**header), now_ms=NOW, before_max_ms=BEFORE, after_max_ms=AFTER)
    except InvalidTimestamp as refused:
        assert "message.timestamp." in str(refused)
        return [each.place for each in refused.record_errors]
    return None


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
    assert (blamed(produced(NOW), base_timestamp=first, max_timestamp=largest) is None) == accepted


@pytest.mark.parametrize("codec", range(5))
def test_records_out_of_bounds_are_named(codec: int) -> None:
    assert blamed(produced(NOW, NOW + 501, NOW + 500, NOW - 1001, -1, codec=codec)) == [1, 3]
    assert blamed(produced(NOW - 1001, NOW, codec=codec)) == [0]


def test_a_record_older_than_its_batchs_first_is_not_looked_for() -> None:
    assert blamed(produced(NOW, NOW - 1001)) is None, "see decision 5"


def test_a_name_tells_the_time_and_the_bounds() -> None:
    with pytest.raises(InvalidTimestamp) as refused:
        check_timestamps(
            produced(NOW + 501), parse_header(produced(NOW + 501)), now_ms=NOW, before_max_ms=1000, after_max_ms=500
        )
    [(_, message)] = refused.value.record_errors
    assert message == f"timestamp {NOW + 501} is outside [{NOW - 1000}, {NOW + 500}]"


def test_what_cannot_be_read_or_takes_long_is_refused_without_names() -> None:
    assert blamed(produced(NOW + 501)[:61] + b"senseless") == []
    assert blamed(produced(*[NOW + 501] * 4001)) == []
    large = build_batch([NewRecord(None, bytes(2 << 20), NOW + 501)], codec=1)
    assert blamed(large) == []


def test_names_are_bounded() -> None:
    assert blamed(produced(*[NOW + 501] * 4000)) == list(range(NAMED_RECORDS_MAX))


@given(st.lists(st.integers(NOW - 2 * BEFORE, NOW + 2 * AFTER) | st.just(-1), min_size=1, max_size=20))
def test_whoever_is_named_is_out_of_bounds_and_all_are_named(timestamps: list[int]) -> None:
    found = blamed(produced(*timestamps))
    bad = [place for place, at in enumerate(timestamps) if at != -1 and not NOW - BEFORE <= at <= NOW + AFTER]
    if found is not None:
        assert found == bad
    else:
        assert all(timestamps[place] < NOW - BEFORE for place in bad), "only old ones behind the first may slip through"
