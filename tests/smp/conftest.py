"""A mesh in one loop for a story, and the question that ends each: has everything come back?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from odradek.smp import InlineMesh, Shard

Story = Callable[[InlineMesh], Awaitable[None]]


async def turns(count: int = 20) -> None:
    """Enough for what was posted to arrive, and for its answer to come back."""
    for _ in range(count):
        await asyncio.sleep(0)


def check_all_came_back(shard: Shard) -> None:
    """No block is out, no place is taken, nothing is waited for, and no lease had to be collected as garbage."""
    view = shard.statistics()
    assert (view.tasks, view.arena.blocks, view.arena.waiting, view.arena.dropped) == (0, 0, 0, 0)
    for peer in view.peers:
        left = peer.waiting, peer.waiting_bytes, peer.calls, peer.serving, peer.lent, peer.leases
        assert left == (0, 0, 0, 0, 0, 0), peer
    for other in shard.peers.values():
        if other.gone is not None:
            continue
        for line in (other.queue, *other._places.values()):
            assert line.available == line.units and not line.waiting


@pytest.fixture
def on_mesh():
    """`on_mesh(story, shards)` runs the story on a mesh; other arguments are the mesh's."""

    def run(story: Story, shards: int = 2, **options: Any) -> None:
        async def whole() -> None:
            mesh = InlineMesh(shards, **options)
            await story(mesh)
            await turns()
            for shard in mesh.shards:
                check_all_came_back(shard)
            await mesh.close()

        asyncio.run(whole())

    return run
