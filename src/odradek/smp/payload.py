"""How bytes are carried: in the arena, in the message, or, on their own shard, not at all.

A payload of less than a block, and any that a handler sends while the arena is full, travels in the message as bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from odradek.smp import groups
from odradek.smp.arena import BLOCK_MIN, Arena, Block, Lease
from odradek.smp.messages import Payload

Buffer: TypeAlias = bytes | bytearray | memoryview
Drop: TypeAlias = Callable[[Callable[[], None]], None]


@dataclass(slots=True)
class Reply:
    """A value with a payload: a buffer, a `Block` or a `Lease` where a handler returns one, a `Lease` where a caller gets one.

    A `Block` or a `Lease` that is returned need not be released: that is done for the handler.
    """

    value: Any
    payload: Any


async def carry(arena: Arena, payload: Buffer | Block | None) -> Block | bytes | None:
    """What a request's payload is carried in; waits for the arena where that is allowed. Raises `MessageTooLargeError`."""
    if payload is None or isinstance(payload, Block):
        return payload
    view = _bytes_of(arena, payload)
    if view.nbytes < BLOCK_MIN:
        return bytes(view)
    block = await arena.allocate(view.nbytes) if groups.serving() is None else arena.try_allocate(view.nbytes)
    return _filled(block, view)


def carry_now(arena: Arena, payload: Buffer | Block | Lease) -> Block | bytes:
    """What an answer's payload is carried in. Raises `MessageTooLargeError`, and `TypeError` for what is no buffer."""
    if isinstance(payload, Block):
        return payload
    if isinstance(payload, Lease):
        with payload as lent:
            return carry_now(arena, lent)
    view = _bytes_of(arena, payload)
    return bytes(view) if view.nbytes < BLOCK_MIN else _filled(arena.try_allocate(view.nbytes), view)


def _bytes_of(arena: Arena, payload: Buffer) -> memoryview:
    view = memoryview(payload).cast("B")
    arena.check_size(view.nbytes)
    return view


def _filled(block: Block | None, view: memoryview) -> Block | bytes:
    if block is None:
        return bytes(view)
    block.view[:] = view
    return block


def posted(carried: Block | bytes | None) -> Payload:
    """As the message says it; a block is its receiver's from now on."""
    return carried.take() if isinstance(carried, Block) else carried


def stay(arena: Arena, payload: Buffer | Block, on_dropped: Drop) -> Lease:
    """A payload that does not leave its shard: no copy."""
    if isinstance(payload, Block):
        view = payload.view
        offset, _ = payload.take()
        return Lease(view, lambda: arena.release(offset), on_dropped)
    return Lease(memoryview(payload).cast("B"), None, on_dropped)


def stay_answered(arena: Arena, payload: Buffer | Block | Lease, on_dropped: Drop) -> Lease:
    """As `stay`, for an answer, which outlives its handler: what the handler was lent does not."""
    if isinstance(payload, Lease):
        with payload as lent:
            payload = bytes(lent)
    elif isinstance(payload, memoryview):
        payload = bytes(payload)
    return stay(arena, payload, on_dropped)


def discard(payload: object) -> None:
    """Nobody wants it."""
    if isinstance(payload, (Block, Lease)):
        payload.release()
