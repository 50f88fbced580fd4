"""Named timers, many of them, most of which never go off.

Each member of each group has a session timer, and every heartbeat moves it. So moving one later must cost next to
nothing: the queue only notes the new deadline, and looks at it when the old one comes up. One timer of the event loop
is armed for all, at the earliest deadline.

`TimerQueue` is the bookkeeping and knows no clock; `LoopTimers` ties it to a loop. Tests use `ManualTimers`, which go
off when told.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Hashable
from typing import Protocol

from odradek.base.clock import Clock, ManualClock

Callback = Callable[[], None]


class Timers(Protocol):
    def set(self, name: Hashable, delay_ms: int, callback: Callback) -> None:
        """Call `callback` once in `delay_ms`, in place of what `name` was set to before."""

    def cancel(self, name: Hashable) -> None:
        """Forget `name`, if it is set."""


class _Entry:
    __slots__ = ("callback", "deadline", "queued_at")

    def __init__(self, deadline: float, callback: Callback) -> None:
        self.deadline = self.queued_at = deadline
        self.callback = callback


class TimerQueue:
    """Deadlines in seconds of any one clock. An entry's place in the heap may be earlier than its deadline, never later."""

    def __init__(self) -> None:
        self._entries: dict[Hashable, _Entry] = {}
        self._heap: list[tuple[float, int, Hashable, _Entry]] = []
        self._pushes = 0  # breaks ties in the heap, in the order of setting

    def __len__(self) -> int:
        return len(self._entries)

    def set(self, name: Hashable, deadline: float, callback: Callback) -> None:
        entry = self._entries.get(name)
        if entry is not None and deadline >= entry.queued_at:
            entry.deadline, entry.callback = deadline, callback
        else:
            entry = self._entries[name] = _Entry(deadline, callback)
            self._push(name, entry)

    def cancel(self, name: Hashable) -> None:
        self._entries.pop(name, None)

    def next_deadline(self) -> float | None:
        """When to look again: the earliest place in the heap, which is no later than any deadline."""
        while self._heap and self._entries.get(self._heap[0][2]) is not self._heap[0][3]:
            heapq.heappop(self._heap)  # cancelled, or set anew
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: float) -> Callback | None:
        """The callback of one timer that is due, which is set no more; None when none is due."""
        while (queued_at := self.next_deadline()) is not None and queued_at <= now:
            _, _, name, entry = heapq.heappop(self._heap)
            if entry.deadline <= now:
                del self._entries[name]
                return entry.callback
            self._push(name, entry)
        return None

    def _push(self, name: Hashable, entry: _Entry) -> None:
        entry.queued_at = entry.deadline
        self._pushes += 1
        heapq.heappush(self._heap, (entry.deadline, self._pushes, name, entry))


class LoopTimers:
    """Timers on the running asyncio loop, measured by `clock`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._queue = TimerQueue()
        self._armed: asyncio.TimerHandle | None = None
        self._armed_for = 0.0

    def set(self, name: Hashable, delay_ms: int, callback: Callback) -> None:
        deadline = self._clock.monotonic() + delay_ms / 1000
        self._queue.set(name, deadline, callback)
        if self._armed is None or deadline < self._armed_for:
            self._arm()

    def cancel(self, name: Hashable) -> None:
        self._queue.cancel(name)

    def close(self) -> None:
        """Nothing goes off from now on."""
        if self._armed is not None:
            self._armed.cancel()
            self._armed = None
        self._queue = TimerQueue()

    def statistics(self) -> dict[str, int]:
        return {"timers": len(self._queue)}

    def _arm(self) -> None:
        if self._armed is not None:
            self._armed.cancel()
            self._armed = None
        deadline = self._queue.next_deadline()
        if deadline is not None:
            self._armed_for = deadline
            delay = max(0.0, deadline - self._clock.monotonic())
            self._armed = asyncio.get_running_loop().call_later(delay, self._go_off)

    def _go_off(self) -> None:
        self._armed = None
        try:
            while (callback := self._queue.pop_due(self._clock.monotonic())) is not None:
                callback()
        finally:
            self._arm()


class ManualTimers:
    """Timers that follow a `ManualClock`, for tests: `advance` moves the clock from deadline to deadline."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._queue = TimerQueue()

    def set(self, name: Hashable, delay_ms: int, callback: Callback) -> None:
        self._queue.set(name, self._clock.monotonic() + delay_ms / 1000, callback)

    def cancel(self, name: Hashable) -> None:
        self._queue.cancel(name)

    def advance(self, ms: int) -> None:
        """Let `ms` pass; what becomes due goes off at its own time."""
        end_ms = round(self._clock.monotonic() * 1000) + ms
        while (deadline := self._queue.next_deadline()) is not None and round(deadline * 1000) <= end_ms:
            self._clock.advance(max(0, round(deadline * 1000) - round(self._clock.monotonic() * 1000)))
            while (callback := self._queue.pop_due(self._clock.monotonic() + 1e-6)) is not None:
                callback()
        self._clock.advance(end_ms - round(self._clock.monotonic() * 1000))
