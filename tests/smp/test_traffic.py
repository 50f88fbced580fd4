"""Traffic that crosses in every direction through rings, places and arenas that are too small for it, and comes to an end.

Three groups of services; handlers of the first call the second, and those the third, on any shard, with payloads; callers
give up at random. With 1 KiB rings, two places per group, and arenas of two blocks everything is full all the time: a circle
of shards that wait for each other would be found.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odradek.base.prng import Prng, seeded
from odradek.smp import InlineMesh, Lease, MeshLayout, Reply, ServiceGroup
from odradek.smp.shard import Shard

from .conftest import check_all_came_back, turns

GROUPS = [ServiceGroup("first", 1, 2), ServiceGroup("second", 2, 2), ServiceGroup("third", 3, 2)]
LAYOUT = MeshLayout(3, ring_capacity=1024, arena_bytes=8192)


def pattern(size: int, seed: int) -> bytes:
    return bytes((seed + at) & 0xFF for at in range(size))


def serve(shard: Shard, level: int, prng: Prng) -> None:
    """Services of one level: each answers with what it was given, after it has asked the next level."""

    async def work(seed: int, payload: Lease) -> Reply:
        assert payload.view == pattern(len(payload.view), seed)
        if level + 1 < len(GROUPS) and prng.random() < 0.8:
            await ask(shard, prng.randrange(3), level + 1, seed, prng)
        for _ in range(prng.randrange(3)):
            await asyncio.sleep(0)
        return Reply(seed, payload.view)

    shard.serve(f"level {level}", work, GROUPS[level])


async def ask(shard: Shard, target: int, level: int, seed: int, prng: Prng) -> None:
    size = prng.choice([0, 10, 3000, 4096, 8192])
    reply = await shard.call(target, f"level {level}", seed, payload=pattern(size, seed))
    with reply.payload as view:
        assert (reply.value, view) == (seed, pattern(size, seed))


async def traffic(prng: Prng, callers: int, patience: float) -> tuple[int, int]:
    """Returns how many calls were answered, and how many given up."""
    mesh = InlineMesh(3, layout=LAYOUT)
    for shard in mesh.shards:
        for level in range(len(GROUPS)):
            serve(shard, level, prng)
    mesh.start()
    tasks = [
        asyncio.create_task(ask(prng.choice(mesh.shards), prng.randrange(3), prng.randrange(3), seed, prng))
        for seed in range(callers)
    ]
    impatient = [task for task in tasks if prng.random() > patience]
    while impatient:
        await turns(prng.randrange(6))
        impatient.pop().cancel()
    ended = asyncio.gather(*tasks, return_exceptions=True)
    await until(ended.done)
    failures = [end for end in ended.result() if isinstance(end, BaseException)]
    assert all(isinstance(failure, asyncio.CancelledError) for failure in failures), failures
    await until(lambda: all(is_quiet(shard) for shard in mesh.shards))  # who gave up did not wait for what it left behind
    for shard in mesh.shards:
        check_all_came_back(shard)
    await mesh.close()
    return callers - len(failures), len(failures)


def is_quiet(shard: Shard) -> bool:
    view = shard.statistics()
    return not (view.tasks or view.arena.blocks or any(peer.waiting or peer.lent for peer in view.peers))


async def until(done: Callable[[], bool]) -> None:
    """Nothing here waits for time but a full ring (1 ms), so traffic that has not ended after so many turns stands still."""
    for _ in range(3000):
        await turns(10)
        if done():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("the shards wait for each other")


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 60), st.sampled_from([0.3, 0.9, 1.0]))
def test_comes_to_an_end(seed, callers, patience):
    asyncio.run(traffic(seeded(seed), callers, patience))


def test_most_of_it_is_answered():
    assert asyncio.run(traffic(seeded(1), 200, 1.0)) == (200, 0)


@pytest.mark.parametrize("payload", [8192, 0], ids=["arenas", "places"])
def test_handlers_of_two_shards_that_call_each_other(on_mesh, payload):
    """As many as there are places, from both sides at once: each holds what the other's next call needs."""

    async def story(mesh: InlineMesh) -> None:
        for shard in mesh.shards:

            async def first(lease: Lease, shard=shard) -> int:
                await turns(5)  # so that all have begun
                with (await shard.call(1 - shard.id, "second", payload=bytes(payload))).payload as view:
                    return len(view)

            async def second(lease: Lease) -> Reply:
                await turns(5)
                return Reply(0, bytes(payload))

            shard.serve("first", first, GROUPS[0])
            shard.serve("second", second, GROUPS[1])
        mesh.start()
        calls = [shard.call(1 - shard.id, "first", payload=bytes(payload)) for shard in mesh.shards for _ in range(8)]
        ended = asyncio.gather(*calls)
        await until(ended.done)
        assert ended.result() == [payload] * 16

    on_mesh(story, layout=MeshLayout(2, ring_capacity=1024, arena_bytes=8192))
