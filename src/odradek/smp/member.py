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
from odradek.smp.peer import Ends
from odradek.smp.poller import Poller, SleepWord
from odradek.smp.ring import RingReader, RingWriter
from odradek.smp.shard import QUEUE_MAX, Shard
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
        queue_max: int = QUEUE_MAX,
    ) -> None:
        """`ring_bells[t]()` wakes shard t when it sleeps."""
        words = memory.sleep_words()
        arena = Arena(identity, memory.arenas[identity].view)
        ends = {
            other: Ends(
                writer=RingWriter(memory.ring(identity, other)),
                reader=RingReader(memory.ring(other, identity)),
                arena=arena,
                their_arena=memory.arenas[other].view.toreadonly(),
                must_ring=SleepWord(words, sleep_index(other), fence).must_ring,
                ring_bell=ring_bells[other],
            )
            for other in range(memory.layout.shards)
            if other != identity
        }
        self.shard = Shard(identity, arena, ends, queue_max=queue_max)
        word = SleepWord(words, sleep_index(identity), fence)
        loop = asyncio.get_running_loop()
        self.poller = Poller(loop, clock or SystemClock(), word, self.shard.poll, self.shard.waiting, spin or SpinPolicy())

    def start(self) -> None:
        self.poller.start()

    async def close(self) -> None:
        """Serve no more, and then look no more: handlers that end may wait for answers."""
        await self.shard.close()
        self.poller.close()
