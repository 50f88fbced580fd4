"""Shards in one loop: calls, failures, payloads, and messages too large for a ring."""

from __future__ import annotations

import asyncio

import pytest

from odradek.smp import InlineMesh, Lease, RemoteError


def fail() -> None:
    raise ZeroDivisionError("by nothing")


async def echo_later(value: object) -> object:
    await asyncio.sleep(0)
    return value


def size_of(payload: Lease) -> int:
    return len(payload.view)


async def story() -> None:
    mesh = InlineMesh(3)
    for shard in mesh.shards:
        shard.serve("echo", lambda value: value)
        shard.serve("echo later", echo_later)
        shard.serve("fail", fail)
        shard.serve("size of", size_of)
    mesh.start()
    first = mesh.shards[0]
    assert await first.call(1, "echo", (1, "two", b"three")) == (1, "two", b"three")
    assert await first.call(2, "echo later", 5) == 5
    assert await first.call(0, "echo", "here") == "here"
    assert await first.call(1, "size of", payload=bytes(1_000_000)) == 1_000_000
    assert await first.call(1, "echo", bytes(3_000_000)) == bytes(3_000_000)
    with pytest.raises(RemoteError, match="fail on shard 2 failed: ZeroDivisionError: by nothing"):
        await first.call(2, "fail")
    assert first.statistics().arena.blocks == 0
    await mesh.close()


def test_shards_in_one_loop() -> None:
    asyncio.run(story())
