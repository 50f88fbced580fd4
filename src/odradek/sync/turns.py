"""Long work in pieces, so that the loop serves others between them.

A legal request may hold a hundred thousand elements (`odradek.request.elements.max`), and a few microseconds for each
would have every other client wait for a second. Who goes over a request's elements does so in pieces of `PIECE`: a few
milliseconds at a time. What is one piece is done at once, in the same turn of the loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from itertools import islice
from typing import Final, TypeVar

PIECE: Final = 500
_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


async def pieces(items: Iterable[_Item], size: int = PIECE) -> AsyncIterator[list[_Item]]:
    """`items` in lists of at most `size`; between two of them everybody else has a turn."""
    rest = iter(items)
    piece = list(islice(rest, size))
    while piece:
        yield piece
        piece = list(islice(rest, size))
        if piece:
            await asyncio.sleep(0)


async def map_in_turns(function: Callable[[_Item], _Result], items: Sequence[_Item], size: int = PIECE) -> list[_Result]:
    """`[function(item) for item in items]`, in pieces."""
    results: list[_Result] = []
    async for piece in pieces(items, size):
        results += [function(item) for item in piece]
    return results


async def await_in_turns(
    function: Callable[[_Item], Awaitable[_Result]], items: Sequence[_Item], size: int = PIECE
) -> list[_Result]:
    """`[await function(item) for item in items]`, in pieces: what is awaited may be there without waiting."""
    results: list[_Result] = []
    async for piece in pieces(items, size):
        for item in piece:
            results.append(await function(item))
    return results
