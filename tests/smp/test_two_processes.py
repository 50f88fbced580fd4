"""The pieces between two processes, as a placement will put them together: memory, bells, and the fence of this machine.

`test_no_lost_wakeup.py` shows that the sleep protocol is right; this shows that it is what runs. Each ping finds the other
process asleep, unless it has just come back. (This file is also the program of the second process.)
"""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from odradek.smp import Lease, MeshLayout, Reply, ShardDiedError
from odradek.smp.bell import Bell
from odradek.smp.fence import global_fence
from odradek.smp.member import Member
from odradek.smp.memory import MeshMemory
from odradek.smp.spin import SpinPolicy

LAYOUT = MeshLayout(2, ring_capacity=4096, arena_bytes=64 * 1024)
PINGS = 1000


def join(identity: int, memory: MeshMemory, bells: list[Bell], fenced: bool) -> Member:
    """One shard of the two, in the running loop."""
    fence = global_fence() if fenced else None
    member = Member(identity, memory, [bell.ring for bell in bells], fence, spin=SpinPolicy(0))

    def heard() -> None:
        bells[identity].silence()
        member.poller.ring()

    asyncio.get_running_loop().add_reader(bells[identity].read_fd, heard)
    member.shard.serve("echo", lambda value: value)
    member.shard.serve("copy", lambda payload: Reply(len(payload.view), payload.view))
    member.start()
    return member


async def second(fds: list[int], fenced: bool) -> None:
    """Serves until it is told to stop."""
    bells = [Bell((fds[0], fds[1])), Bell((fds[2], fds[3]))]
    member = join(1, MeshMemory(LAYOUT, tuple(fds[4:])), bells, fenced)
    stop = asyncio.Event()
    member.shard.serve("stop", stop.set)
    await stop.wait()
    await member.close()


async def first(memory: MeshMemory, bells: list[Bell], fenced: bool) -> None:
    member = join(0, memory, bells, fenced)
    for number in range(PINGS):
        assert await member.shard.call(1, "echo", number) == number
    for number in range(200):
        payload = bytes([number]) * 20_000
        reply: Reply = await member.shard.call(1, "copy", payload=payload)
        lease: Lease = reply.payload
        with lease as view:
            assert view == payload
    assert member.poller.statistics().sleeps > PINGS // 2
    assert sum(await asyncio.gather(*(member.shard.call(1, "echo", n) for n in range(2000)))) == 1999 * 1000
    assert member.shard.statistics().arena.blocks == 0
    member.shard.serve("stop", lambda: None)
    await member.shard.call(1, "stop")
    with pytest.raises(ShardDiedError, match="shard 1 has closed"):
        while True:  # it says goodbye
            await member.shard.call(1, "echo", 1)
    await member.close()


@pytest.mark.parametrize("fenced", [True, False], ids=["with the fence, if there is one", "without"])
def test_pings_that_find_each_other_asleep(fenced):
    memory, bells = MeshMemory(LAYOUT), [Bell(), Bell()]
    fds = [*bells[0].fds, *bells[1].fds, *memory.fds]
    other = subprocess.Popen([sys.executable, __file__, str(int(fenced)), *map(str, fds)], pass_fds=set(fds))
    try:
        asyncio.run(asyncio.wait_for(first(memory, bells, fenced), 120))  # a lost wake-up would hang
        assert other.wait(60) == 0
    finally:
        other.kill()
        other.wait()
        memory.close()
        for bell in bells:
            bell.close()


if __name__ == "__main__":
    fenced, *fds = map(int, sys.argv[1:])
    asyncio.run(second(fds, bool(fenced)))
