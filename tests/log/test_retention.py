"""Which old segments go."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from odradek.log.config import LogConfig
from odradek.log.retention import Deletable, SegmentFacts, deletable


def facts(*sizes_and_times: tuple[int, int]) -> list[SegmentFacts]:
    return [SegmentFacts(10 * n, 10 * n + 10, size, newest) for n, (size, newest) in enumerate(sizes_and_times)]


def choose(segments: list[SegmentFacts], *, upper: int = 1000, start: int = 0, now_ms: int = 0, **config: object) -> Deletable:
    settings = LogConfig(**{"retention_ms": -1, **config})  # type: ignore[arg-type]
    return deletable(segments, settings, now_ms=now_ms, log_start_offset=start, upper_bound=upper)


def test_the_rules_of_retention():
    four = facts((5, 1), (5, 2), (5, 3), (5, 4))
    assert choose(four) == (0, "")
    assert choose(four, start=20) == (2, "log start offset")
    assert choose(four, start=19) == (1, "log start offset")
    assert choose(four, retention_bytes=10) == (2, "retention.bytes=10")
    assert choose(four, retention_bytes=11) == (1, "retention.bytes=11")
    assert choose(four, retention_bytes=0) == (4, "retention.bytes=0")
    assert choose(four, retention_ms=10, now_ms=13) == (2, "retention.ms=10")
    assert choose(four, retention_ms=10, now_ms=13, start=30) == (3, "log start offset")
    assert choose(four, retention_ms=0, now_ms=99, upper=25) == (2, "retention.ms=0")
    assert choose(four, retention_ms=0, now_ms=99, cleanup_policy=frozenset(("compact",))) == (0, "")


def test_time_stops_at_the_first_segment_that_is_young_enough():
    assert choose(facts((5, 1), (5, 50), (5, 2)), retention_ms=10, now_ms=30).segment_count == 1


def test_an_empty_last_segment_stays():
    assert choose(facts((5, 1), (0, 1)), retention_ms=0, now_ms=99).segment_count == 1


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), max_size=8), st.integers(-1, 300), st.integers(-1, 100))
def test_what_retention_leaves_is_no_less_than_allowed(shapes: list[tuple[int, int]], limit: int, retention_ms: int):
    segments = facts(*shapes)
    count = choose(segments, retention_bytes=limit, retention_ms=retention_ms, now_ms=100).segment_count
    gone, left = segments[:count], segments[count:]
    if retention_ms < 0 and limit >= 0 and gone:
        assert sum(s.size for s in left) >= limit
    if limit < 0 and retention_ms >= 0:
        assert all(s.newest_ms < 100 - retention_ms for s in gone)
