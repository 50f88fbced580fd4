"""A shard put together: its ends of the mesh, its poller, its bell. The same for every placement.

What differs between placements comes in: the memory (private, or shared with other processes), and how a sleeping peer
is woken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from odradek.base.clock import Clock, SystemClock
from odradek.smp.arena import Arena
from odradek.smp.memory import MeshMemory, sleep_index
from odradek.smp.peer import Peer
from odradek.smp.poller import Poller, SleepWord
from odradek.smp.ring import RingReader, RingWriter
from odradek.smp.shard import Shard
from odradek.smp.spin import SpinPolicy


class Member:
    """One shard at its place in a mesh. Lifecycle: made in its loop, `start`, `close`."""

    __slots__ = ("poller", "shard")

    def __init__(
        self,
        identity: int,
        memory: MeshMemory,
        ring_bells: Sequence[Callable[[], None]],
        fence: Callable[[], bool] | None,
        *,
        clock: Clock | None = None,
        spin: SpinPolicy | None = None,
    ) -> None:
        """`ring_bells[t]()` wakes shard t when it sleeps."""
        words = memory.sleep_words()
        arena = Arena(identity, memory.arenas[identity].view)
        peers = {
            other: Peer(
                other,
                RingWriter(memory.ring(identity, other)),
                RingReader(memory.ring(other, identity)),
                (arena, memory.arenas[other].view),
                SleepWord(words, sleep_index(other), fence).must_ring,
                ring_bells[other],
            )
            for other in range(memory.layout.shards)
            if other != identity
        }
        self.shard = Shard(identity, arena, peers)
        word = SleepWord(words, sleep_index(identity), fence)
        loop = asyncio.get_running_loop()
        self.poller = Poller(loop, clock or SystemClock(), word, self.shard.poll, self.shard.waiting, spin or SpinPolicy())

    def start(self) -> None:
        self.poller.start()

    async def close(self) -> None:
        """Look no more, serve no more."""
        self.poller.close()
        await self.shard.close()


def bell_ringer(loop: asyncio.AbstractEventLoop, poller: Callable[[], Poller]) -> Callable[[], None]:
    """For shards in one loop: the poller is told, soon."""

    def ring() -> None:
        loop.call_soon(poller().ring)

    return ring
