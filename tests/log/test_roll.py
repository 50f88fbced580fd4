"""When a segment is full."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from odradek.log.config import UNLIMITED, LogConfig
from odradek.log.roll import draw_jitter, roll_limits


def test_a_segment_is_full_by_its_first_batchs_time_or_by_the_clock_where_it_has_none():
    config = LogConfig(segment_bytes=100, segment_ms=1000)
    given = {"base_offset": 5, "created_ms": 77, "jitter_ms": 10}
    by_time = roll_limits(config, first_timestamp=2000, **given)
    by_clock = roll_limits(config, first_timestamp=-1, **given)
    empty = roll_limits(config, first_timestamp=None, **given)
    assert by_time == (100, 5 + 2**31 - 1, 2990, UNLIMITED)
    assert by_clock == (100, 5 + 2**31 - 1, UNLIMITED, 1067)
    assert empty == (100, 5 + 2**31 - 1, UNLIMITED, UNLIMITED)
    assert roll_limits(config, first_timestamp=2000, index_full=True, **given).size == 0


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 10**12), st.integers(1, 10**12))
def test_jitter_is_never_longer_than_the_segments_time(fraction: float, jitter: int, segment_ms: int):
    drawn = draw_jitter(LogConfig(segment_ms=segment_ms, segment_jitter_ms=jitter), fraction)
    assert 0 <= drawn <= min(jitter, segment_ms)
