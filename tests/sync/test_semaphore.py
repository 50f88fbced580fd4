"""A semaphore is fair, and a cancelled waiter loses no units."""

from __future__ import annotations

import asyncio

from odradek.sync import Semaphore


async def story() -> None:
    semaphore = Semaphore("slots", 2)
    await semaphore.acquire(2)
    large = asyncio.create_task(semaphore.acquire(2))
    small = asyncio.create_task(semaphore.acquire(1))
    await asyncio.sleep(0)
    semaphore.release(1)
    await asyncio.sleep(0)
    assert not small.done()  # it came after the large one
    semaphore.release(1)
    large.cancel()  # granted already, and not yet awake
    await asyncio.gather(large, return_exceptions=True)
    await small
    assert large.cancelled()
    assert semaphore.available == 1


def test_cancelled_in_the_moment_of_the_grant() -> None:
    asyncio.run(story())
