"""Time, as a parameter.

The only module that imports `time`. Everything that waits, expires or stamps takes a `Clock`, so that a test can hold time
still and a simulation can run hours in a second. Two readings, never mixed: `now_ms` is wall time (epoch milliseconds, what
Kafka stores and shows; may jump), `monotonic` is for durations (seconds, never goes back).
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    def now_ms(self) -> int:
        """Wall time in milliseconds since 1970."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""


class SystemClock:
    """The machine's clock."""

    __slots__ = ()

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()


class ManualClock:
    """A clock that moves when told: for tests and simulation."""

    __slots__ = ("_elapsed_ms", "_start_ms")

    def __init__(self, start_ms: int = 1_700_000_000_000) -> None:
        self._start_ms = start_ms
        self._elapsed_ms = 0

    def now_ms(self) -> int:
        return self._start_ms + self._elapsed_ms

    def monotonic(self) -> float:
        return self._elapsed_ms / 1000

    def advance(self, ms: int) -> None:
        """Move forward by `ms` milliseconds (never back)."""
        if ms < 0:
            raise ValueError(f"a clock only moves forward, not by {ms} ms")
        self._elapsed_ms += ms


def sleep(seconds: float) -> None:
    """Block this thread: for command-line tools and tests, never on the loop."""
    time.sleep(seconds)
