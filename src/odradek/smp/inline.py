"""All shards in one loop: for tests, for a broker inside another program, for simulation.

The very same rings, messages and arenas as between processes, in private memory; what falls away is the core per shard.
The order of everything is the loop's, so a simulated loop with a seed repeats it. No bell and no fence are needed: one
thread does it all, and a shard that rings another schedules that one's poller.
"""

from __future__ import annotations

import asyncio

from odradek.base.clock import Clock
from odradek.smp.member import Member, bell_ringer
from odradek.smp.memory import MeshLayout, MeshMemory
from odradek.smp.shard import Shard
from odradek.smp.spin import SpinPolicy

_INLINE_RING = 64 * 1024
_INLINE_ARENA = 16 * 1024 * 1024


class InlineMesh:
    """`count` shards in the running loop. Lifecycle: made, services registered on each of `shards`, `start`, `close`."""

    __slots__ = ("_members", "_memory")

    def __init__(self, count: int, *, layout: MeshLayout | None = None, clock: Clock | None = None) -> None:
        loop = asyncio.get_running_loop()
        self._memory = MeshMemory(layout or MeshLayout(count, _INLINE_RING, _INLINE_ARENA))
        members: list[Member] = []
        bells = [bell_ringer(loop, lambda index=index: members[index].poller) for index in range(count)]  # type: ignore[misc]
        spin = 0  # looking is useless in one loop: whoever could send is not running meanwhile
        for index in range(count):
            members.append(Member(index, self._memory, bells, _no_fence, clock=clock, spin=SpinPolicy(spin)))
        self._members = members

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
