"""A semaphore: units come to those who wait in the order in which they came, and no cancellation loses any."""

from __future__ import annotations

import asyncio

import pytest

from odradek.base.errors import InvariantError
from odradek.sync import BrokenError, Semaphore, SemaphoreStatistics, UnitsError


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_a_small_request_waits_behind_a_large_one():
    async def story() -> None:
        semaphore = Semaphore("slots", 2)
        await semaphore.acquire(2)
        large = asyncio.create_task(semaphore.acquire(2))
        small = asyncio.create_task(semaphore.acquire(1))
        await turns()
        semaphore.release(1)
        await turns()
        assert not large.done() and not small.done()
        assert not semaphore.try_acquire(1)  # one is free, and not ours
        semaphore.release(1)
        await turns()
        assert large.done() and not small.done()
        semaphore.release(2)
        await turns()
        assert small.done()

    asyncio.run(story())


def test_one_that_is_cancelled_in_the_moment_of_its_grant_hands_it_on():
    async def story() -> None:
        semaphore = Semaphore("slots", 2)
        await semaphore.acquire(2)
        large, small = asyncio.create_task(semaphore.acquire(2)), asyncio.create_task(semaphore.acquire(1))
        await turns()
        semaphore.release(2)
        large.cancel()  # granted already, and not yet awake
        await turns()
        assert large.cancelled() and small.done()
        assert semaphore.available == 1

    asyncio.run(story())


def test_units_that_come_back_after_a_cancellation_and_before_the_cancelled_has_run_are_not_his():
    async def story() -> None:
        semaphore = Semaphore("slots", 1)
        await semaphore.acquire()
        first, second = asyncio.create_task(semaphore.acquire()), asyncio.create_task(semaphore.acquire())
        await turns()
        first.cancel()
        semaphore.release()  # first stands in the line still: his task has not run
        await turns()
        assert first.cancelled() and second.done()
        assert (semaphore.available, semaphore.waiting) == (0, 0)

    asyncio.run(story())


def test_one_that_leaves_lets_those_behind_him_pass():
    async def story() -> None:
        semaphore = Semaphore("bytes", 10)
        await semaphore.acquire(8)
        large, small = asyncio.create_task(semaphore.acquire(5)), asyncio.create_task(semaphore.acquire(2))
        await turns()
        large.cancel()
        await turns()
        assert small.done()
        assert semaphore.statistics() == SemaphoreStatistics("bytes", 10, 0, 0, waiting_max=2, waited=2)

    asyncio.run(story())


def test_more_than_there_will_ever_be():
    async def story() -> None:
        semaphore = Semaphore("slots", 3)
        with pytest.raises(UnitsError, match="semaphore slots: 4 units asked for, it has 3 in all"):
            await semaphore.acquire(4)
        await semaphore.acquire(3)
        waiting = asyncio.create_task(semaphore.acquire(3))
        small = asyncio.create_task(semaphore.acquire(1))
        await turns()
        semaphore.resize(2)
        await turns()
        with pytest.raises(UnitsError, match="more units than the 2"):
            waiting.result()
        assert (semaphore.available, small.done()) == (-1, False)
        semaphore.release(2)
        await turns()
        assert (semaphore.available, small.done()) == (0, True)
        for units in (0, -1):
            with pytest.raises(ValueError, match="semaphore slots: at least one unit"):
                semaphore.resize(units)
        with pytest.raises(ValueError, match="at least one unit, not 0"):
            Semaphore("none", 0)

    asyncio.run(story())


def test_no_more_comes_back_than_was_taken():
    semaphore = Semaphore("slots", 3)
    assert semaphore.try_acquire(2)
    for units in (3, -1):
        with pytest.raises(InvariantError, match="slots"):
            semaphore.release(units)
    with pytest.raises(InvariantError, match="slots"):
        semaphore.try_acquire(-1)
    assert semaphore.available == 1


def test_broken_for_those_who_wait_and_those_who_come():
    async def story() -> None:
        semaphore = Semaphore("slots", 1)
        await semaphore.acquire()
        waiting, cancelled = asyncio.create_task(semaphore.acquire()), asyncio.create_task(semaphore.acquire())
        await turns()
        semaphore.break_waiters()
        cancelled.cancel()
        with pytest.raises(BrokenError, match=r"slots is broken \(2 were waiting\)"):
            await waiting
        depths = []
        for _ in range(3):
            with pytest.raises(BrokenError) as raised:
                await semaphore.acquire()
            depths.append(len(raised.traceback))
        assert len(set(depths)) == 1  # one error, raised again and again, doesn't gather tracebacks
        semaphore.release()
        assert not semaphore.try_acquire()
        await turns()
        assert cancelled.cancelled()

    asyncio.run(story())


def test_held_for_the_length_of_a_block():
    async def story() -> None:
        semaphore = Semaphore("slots", 3)
        with pytest.raises(ZeroDivisionError):
            async with semaphore.hold(2):
                assert semaphore.available == 1
                raise ZeroDivisionError
        assert semaphore.available == 3

    asyncio.run(story())
