"""When a shard looks for messages, and when it sleeps.

While messages come, the shard looks at its queues once in each turn of its event loop (sockets and timers have their
turns between). When none came for the window that `spin.py` allows, it falls asleep: it sets its sleep word, fences
(`fence.py`), looks once more, and leaves the loop to wait in the kernel. A sender that finds the word set clears it and
rings the bell, an eventfd that the loop watches.

The sender clears the word *before* it rings (the system call that rings takes a lock, and so lets no earlier store be
late). The other way round its late store could wipe out a sleep that began meanwhile, and the next sender would not
ring. `tests/smp/test_no_lost_wakeup.py` runs this very code through every interleaving, and shows both failures.

A sender that *dies* between the two leaves a sleeper whom nobody rings: whoever sees a shard die rings all the others.

Without a fence (`fence is None`) nobody looks at the word, and every batch rings.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import copy_context
from dataclasses import dataclass
from typing import Final

from odradek.base.clock import Clock
from odradek.smp.spin import SpinPolicy

_UNFENCED_S: Final = 0.001
"""How long until the next look when the fence failed, and so sleep is not safe."""


class SleepWord:
    """One shard's word in shared memory, as that shard and its senders use it."""

    __slots__ = ("_fence", "_index", "_words")

    def __init__(self, words: memoryview, index: int, fence: Callable[[], bool] | None) -> None:
        self._words = words
        self._index = index
        self._fence = fence

    def lie_down(self) -> bool:
        """The shard may be asleep from now on; whoever stores a message after this returns sees it.

        False when the fence failed: then nobody is sure to see it.
        """
        if self._fence is None:
            return True
        self._words[self._index] = 1
        return self._fence()

    def get_up(self) -> None:
        """The shard looks at its queues by itself."""
        if self._fence is not None:
            self._words[self._index] = 0

    def must_ring(self) -> bool:
        """For senders, after the message is stored: whether the bell has to be rung. The sender that is told so rings."""
        if self._fence is None:
            return True
        if not self._words[self._index]:
            return False
        self._words[self._index] = 0
        return True


@dataclass(frozen=True, slots=True)
class PollerStatistics:
    """How a shard has waited for messages."""

    turns: int
    sleeps: int
    wakes: int
    spin_hits: int
    spin_misses: int
    window_us: int


class Poller:
    """Drives one shard's queues on one loop.

    `poll` handles what is there and says whether anything was; `waiting` only looks.
    """

    __slots__ = (
        "_asleep", "_clock", "_closed", "_context", "_loop", "_poll", "_since", "_spinning", "_waiting", "_word", "policy",
        "sleeps", "turns", "wakes",
    )  # fmt: skip

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        word: SleepWord,
        poll: Callable[[], bool],
        waiting: Callable[[], bool],
        policy: SpinPolicy,
    ) -> None:
        self._loop = loop
        self._context = copy_context()  # not that of whoever rings: what we serve must not see it
        self._clock = clock
        self._word = word
        self._poll = poll
        self._waiting = waiting
        self.policy = policy
        self._asleep = False
        self._spinning = False  # the last turn found nothing, and we stay a little
        self._closed = False
        self._since = 0.0  # of the last message, or of falling asleep
        self.turns = self.sleeps = self.wakes = 0

    def start(self) -> None:
        """Begin to look."""
        self._word.get_up()
        self._since = self._clock.monotonic()
        self._again()

    def close(self) -> None:
        """Look no more."""
        self._closed = True
        self._word.get_up()

    def ring(self) -> None:
        """The bell was heard: get up. (One that was meant for a sleep that is over changes nothing.)"""
        if not self._asleep or self._closed:
            return
        self._asleep = False
        self.wakes += 1
        self._word.get_up()
        now = self._clock.monotonic()
        slept_us = (now - self._since) * 1e6
        self._since = now
        if self._context.run(self._turn):
            self.policy.woken(slept_us)

    def _again(self) -> None:
        self._loop.call_soon(self._turn, context=self._context)

    def _turn(self) -> bool:
        """Look once, and say whether anything was there."""
        if self._closed:
            return False
        self.turns += 1
        if self._poll():
            if self._spinning:
                self._spinning = False
                self.policy.caught()
            self._since = self._clock.monotonic()
            self._again()
            return True
        now = self._clock.monotonic()
        if (now - self._since) * 1e6 < self.policy.window_us:
            self._spinning = True
            self._again()
            return False
        if self._spinning:
            self._spinning = False
            self.policy.fell_asleep()
        self._fall_asleep(now)
        return False

    def _fall_asleep(self, now: float) -> None:
        if not self._word.lie_down():
            self._word.get_up()
            self._loop.call_later(_UNFENCED_S, self._turn, context=self._context)
            return
        if self._waiting():
            self._word.get_up()
            self._again()
            return
        self._asleep = True
        self._since = now
        self.sleeps += 1

    def statistics(self) -> PollerStatistics:
        policy = self.policy
        return PollerStatistics(self.turns, self.sleeps, self.wakes, policy.hits, policy.misses, policy.window_us)
