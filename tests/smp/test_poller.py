"""When a shard looks and when it sleeps, on a loop of the test's own: each turn is taken by hand."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context, ContextVar, copy_context

import pytest

from odradek.base.clock import ManualClock
from odradek.smp.poller import Poller, PollerStatistics, SleepWord
from odradek.smp.spin import SpinPolicy

who = ContextVar("who", default="nobody")


class Loop:
    """What was called soon, and what was called later."""

    def __init__(self) -> None:
        self.soon: list[tuple[Callable[[], None], Context]] = []
        self.later: list[tuple[float, Callable[[], None]]] = []

    def call_soon(self, callback: Callable[[], None], *, context: Context) -> None:
        self.soon.append((callback, context))

    def call_later(self, delay: float, callback: Callable[[], None], *, context: Context) -> None:
        self.later.append((delay, callback))

    def turn(self) -> None:
        ready, self.soon = self.soon, []
        for callback, context in ready:
            context.run(callback)


class Shard:
    """One shard's poller, its word, and as many messages as the test says."""

    def __init__(self, policy: SpinPolicy, fence: Callable[[], bool] | None = lambda: True) -> None:
        self.loop, self.clock, self.messages, self.handled = Loop(), ManualClock(), 0, 0
        self.contexts: list[str] = []
        self.words = memoryview(bytearray(64)).cast("Q")
        word = SleepWord(self.words, 0, fence)
        self.poller = Poller(self.loop, self.clock, word, self.poll, self.waiting, policy)  # type: ignore[arg-type]
        self.must_ring = SleepWord(self.words, 0, fence).must_ring
        self.poller.start()

    def poll(self) -> bool:
        self.contexts.append(who.get())
        found, self.messages = self.messages, 0
        self.handled += found
        return bool(found)

    def waiting(self) -> bool:
        return bool(self.messages)

    @property
    def asleep(self) -> bool:
        return not self.loop.soon


def test_sleeps_when_nothing_comes_and_is_woken_by_the_bell():
    shard = Shard(SpinPolicy())
    shard.loop.turn()
    assert shard.asleep
    assert shard.must_ring() and not shard.must_ring()  # one ring is enough
    shard.messages = 3
    shard.poller.ring()
    assert shard.handled == 3 and not shard.asleep and not shard.must_ring()
    assert shard.poller.statistics() == PollerStatistics(2, 1, 1, 0, 0, 5)


def test_looks_again_after_it_lay_down():
    """A message that came between the last look and the fence: the sender may have seen no sleeper."""
    came: list[Shard] = []

    def fence() -> bool:
        if came:
            came.pop().messages = 1
        return True

    shard = Shard(SpinPolicy(), fence)
    came.append(shard)
    shard.loop.turn()
    assert not shard.asleep and not shard.must_ring()
    shard.loop.turn()
    assert shard.handled == 1


def test_looks_for_as_long_as_the_policy_says():
    shard = Shard(SpinPolicy(100_000))
    shard.poller.policy.window_us = 5_000
    for _ in range(4):
        shard.clock.advance(1)
        shard.loop.turn()
        assert not shard.asleep and not shard.must_ring()
    shard.messages = 1
    shard.loop.turn()
    assert (shard.poller.policy.hits, shard.poller.policy.window_us) == (1, 10_000)
    shard.clock.advance(9)
    shard.loop.turn()
    assert not shard.asleep
    shard.clock.advance(1)
    shard.loop.turn()
    assert shard.asleep and shard.must_ring()
    assert (shard.poller.policy.misses, shard.poller.policy.window_us) == (1, 5_000)


def test_a_bell_that_nothing_came_with_teaches_nothing():
    shard = Shard(SpinPolicy())
    shard.loop.turn()
    shard.poller.ring()
    assert shard.asleep and shard.poller.policy.window_us == 0
    assert (shard.poller.wakes, shard.poller.sleeps) == (1, 2)


def test_a_bell_for_a_sleep_that_is_over_changes_nothing():
    shard = Shard(SpinPolicy())
    shard.poller.ring()
    assert shard.poller.statistics() == PollerStatistics(0, 0, 0, 0, 0, 0)


def test_without_a_fence_it_sleeps_and_is_always_rung():
    shard = Shard(SpinPolicy(), None)
    assert shard.must_ring()
    shard.loop.turn()
    assert shard.asleep and shard.must_ring() and shard.must_ring()


def test_a_fence_that_fails_is_no_reason_to_sleep():
    shard = Shard(SpinPolicy(), lambda: False)
    shard.loop.turn()
    assert shard.asleep and not shard.must_ring()  # nobody rings, but
    [(delay, look)] = shard.loop.later
    assert delay == pytest.approx(0.001)
    shard.messages = 1
    look()
    assert shard.handled == 1


def test_closed_it_looks_no_more():
    shard = Shard(SpinPolicy())
    shard.poller.close()
    shard.messages = 1
    shard.loop.turn()
    shard.poller.ring()
    assert shard.handled == 0 and shard.asleep and not shard.must_ring()


def test_whoever_rings_leaves_nothing_of_its_context():
    shard = Shard(SpinPolicy())
    shard.loop.turn()
    shard.messages = 1
    sender = copy_context()
    sender.run(who.set, "the sender")
    sender.run(shard.poller.ring)
    shard.loop.turn()
    assert shard.handled == 1
    assert set(shard.contexts) == {"nobody"}
