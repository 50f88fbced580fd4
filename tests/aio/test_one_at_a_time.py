"""OneAtATime by path: in order, exclusive, and not lost with a cancelled waiter."""

from __future__ import annotations

import asyncio

import pytest

from odradek.aio.one_at_a_time import OneAtATime


def test_one_path_takes_turns_in_order_while_others_go_on():
    async def story() -> list[str]:
        order = OneAtATime()
        told: list[str] = []

        async def work(name: str, path: str) -> None:
            async with order.turn(path):
                told.append(f"{name} in")
                await asyncio.sleep(0)
                told.append(f"{name} out")

        await asyncio.gather(work("1", "a"), work("2", "a"), work("3", "b"))
        assert order._waiting == {}
        return told

    told = asyncio.run(story())
    assert [line for line in told if line[0] != "3"] == ["1 in", "1 out", "2 in", "2 out"]
    assert told.index("3 in") < told.index("2 in")


@pytest.mark.parametrize("turns", range(4))
def test_a_cancelled_waiter_hands_its_turn_on(turns: int):
    async def story() -> None:
        order = OneAtATime()

        async def hold(event: asyncio.Event) -> None:
            async with order.turn("a"):
                await event.wait()

        release = asyncio.Event()
        first, second, third = (asyncio.create_task(hold(release)) for _ in range(3))
        await asyncio.sleep(0)
        release.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        second.cancel()
        await asyncio.wait((first, second, third), timeout=5)
        assert third.done() and not third.cancelled()
        assert order._waiting == {}

    asyncio.run(story())
