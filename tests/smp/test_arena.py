"""An arena hands its blocks out strictly in order; a lease ends once; what is dropped comes back all the same."""

from __future__ import annotations

import asyncio
import gc
from contextvars import copy_context

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.base.errors import InvariantError
from odradek.smp import groups
from odradek.smp.arena import BLOCK_MIN, Arena, ArenaStatistics, Block, Lease
from odradek.smp.errors import MessageTooLargeError, ServiceOrderError, ShardDiedError
from odradek.smp.groups import ServiceGroup

SIZE = 8 * BLOCK_MIN


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def make() -> Arena:
    return Arena(3, memoryview(bytearray(SIZE)))


def test_a_block_is_filled_and_sent_or_released():
    arena = make()
    block = arena.try_allocate(5000)
    assert block is not None and len(block.view) == 5000
    block.view[:3] = b"abc"
    block.shrink(3)
    assert bytes(block.view) == b"abc"
    offset, size = block.take()
    assert size == 3 and len(block.view) == 0
    block.release()  # it was sent: nothing happens
    assert arena.statistics() == ArenaStatistics(SIZE, 8192, 1, 8192, 0, 0, 0)
    with pytest.raises(InvariantError, match="a block is sent once"):
        block.take()
    arena.release(offset)
    with pytest.raises(InvariantError):
        arena.release(offset)


def test_a_small_request_waits_behind_a_large_one():
    async def story() -> None:
        arena = make()
        half, quarter = arena.try_allocate(SIZE // 2), arena.try_allocate(SIZE // 4)
        assert half is not None and quarter is not None
        large, small = asyncio.create_task(arena.allocate(SIZE // 2)), asyncio.create_task(arena.allocate(1))
        await turns()
        assert not small.done()
        assert arena.try_allocate(1) is None  # there is room, and it is not ours
        half.release()
        await turns()
        assert large.done() and small.done()

    asyncio.run(story())


def test_one_that_is_cancelled_hands_its_block_on():
    async def story() -> None:
        arena = make()
        whole = arena.try_allocate(SIZE)
        assert whole is not None
        first, second = asyncio.create_task(arena.allocate(SIZE)), asyncio.create_task(arena.allocate(SIZE))
        await turns()
        whole.release()
        first.cancel()  # it has the block, and does not know it
        await turns()
        assert first.cancelled() and second.done()

        third, fourth = asyncio.create_task(arena.allocate(SIZE)), asyncio.create_task(arena.allocate(1))
        await turns()
        third.cancel()
        second.result().release()
        await turns()
        fourth.result().release()
        assert arena.statistics().used == 0

    asyncio.run(story())


def test_what_will_never_fit_and_what_must_not_wait():
    async def story() -> None:
        arena = make()
        with pytest.raises(MessageTooLargeError, match=f"a payload of {SIZE + 1} bytes; the arena of shard 3 has {SIZE} "):
            await arena.allocate(SIZE + 1)
        groups.enter(ServiceGroup("reads", 7))
        with pytest.raises(ServiceOrderError, match="a handler of group reads would wait for the arena of shard 3"):
            await arena.allocate(1)
        assert arena.try_allocate(1) is not None

    copy_context().run(asyncio.run, story())


def test_closed_for_those_who_wait_and_those_who_come():
    async def story() -> None:
        arena = make()
        assert arena.try_allocate(SIZE) is not None
        waiting = asyncio.create_task(arena.allocate(1))
        await turns()
        arena.close(ShardDiedError(3, "is closed"))
        for wait in (waiting, arena.allocate(1)):
            with pytest.raises(ShardDiedError, match="shard 3 is closed"):
                await wait

    asyncio.run(story())


def test_a_lease_ends_once():
    ended: list[str] = []
    lease = Lease(memoryview(b"lent"), lambda: ended.append("released"), lambda release: ended.append("dropped"))
    with lease as view:
        assert view == b"lent"
    lease.release()
    assert ended == ["released"] and len(lease.view) == 0
    del lease
    gc.collect()
    assert ended == ["released"]


def test_a_forgotten_lease_is_told_of():
    ended: list[str] = []
    lease = Lease(memoryview(b"lent"), lambda: ended.append("released"), lambda release: release())
    own = Lease(memoryview(b"own"), None, lambda release: ended.append("own"))
    del lease, own
    gc.collect()
    assert ended == ["released"]


class DumbArena:
    """Sizes in a line; whether a block fits is asked of an arena that nobody waits for."""

    def __init__(self) -> None:
        self.arena = make()
        self.line: dict[int, int] = {}
        self.held: dict[int, Block] = {}

    def allocate(self, who: int, size: int) -> None:
        self.line[who] = size
        self.serve()

    def release(self, who: int) -> None:
        self.held.pop(who).release()
        self.serve()

    def cancel(self, who: int) -> None:
        self.line.pop(who, None)
        self.serve()

    def serve(self) -> None:
        while self.line:
            who, size = next(iter(self.line.items()))
            block = self.arena.try_allocate(size)
            if block is None:
                return
            del self.line[who]
            self.held[who] = block


moves = st.lists(
    st.one_of(
        st.tuples(st.just("allocate"), st.integers(0, SIZE)),
        st.tuples(st.sampled_from(["release", "release", "cancel"]), st.integers(0, 20)),
    ),
    max_size=30,
)


@given(moves)
def test_as_the_dumb_one(moves):
    async def story() -> None:
        arena, dumb = make(), DumbArena()
        tasks: list[asyncio.Task[Block]] = []
        released: set[int] = set()
        for move, number in moves:
            if move == "allocate":
                tasks.append(asyncio.create_task(arena.allocate(number)))
                dumb.allocate(len(tasks) - 1, number)
            elif move == "release" and number in dumb.held:
                tasks[number].result().release()
                released.add(number)
                dumb.release(number)
            elif move == "cancel" and number < len(tasks):
                tasks[number].cancel()
                dumb.cancel(number)
            await turns()
            held = {who for who, task in enumerate(tasks) if task.done() and not task.cancelled()} - released
            assert held == set(dumb.held)
            assert arena.statistics().waiting == len(dumb.line)
            assert arena.statistics().used == dumb.arena.statistics().used
        for task in tasks:
            task.cancel()
        await turns()
        for who in dumb.held:
            tasks[who].result().release()
        assert arena.statistics().used == 0

    asyncio.run(story())
