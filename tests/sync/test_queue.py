"""A bounded queue: what is put in comes out in order, to those who asked first; closing is seen from both ends."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odradek.sync import Queue, QueueClosedError, QueueStatistics


async def turns(count: int = 4) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_full_holds_back_and_closed_drains():
    async def story() -> None:
        queue = Queue[int]("requests", 2)
        await queue.put(1)
        assert queue.try_put(2) and not queue.try_put(3)
        third, fourth = asyncio.create_task(queue.put(3)), asyncio.create_task(queue.put(4))
        await turns()
        assert queue.statistics() == QueueStatistics("requests", 2, 2, 2, putting=2, getting=0, closed=False)
        assert await queue.get() == 1
        await third
        assert len(queue) == 2
        queue.close()
        queue.close()
        with pytest.raises(QueueClosedError, match=r"queue requests is closed \(2 of 2 items inside\)"):
            await fourth
        with pytest.raises(QueueClosedError):
            queue.try_put(5)
        assert [await queue.get(), await queue.get()] == [2, 3]
        with pytest.raises(QueueClosedError, match="queue requests is closed and empty"):
            await queue.get()
        assert queue.closed

    asyncio.run(story())


def test_closing_ends_the_wait_of_those_for_whom_nothing_is_left():
    async def story() -> None:
        queue = Queue[int]("requests", 2)
        first, second = asyncio.create_task(queue.get()), asyncio.create_task(queue.get())
        await turns()
        assert queue.try_put(1)
        queue.close()
        assert await first == 1
        with pytest.raises(QueueClosedError):
            await second

    asyncio.run(story())


def test_a_newcomer_gets_nothing_that_is_promised():
    async def story() -> None:
        queue = Queue[int]("requests", 2)
        waiting = asyncio.create_task(queue.get())
        await turns()
        newcomer = asyncio.create_task(queue.get())  # its first step comes before the waiting one wakes
        assert queue.try_put(1)
        assert queue.try_put(2)
        await turns()
        assert (waiting.result(), newcomer.result()) == (1, 2)

        await queue.put(3)
        await queue.put(4)
        putter = asyncio.create_task(queue.put(5))
        await turns()
        assert await queue.get() == 3
        assert not queue.try_put(6)  # there is room, and it is promised
        await putter
        assert [await queue.get(), await queue.get()] == [4, 5]

    asyncio.run(story())


def test_one_that_is_cancelled_in_the_moment_of_its_turn_hands_it_on():
    async def story() -> None:
        queue = Queue[int]("requests", 1)
        first, second = asyncio.create_task(queue.get()), asyncio.create_task(queue.get())
        await turns()
        assert queue.try_put(1)
        first.cancel()
        await turns()
        assert second.result() == 1

        assert queue.try_put(2)
        third, fourth = asyncio.create_task(queue.put(3)), asyncio.create_task(queue.put(4))
        await turns()
        assert await queue.get() == 2
        third.cancel()
        await turns()
        assert fourth.done()
        assert await queue.get() == 4

    asyncio.run(story())


def test_room_for_nothing():
    with pytest.raises(ValueError, match="queue none: room for at least one item, not 0"):
        Queue("none", 0)


class Run:
    """A queue under a schedule: `puts` and `gets` are what succeeded, in the order of the calls."""

    def __init__(self, limit: int) -> None:
        self.queue = Queue[int]("requests", limit)
        self.tasks: list[asyncio.Task[None]] = []
        self.puts: dict[int, bool] = {}
        self.gets: dict[int, int | None] = {}
        self.calls = 0

    def call(self) -> int:
        self.calls += 1
        return self.calls

    async def put(self) -> None:
        number = self.call()
        self.puts[number] = False
        try:
            await self.queue.put(number)
        except QueueClosedError:
            return
        self.puts[number] = True
        assert len(self.queue) <= self.queue.limit

    async def get(self) -> None:
        number = self.call()
        self.gets[number] = None
        try:
            self.gets[number] = await self.queue.get()
        except QueueClosedError:
            return

    def do(self, action: str, number: int) -> None:
        if action in ("put", "get"):
            self.tasks.append(asyncio.create_task(self.put() if action == "put" else self.get()))
        elif action == "cancel" and number < len(self.tasks):
            self.tasks[number].cancel()
        elif action == "try_put" and not self.queue.closed:
            number = self.call()
            self.puts[number] = self.queue.try_put(number)
        elif action == "close":
            self.queue.close()

    def check(self) -> None:
        went_in = [number for number, done in self.puts.items() if done]
        came_out = [item for item in self.gets.values() if item is not None]
        assert came_out == went_in[: len(came_out)]
        view = self.queue.statistics()
        assert view.size == len(went_in) - len(came_out) <= view.limit
        assert not (view.size and view.getting)
        assert not (view.size < view.limit and view.putting)
        assert not (view.closed and (view.putting or view.getting))


actions = st.tuples(st.sampled_from(["put", "get", "get", "cancel", "try_put", "try_put"]), st.integers(0, 30))


@settings(max_examples=300)
@given(st.integers(1, 3), st.lists(st.lists(actions, max_size=6), max_size=12), st.booleans())
def test_the_nth_get_takes_what_the_nth_put_gave(limit, schedule, closing):
    async def story() -> None:
        run = Run(limit)
        for together in schedule:
            for action, number in together:
                run.do(action, number)
            await turns(60)
            run.check()
        if closing:
            run.do("close", 0)
            await turns(60)
            run.check()
        for task in run.tasks:
            task.cancel()
        await asyncio.gather(*run.tasks, return_exceptions=True)

    asyncio.run(story())
