"""Memory of one connection: for the frame that arrives, and for what a frame becomes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from odradek.broker.budget import MemoryBudget
from odradek.broker.frame_memory import FrameMemory, decoded_weight
from odradek.wire.frames import FrameSplitter
from odradek.wire.receive_buffers import BUFFER_SIZE

MIB = 1 << 20


def run(story: Callable[[MemoryBudget, Callable[[], FrameMemory], list[str]], None]) -> None:
    """`story` gets a budget of 10 MiB, a maker of connections' memories, and the list of those that were resumed."""

    async def within_a_loop() -> None:
        resumed: list[str] = []
        budget = MemoryBudget(10 * MIB)

        def make() -> FrameMemory:
            return FrameMemory(budget, FrameSplitter(), asyncio.get_running_loop(), lambda: resumed.append("resumed"))

        story(budget, make, resumed)

    asyncio.run(within_a_loop())


def test_a_small_frame_asks_nobody() -> None:
    def story(budget: MemoryBudget, make: Callable[[], FrameMemory], _: list[str]) -> None:
        memory = make()
        assert memory.settle(BUFFER_SIZE)
        assert (memory.held, budget.used) == (0, 0)

    run(story)


def test_a_large_frame_holds_its_size_until_it_is_dealt_with() -> None:
    def story(budget: MemoryBudget, make: Callable[[], FrameMemory], _: list[str]) -> None:
        memory = make()
        assert memory.settle(8 * MIB)
        assert memory.settle(8 * MIB), "more of the same frame"
        assert budget.used == 8 * MIB
        assert memory.settle(3 * MIB), "the next one"
        assert budget.used == 3 * MIB
        assert memory.settle(0)
        assert budget.used == 0

    run(story)


def test_who_waits_is_resumed_once_and_holds_what_it_asked_for() -> None:
    def story(budget: MemoryBudget, make: Callable[[], FrameMemory], resumed: list[str]) -> None:
        first, second = make(), make()
        assert first.settle(8 * MIB)
        assert not second.settle(8 * MIB)
        assert second.starved and second.settle(8 * MIB), "it has asked already"
        first.settle(0)
        assert (resumed, second.starved, second.held) == (["resumed"], False, 8 * MIB)

    run(story)


def test_who_goes_gives_back_and_waits_no_longer() -> None:
    def story(budget: MemoryBudget, make: Callable[[], FrameMemory], resumed: list[str]) -> None:
        first, second, third = make(), make(), make()
        assert first.settle(8 * MIB)
        assert not second.settle(8 * MIB) and not third.settle(9 * MIB)
        second.let_go()
        first.let_go()
        assert (resumed, third.held, budget.used) == (["resumed"], 9 * MIB, 9 * MIB)

    run(story)


def test_it_is_stalled_when_too_little_came_in_a_time() -> None:
    def story(budget: MemoryBudget, make: Callable[[], FrameMemory], _: list[str]) -> None:
        memory, now = make(), asyncio.get_running_loop().time()
        assert not memory.is_stalled(now + 1000, 30, 1)
        memory.settle(8 * MIB)
        assert not memory.is_stalled(now, 30, 1)
        assert memory.is_stalled(now + 1000, 30, 1)
        assert not memory.is_stalled(now + 1001, 30, 1), "measured anew"

    run(story)


def test_the_weight_grows_with_the_bytes_and_ends_where_elements_do() -> None:
    assert decoded_weight(5000, 100_000) == 80_000
    assert decoded_weight(2 * MIB, 100_000) == 2 * MIB + 25_600_000
    assert decoded_weight(2 * MIB, 1) == 2 * MIB + 256
