"""A condition: a signal reaches the one who has waited longest and still waits; nothing is remembered."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.sync import BrokenError, Condition, ConditionStatistics


async def turns(count: int = 4) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_signals_wake_one_by_one_in_order_and_a_broadcast_all():
    async def story() -> None:
        condition = Condition("news")
        condition.signal()  # nobody waits: gone
        woken: list[int] = []

        async def reader(number: int) -> None:
            await condition.wait()
            woken.append(number)

        tasks = [asyncio.create_task(reader(number)) for number in range(5)]
        await turns()
        assert condition.statistics() == ConditionStatistics("news", waiting=5, waiting_max=5, waited=5)
        condition.signal()
        condition.signal()
        await turns()
        assert woken == [0, 1]
        condition.broadcast()
        await asyncio.gather(*tasks)
        assert woken == [0, 1, 2, 3, 4]
        assert condition.statistics().waiting == 0

    asyncio.run(story())


def test_wait_for_looks_at_once_and_after_each_signal():
    async def story() -> None:
        condition, seen = Condition("enough"), []
        await condition.wait_for(lambda: True)
        waiting = asyncio.create_task(condition.wait_for(lambda: len(seen) == 2))
        for number in range(2):
            await turns()
            assert not waiting.done()
            seen.append(number)
            condition.signal()
        await waiting

    asyncio.run(story())


def test_broken_for_those_who_wait_and_those_who_come():
    async def story() -> None:
        condition = Condition("news")
        waiting = asyncio.create_task(condition.wait())
        await turns()
        condition.break_waiters(BrokenError("the press has burnt"))
        for wait in (waiting, condition.wait()):
            with pytest.raises(BrokenError, match="the press has burnt"):
                await wait

    asyncio.run(story())


@given(st.lists(st.sampled_from(["signal", "cancel"]), max_size=12), st.permutations(range(6)))
def test_each_signal_wakes_one_of_those_who_are_not_cancelled(actions, victims):
    """All in one turn: signals before a cancellation, and after it, are as good as each other."""

    async def story() -> None:
        condition = Condition("news")
        tasks = [asyncio.create_task(condition.wait()) for _ in range(6)]
        await turns()
        for action, victim in zip(actions, victims * 2, strict=False):
            if action == "signal":
                condition.signal()
            else:
                tasks[victim].cancel()
        await turns()
        woken = [task for task in tasks if task.done() and not task.cancelled()]
        alive = [task for task in tasks if not task.cancelled()]
        assert woken == alive[: actions[:12].count("signal")]
        condition.broadcast()
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(story())
