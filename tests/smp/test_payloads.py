"""Large bytes between shards: in the arena while there is room, lent and given back; in the message where there is none."""

from __future__ import annotations

import asyncio
import gc

import pytest

from odradek.base.errors import InvariantError
from odradek.smp import InlineMesh, Lease, MeshLayout, MessageTooLargeError, RemoteError, Reply, ServiceGroup, Shard

TARGETS = pytest.mark.parametrize("target", [0, 1], ids=["here", "there"])
SIZES = pytest.mark.parametrize("size", [0, 1, 4095, 4096, 5000, 1_000_000])
ARENA = 64 * 1024


def small(shards: int) -> MeshLayout:
    return MeshLayout(shards, ring_capacity=4096, arena_bytes=ARENA)


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def pattern(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def size_of(payload: Lease) -> int:
    return len(payload.view)


async def size_later(payload: Lease) -> int:
    await turns(3)
    return len(payload.view)


def echo(kind: str, payload: Lease) -> Reply:
    """What was lent, given back as it is, as a lease, or as a copy."""
    return Reply(kind, {"view": payload.view, "lease": payload, "copy": bytearray(payload.view)}[kind])


def serve(mesh: InlineMesh) -> Shard:
    for shard in mesh.shards:

        def block(size: int, shard=shard) -> Reply:
            made = shard.arena.try_allocate(size)
            made.view[:] = pattern(size)
            return Reply(size, made)

        shard.serve("size", size_of)
        shard.serve("size later", size_later)
        shard.serve("echo", echo)
        shard.serve("block", block)
        shard.serve("no buffer", lambda: Reply(1, "text"))
        shard.serve("too large", lambda size: Reply(1, bytes(size)))
    mesh.start()
    return mesh.shards[0]


@TARGETS
@SIZES
@pytest.mark.parametrize("kind", ["view", "lease", "copy"])
def test_there_and_back(on_mesh, target, size, kind):
    async def story(mesh: InlineMesh) -> None:
        first = serve(mesh)
        assert await first.call(target, "size", payload=pattern(size)) == size
        assert await first.call(target, "size later", payload=pattern(size)) == size
        for payload in (pattern(size), bytearray(pattern(size)), memoryview(pattern(size))):
            reply = await first.call(target, "echo", kind, payload=payload)
            with reply.payload as view:
                assert (reply.value, bytes(view)) == (kind, pattern(size))

    on_mesh(story)


@TARGETS
def test_blocks_that_are_filled_by_hand(on_mesh, target):
    async def story(mesh: InlineMesh) -> None:
        first = serve(mesh)
        block = await first.arena.allocate(10_000)
        block.view[:] = pattern(10_000)
        block.shrink(9_000)
        reply = await first.call(target, "echo", "view", payload=block)
        with reply.payload as view:
            assert view == pattern(9_000)
        with pytest.raises(InvariantError, match="a block is sent once"):
            await first.call(target, "size", payload=block)
        reply = await first.call(target, "block", 20_000)
        with reply.payload as view:
            assert view == pattern(20_000)

    on_mesh(story)


def test_a_payload_from_the_arena_is_read_only_and_lies_where_it_was_put(on_mesh):
    async def story(mesh: InlineMesh) -> None:
        first, seen = mesh.shards[0], []
        for shard in mesh.shards:
            shard.serve("look", lambda payload: seen.append((payload.view.readonly, bytes(payload.view))))
        mesh.start()
        block = await first.arena.allocate(8192)
        view = block.view
        view[:] = bytes(8192)
        call = asyncio.create_task(first.call(1, "look", payload=block))
        view[:2] = b"hi"  # against the rules; shows that there is no copy
        await call
        assert seen == [(True, b"hi" + bytes(8190))]

    on_mesh(story)


@TARGETS
def test_a_payload_that_is_none(on_mesh, target):
    async def story(mesh: InlineMesh) -> None:
        first = serve(mesh)
        with pytest.raises(RemoteError, match=f"no buffer on shard {target} failed: TypeError"):
            await first.call(target, "no buffer")
        with pytest.raises(TypeError):
            await first.call(1, "size", payload="text")

    on_mesh(story)


def test_what_no_arena_can_hold(on_mesh):
    async def story(mesh: InlineMesh) -> None:
        first = serve(mesh)
        with pytest.raises(MessageTooLargeError, match=f"a payload of {ARENA + 1} bytes; the arena of shard 0 has {ARENA}"):
            await first.call(1, "size", payload=bytes(ARENA + 1))
        with pytest.raises(RemoteError, match=f"MessageTooLargeError: a payload of {ARENA + 1} bytes; the arena of shard 1"):
            await first.call(1, "too large", ARENA + 1)

    on_mesh(story, layout=small(2))


def test_who_serves_nobody_waits_for_the_arena_and_a_handler_does_not(on_mesh):
    async def story(mesh: InlineMesh) -> None:
        first = serve(mesh)
        held = await first.arena.allocate(ARENA)

        async def pass_on() -> int:
            return await first.call(1, "size", payload=bytes(ARENA))

        first.serve("pass on", pass_on, ServiceGroup("early", 1))
        waiting = asyncio.create_task(first.call(1, "size", payload=bytes(ARENA)))
        await turns()
        assert first.arena.statistics().waiting == 1
        assert await first.call(0, "pass on") == ARENA
        assert not waiting.done()
        held.release()
        assert await waiting == ARENA

    on_mesh(story, layout=small(2))


def test_an_answer_does_not_wait_for_the_arena(on_mesh):
    async def story(mesh: InlineMesh) -> None:
        first = serve(mesh)
        replies = [await first.call(1, "echo", "copy", payload=pattern(ARENA)) for _ in range(3)]  # none released
        assert mesh.shards[1].statistics().arena.used == ARENA
        for reply in replies:
            with reply.payload as view:
                assert view == pattern(ARENA)

    on_mesh(story, layout=small(2))


@TARGETS
@pytest.mark.parametrize("turns_before", range(14))
@pytest.mark.parametrize("service", ["size later", "echo"])
def test_a_caller_that_is_cancelled_at_any_moment_leaves_no_block_behind(on_mesh, target, turns_before, service):
    async def story(mesh: InlineMesh) -> None:
        first = serve(mesh)
        args = ("copy",) if service == "echo" else ()
        call = asyncio.create_task(first.call(target, service, *args, payload=pattern(9000)))
        await turns(turns_before)
        if not call.done():
            call.cancel()
        elif service == "echo":
            call.result().payload.release()

    on_mesh(story)


def test_a_block_comes_back_when_its_call_does_not_leave(on_mesh):
    async def story(mesh: InlineMesh) -> None:
        first = serve(mesh)
        one = ServiceGroup("one", 1, calls_max=1)
        let_go = asyncio.Event()

        async def wait(payload: Lease) -> None:
            await let_go.wait()

        for shard in mesh.shards:
            shard.serve("wait", wait, one)
        going = asyncio.create_task(first.call(1, "wait", payload=await first.arena.allocate(5000)))
        waiting = asyncio.create_task(first.call(1, "wait", payload=await first.arena.allocate(5000)))
        with pytest.raises(ValueError, match="no shard 7"):
            await first.call(7, "wait", payload=await first.arena.allocate(5000))
        await turns()
        assert first.statistics().arena.blocks == 2
        waiting.cancel()
        await turns()
        assert first.statistics().arena.blocks == 1
        let_go.set()
        await going

    on_mesh(story)


def test_a_reply_that_nobody_releases_is_collected(on_mesh):
    async def story(mesh: InlineMesh) -> None:
        first = serve(mesh)
        reply = await first.call(1, "echo", "copy", payload=pattern(9000))
        assert mesh.shards[1].statistics().arena.blocks == 1
        del reply
        gc.collect()
        await turns()
        assert mesh.shards[1].statistics().arena.blocks == 0
        assert first.arena.dropped == 1
        first.arena.dropped = 0

    on_mesh(story)
