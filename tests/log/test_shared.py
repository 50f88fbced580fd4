"""Runs that are shared: nobody is served by one that began before the call, and many who ask at once cost two."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.log.shared import Shared


@given(st.lists(st.integers(0, 5), min_size=1, max_size=30))
def test_a_run_that_returns_began_after_the_call(turns_before: list[int]):
    async def story() -> None:
        world, seen, runs = 0, 0, 0

        async def look() -> None:
            nonlocal seen, runs
            runs += 1
            now = world
            for _ in range(3):
                await asyncio.sleep(0)
            seen = now

        shared = Shared(look)

        async def change(turns: int) -> None:
            nonlocal world
            for _ in range(turns):
                await asyncio.sleep(0)
            world += 1
            mine = world
            await shared.run()
            assert seen >= mine

        await asyncio.gather(*map(change, turns_before))
        assert runs <= len(turns_before)

    asyncio.run(story())


def test_many_at_once_cost_two_runs():
    async def story() -> None:
        runs = 0

        async def work() -> None:
            nonlocal runs
            runs += 1
            await asyncio.sleep(0)

        shared = Shared(work)
        await asyncio.gather(*(shared.run() for _ in range(1000)))
        assert runs <= 2

    asyncio.run(story())


def test_a_failure_is_its_makers_and_the_next_who_waits_tries_again():
    async def story() -> None:
        outcomes = iter([OSError("no room"), None])

        async def work() -> None:
            await asyncio.sleep(0)
            outcome = next(outcomes)
            if outcome is not None:
                raise outcome

        shared = Shared(work)
        first, second = asyncio.ensure_future(shared.run()), asyncio.ensure_future(shared.run())
        with pytest.raises(OSError, match="no room"):
            await first
        await second

    asyncio.run(story())
