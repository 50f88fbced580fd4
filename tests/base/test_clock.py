"""A clock that stands still until told."""

from __future__ import annotations

import pytest

from odradek.base.clock import ManualClock, SystemClock


def test_a_manual_clock_moves_both_readings_together() -> None:
    clock = ManualClock(start_ms=1000)
    clock.advance(2500)
    assert (clock.now_ms(), clock.monotonic()) == (3500, 2.5)


def test_time_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="only moves forward"):
        ManualClock().advance(-1)


def test_the_system_clock_counts_milliseconds_since_1970() -> None:
    assert SystemClock().now_ms() > 1_700_000_000_000
