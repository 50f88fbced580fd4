"""A shard that closes, dies or writes nonsense: its callers are told, and what it held comes back."""

from __future__ import annotations

import asyncio
import logging

import pytest

from odradek.smp import InlineMesh, Lease, RemoteError, Reply, RingCorruptError, ServiceGroup, Shard, ShardDiedError
from odradek.smp.messages import ANSWER, FRAGMENT, RELEASE, encode
from odradek.smp.ring import RingWriter


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def forever(payload: Lease | None = None) -> None:
    await asyncio.Event().wait()


def serve(mesh: InlineMesh) -> list[Shard]:
    for shard in mesh.shards:
        shard.serve("forever", forever)
        shard.serve("echo", lambda value: value)
        shard.serve("copy", lambda payload: Reply(0, bytes(payload.view)))
    mesh.start()
    return mesh.shards


def run(story, shards: int = 2) -> None:
    async def whole() -> None:
        mesh = InlineMesh(shards)
        await story(mesh)
        await mesh.close()
        await mesh.close()
        await turns()

    asyncio.run(whole())


def test_a_shard_that_closes_tells_the_others():
    async def story(mesh: InlineMesh) -> None:
        first, second, third = serve(mesh)
        asked = asyncio.create_task(first.call(1, "forever"))
        asking = asyncio.create_task(second.call(0, "forever", payload=bytes(9000)))
        own = asyncio.create_task(second.call(1, "forever"))
        await turns()
        assert (second.statistics().arena.blocks, first.statistics().tasks, second.statistics().tasks) == (1, 1, 2)
        await second.close()
        await second.close()
        await turns()
        with pytest.raises(RemoteError, match="CallCancelledError: forever on shard 1 was cancelled"):
            await asked
        with pytest.raises(RemoteError, match="CallCancelledError"):
            await own
        with pytest.raises(ShardDiedError, match="shard 0 can't be reached any more: this shard is closed"):
            await asking
        with pytest.raises(ShardDiedError, match="shard 1 has closed"):
            await first.call(1, "echo", 1)
        for target in (0, 1):
            with pytest.raises(ShardDiedError, match="closed"):
                await second.call(target, "echo", 1)
        assert (first.statistics().tasks, second.statistics().arena.blocks) == (0, 0)
        assert await first.call(2, "echo", "goes on") == "goes on" == await third.call(0, "echo", "goes on")

    run(story, 3)


def test_a_handler_may_end_its_work_while_its_shard_closes():
    async def story(mesh: InlineMesh) -> None:
        first, second = serve(mesh)
        done: list[object] = []

        async def tidy_up() -> None:
            try:
                await forever()
            finally:
                done.append(await second.call(0, "echo", "answered"))

        second.serve("tidy up", tidy_up, ServiceGroup("early", 1))
        second.send_now(1, "tidy up")
        await turns()
        await second.close()
        assert done == ["answered"]
        assert await first.call(0, "echo", 1) == 1

    run(story)


def test_what_comes_while_a_shard_closes_is_refused():
    async def story(mesh: InlineMesh) -> None:
        first, second = serve(mesh)

        async def stubborn() -> None:
            try:
                await forever()
            finally:
                await turns(30)

        second.serve("stubborn", stubborn)
        second.send_now(1, "stubborn")
        await turns()
        closing = asyncio.create_task(second.close())
        await turns(3)
        with pytest.raises(RemoteError, match="ShardDiedError: shard 1 is closing"):
            await first.call(1, "echo", 1)
        await closing

    run(story)


def test_a_shard_that_is_lost_leaves_nothing_behind():
    async def story(mesh: InlineMesh) -> None:
        first, second = serve(mesh)
        reply = await first.call(1, "copy", payload=bytes(9000))
        asked = asyncio.create_task(first.call(1, "forever", payload=bytes(9000)))
        asking = asyncio.create_task(second.call(0, "forever", payload=bytes(9000)))
        await turns()
        waiting = asyncio.create_task(first.call(1, "echo", 1))
        for _ in range(2):
            first.lose(1, ShardDiedError(1, "was killed"))
            second.lose(0, ShardDiedError(0, "was killed"))
        for call, shard in ((asked, 1), (waiting, 1), (asking, 0)):
            with pytest.raises(ShardDiedError, match=f"shard {shard} was killed"):
                await call
        await turns()
        reply.payload.release()  # its arena is another's now: nothing is sent
        for view in (first.statistics(), second.statistics()):
            [peer] = view.peers
            assert (view.tasks, view.arena.blocks, peer.alive, peer.lent, peer.leases, peer.waiting) == (0, 0, False, 0, 0, 0)

    run(story)


def test_who_waits_for_the_arena_learns_that_the_shard_has_died():
    async def story(mesh: InlineMesh) -> None:
        first, _ = serve(mesh)
        held = await first.arena.allocate(first.arena.bytes)
        waiting = asyncio.create_task(first.call(1, "copy", payload=bytes(9000)))
        await turns()
        first.lose(1, ShardDiedError(1, "was killed"))
        held.release()
        with pytest.raises(ShardDiedError, match="shard 1 was killed"):
            await waiting
        assert first.statistics().arena.blocks == 0

    run(story)


def test_who_waits_for_the_arena_of_a_shard_that_closes():
    async def story(mesh: InlineMesh) -> None:
        first, _ = serve(mesh)
        await first.arena.allocate(first.arena.bytes)
        waiting = asyncio.create_task(first.call(1, "copy", payload=bytes(9000)))
        await turns()
        await first.close()
        with pytest.raises(ShardDiedError, match="shard 0 is closed"):
            await waiting

    run(story)


NONSENSE = {
    "no record": b"\xff\xff\xff\xff",
    "no messages": b"N",
    "no list of messages": encode([1]),  # type: ignore[list-item]
    "an answer that nobody waits for": encode([(ANSWER, 77, None, None)]),
    "a block that was not lent": encode([(RELEASE, 4096, None, None)]),
    "an unknown kind of thing": encode([(17, 0, None, None)]),
    "a record without end": encode([(FRAGMENT, 0, bytes(30_000), None)]),
}


@pytest.mark.parametrize("what", NONSENSE)
def test_a_shard_that_writes_nonsense_is_given_up_and_the_others_go_on(what, caplog):
    """Memory that is shared can be overwritten by a shard that has gone mad; it must not take the others with it."""

    async def story(mesh: InlineMesh) -> None:
        first, _, third = serve(mesh)
        asked = asyncio.create_task(first.call(1, "forever"))
        await turns()
        mad = RingWriter(mesh._memory.ring(1, 0))
        times = 700 if what == "a record without end" else 1
        for _ in range(times):
            while first.peers[1].gone is None and not mad.try_write(NONSENSE[what]):
                first.poll()
        first.poll()
        await turns()
        with pytest.raises(RingCorruptError):
            await asked
        assert not first.statistics().peers[0].alive
        assert caplog.messages == ["a shard is given up: what it sends makes no sense"]
        assert await first.call(2, "echo", "goes on") == "goes on" == await third.call(0, "echo", "goes on")

    with caplog.at_level(logging.ERROR, logger="odradek.smp"):
        run(story, 3)
