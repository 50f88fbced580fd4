"""One-way messages, full rings, and the bounds of what may wait."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import pytest

from odradek.smp import InlineMesh, MeshLayout, QueueFullError, Reply, ShardDiedError

TARGETS = pytest.mark.parametrize("target", [0, 1], ids=["here", "there"])
SMALL = MeshLayout(2, ring_capacity=1024, arena_bytes=64 * 1024)


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def until(true: Callable[[], bool]) -> None:
    for _ in range(60_000):
        if true():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it never came to be")


def serve(mesh: InlineMesh) -> list[object]:
    """Each shard notes what it is told."""
    notes: list[object] = []

    async def later(value: object) -> None:
        await asyncio.sleep(0)
        notes.append(value)

    def fail(value: object) -> None:
        raise ZeroDivisionError(value)

    for shard in mesh.shards:
        shard.serve("note", notes.append)
        shard.serve("later", later)
        shard.serve("fail", fail)
        shard.serve("reply", lambda shard=shard: Reply(1, shard.arena.try_allocate(5000)))
    mesh.start()
    return notes


@TARGETS
def test_sent_in_order_and_not_answered(on_mesh, target):
    async def story(mesh: InlineMesh) -> None:
        notes, first = serve(mesh), mesh.shards[0]
        for number in range(10):
            if number % 2:
                first.send_now(target, "note", number)
            else:
                await first.send(target, "note", number)
        assert notes == []  # they leave when the turn ends
        first.send_now(target, "later", "later")
        first.send_now(target, "reply")  # nobody wants its block
        await turns()
        assert notes == [*range(10), "later"]

    on_mesh(story)


@TARGETS
@pytest.mark.parametrize("service", ["fail", "nothing of the kind"])
def test_what_fails_is_logged_where_it_failed(on_mesh, caplog, target, service):
    async def story(mesh: InlineMesh) -> None:
        notes, first = serve(mesh), mesh.shards[0]
        first.send_now(target, service, "by one")
        first.send_now(target, "note", "after")
        await turns()
        assert notes == ["after"]

    with caplog.at_level(logging.ERROR, logger="odradek.smp"):
        on_mesh(story)
    [record] = caplog.records
    assert record.fields == {"service": service, "shard": target}


def test_one_that_can_not_cross_is_logged_and_gives_its_place_back(on_mesh, caplog):
    async def story(mesh: InlineMesh) -> None:
        notes, first = serve(mesh), mesh.shards[0]
        for value in ("before", object(), bytes(2_000_000), "after"):
            first.send_now(1, "note", value)
        await turns()
        assert notes == ["before", "after"]

    with caplog.at_level(logging.ERROR, logger="odradek.smp"):
        on_mesh(story, layout=SMALL)
    assert ["not plain" in str(record.fields["reason"]) for record in caplog.records] == [True, False]


def test_the_queue_is_bounded(on_mesh):
    async def story(mesh: InlineMesh) -> None:
        notes, first = serve(mesh), mesh.shards[0]
        for number in range(4):
            first.send_now(1, "note", number)
        with pytest.raises(
            QueueFullError, match=r"4 one-way messages wait for shard 1, and 0 senders; its queue takes 4 \(queue_max\)"
        ):
            first.send_now(1, "note", 4)
        senders = [asyncio.create_task(first.send(1, "note", number)) for number in range(4, 14)]
        assert await first.call(1, "note", "a call") is None  # has a bound of its own
        await asyncio.gather(*senders)
        await turns()
        assert [note for note in notes if note != "a call"] == list(range(14))

    on_mesh(story, queue_max=4)


def test_a_full_ring_holds_messages_back_and_loses_none(on_mesh):
    async def story(mesh: InlineMesh) -> None:
        notes, first = serve(mesh), mesh.shards[0]
        sizes = [*range(0, 900, 7), 5000, 0, 3]
        for size in sizes:
            first.send_now(1, "note", bytes(size))
        await until(lambda: len(notes) == len(sizes))
        assert [len(note) for note in notes] == sizes
        [there] = first.statistics().peers
        assert there.ring_full > 0 and there.sent == len(sizes)

    on_mesh(story, layout=SMALL)


def test_a_shard_that_does_not_read_costs_no_core_and_holds_up_nobody(on_mesh):
    """Its messages are tried again by a timer; those to others leave when the turn ends, as ever."""

    async def story(mesh: InlineMesh) -> None:
        notes, (first, _, stuck) = serve(mesh), mesh.shards
        polls = [member.poller for member in mesh._members]
        polls[2]._closed = True
        for _ in range(50):
            first.send_now(2, "note", bytes(100))
        await turns(200)
        tries = first.statistics().peers[1].ring_full
        await turns(50)
        assert first.statistics().peers[1].ring_full - tries < 25
        first.send_now(1, "note", "passes")
        await turns(4)
        assert notes == ["passes"]
        polls[2]._closed = False
        polls[2].start()
        await until(lambda: len(notes) == 51)
        assert stuck.statistics().peers[0].received == 50

    on_mesh(story, 3, layout=MeshLayout(3, ring_capacity=1024, arena_bytes=64 * 1024))


def test_senders_who_wait_are_told_when_the_shard_is_gone(on_mesh):
    async def story(mesh: InlineMesh) -> None:
        serve(mesh)
        first = mesh.shards[0]
        mesh._members[1].poller.close()  # so that its ring fills up
        waiting = asyncio.create_task(asyncio.sleep(0))
        while waiting.done() or first.peers[1].queue.available:
            waiting = asyncio.create_task(first.send(1, "note", bytes(400)))
            await turns(3)
        first.lose(1, ShardDiedError(1, "was killed"))
        for send in (waiting, first.send(1, "note", 3)):
            with pytest.raises(ShardDiedError, match="shard 1 was killed"):
                await send
        with pytest.raises(ShardDiedError, match="shard 1 was killed"):
            first.send_now(1, "note", 4)

    on_mesh(story, queue_max=1, layout=SMALL)
