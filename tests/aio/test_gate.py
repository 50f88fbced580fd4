"""A gate lets in until it is closed, and closing waits for the last one out."""

from __future__ import annotations

import asyncio

import pytest

from odradek.aio import FileClosedError, Gate, GateClosedError
from odradek.base.errors import InvariantError


def test_closing_waits_for_the_last_one_out_and_lets_nobody_in():
    async def story() -> None:
        gate = Gate("the pool")
        gate.enter()
        gate.enter()
        closers = [asyncio.create_task(gate.close()) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(GateClosedError, match=r"the pool is closed \(2 operations still inside\)"):
            gate.enter()
        gate.leave()
        await asyncio.sleep(0)
        assert not closers[0].done()
        gate.leave()
        await asyncio.gather(*closers)
        await gate.close()
        assert (gate.count, gate.closed) == (0, True)

    asyncio.run(story())


def test_a_cancelled_closer_leaves_the_other_waiting():
    async def story() -> None:
        gate = Gate("file a", FileClosedError)
        gate.enter()
        first, second = asyncio.create_task(gate.close()), asyncio.create_task(gate.close())
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        with pytest.raises(FileClosedError):
            gate.enter()
        assert not second.done()
        gate.leave()
        await second

    asyncio.run(story())


def test_leaving_more_often_than_entering_is_a_bug():
    with pytest.raises(InvariantError, match="left once for each entry"):
        Gate("g").leave()
