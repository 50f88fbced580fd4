"""All shards in one loop: for tests, for a broker inside another program, for simulation.

The very same rings, messages and arenas as between processes, in private memory; what falls away is the core per shard.
The order of everything is the loop's, so a simulated loop with a seed repeats it. No bell and no fence are needed: one
thread does it all, and a shard that rings another schedules that one's poller.
"""

from __future__ import annotations

import asyncio
from functools import partial

from odradek.base.clock import Clock
from odradek.base.errors import check
from odradek.smp.member import Member
from odradek.smp.memory import MeshLayout, MeshMemory
from odradek.smp.shard import QUEUE_MAX, Shard
from odradek.smp.spin import SpinPolicy

_INLINE_RING = 64 * 1024
_INLINE_ARENA = 16 * 1024 * 1024


class InlineMesh:
    """`count` shards in the running loop. Lifecycle: made, services registered on each of `shards`, `start`, `close`."""

    __slots__ = ("_members", "_memory")

    def __init__(
        self, count: int, *, layout: MeshLayout | None = None, clock: Clock | None = None, queue_max: int = QUEUE_MAX
    ) -> None:
        layout = layout or MeshLayout(count, _INLINE_RING, _INLINE_ARENA)
        check(layout.shards == count, "a mesh has the shards that its layout says", count=count, layout=layout)
        self._memory = MeshMemory(layout, private=True)
        self._members: list[Member] = []
        bells = [partial(self._ring, index) for index in range(count)]
        for index in range(count):
            spin = SpinPolicy(0)  # looking is useless in one loop: whoever could send is not running meanwhile
            member = Member(index, self._memory, bells, _no_fence, clock=clock, spin=spin, queue_max=queue_max)
            self._members.append(member)

    def _ring(self, index: int) -> None:
        """Soon, and not at once: the sender is in the middle of its own work."""
        asyncio.get_running_loop().call_soon(self._members[index].poller.ring)

    @property
    def shards(self) -> list[Shard]:
        return [member.shard for member in self._members]

    def start(self) -> None:
        for member in self._members:
            member.start()

    async def close(self) -> None:
        """The last shard first, as `Sharded` does."""
        for member in reversed(self._members):
            await member.close()
        self._memory.close()


def _no_fence() -> bool:
    """One thread sees its own stores."""
    return True
