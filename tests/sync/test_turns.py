"""Long work in pieces: the results are those of a plain loop, and others run between the pieces."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from odradek.sync.turns import await_in_turns, map_in_turns, pieces


async def double(number: int) -> int:
    return number * 2


@given(st.lists(st.integers(), max_size=50), st.integers(1, 20))
@settings(max_examples=100, deadline=None)
def test_the_results_are_those_of_a_loop(items: list[int], size: int) -> None:
    async def run() -> None:
        assert [piece async for piece in pieces(items, size)] == [items[i : i + size] for i in range(0, len(items), size)]
        assert await map_in_turns(str, items, size) == list(map(str, items))
        assert await await_in_turns(double, items, size) == [item * 2 for item in items]

    asyncio.run(run())


def test_others_have_a_turn_between_two_pieces_and_none_within_one() -> None:
    async def run() -> None:
        seen: list[str] = []
        asyncio.get_running_loop().call_soon(seen.append, "another")
        await map_in_turns(seen.append, ["1", "2", "3", "4"], 2)
        assert seen == ["1", "2", "another", "3", "4"]

    asyncio.run(run())


def test_one_piece_is_done_in_the_turn_in_which_it_began() -> None:
    async def run() -> None:
        others: list[str] = []
        asyncio.get_running_loop().call_soon(others.append, "another")
        await await_in_turns(double, [1, 2, 3], 3)
        assert others == []

    asyncio.run(run())
