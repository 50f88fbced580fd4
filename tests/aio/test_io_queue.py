"""Requests before a disk, in virtual time: its depth, its pace, its priorities."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.aio.virtual_loop import run_virtually

from odradek.aio.disk_rates import Direction, DiskRates
from odradek.aio.errors import GateClosedError
from odradek.aio.io_queue import BURST_SECONDS, IoQueue

RATES = DiskRates(read_iops=10_000, read_bandwidth=1e9, write_iops=5_000, write_bandwidth=5e8)
SHARES = {"produce": 1000, "consume": 500, "replication": 400, "compaction": 100, "recovery": 50}


class Disk:
    """Ends requests as fast as its rates say, one behind the other, like a disk with a line of its own."""

    def __init__(self, loop, rates=RATES):
        self._loop, self._rates = loop, rates
        self._free_at = 0.0
        self.waits: list[float] = []

    async def serve(self, direction, size):
        start = max(self._loop.time(), self._free_at)
        self._free_at = start + self._rates.seconds(direction, size)
        self.waits.append(self._free_at - self._loop.time())
        await asyncio.sleep(self._free_at - self._loop.time())


def workers(queue, disk, priority, count, size, until, loop, direction=Direction.READ):
    async def one():
        while loop.time() < until:
            await queue.enter(priority, direction, size)
            try:
                await disk.serve(direction, size)
            finally:
                queue.leave()

    return [asyncio.ensure_future(one()) for _ in range(count)]


@pytest.mark.parametrize("rates", [RATES, None])
def test_classes_share_a_saturated_disk_within_five_percent(rates):
    async def story(loop):
        queue, disk = IoQueue("sda", 16, loop, rates), Disk(loop)
        tasks = []
        for place, (name, shares) in enumerate(SHARES.items()):
            priority = queue.add_class(name, shares)
            tasks += workers(queue, disk, priority, 32, 4096 << place, 5.0, loop)
        await asyncio.gather(*tasks)
        given_out = queue.statistics().classes
        whole = sum(one.cost for one in given_out)
        for one in given_out:
            assert one.cost / whole == pytest.approx(one.shares / sum(SHARES.values()), rel=0.05)

    run_virtually(story)


@given(st.lists(st.tuples(st.sampled_from(list(Direction)), st.integers(0, 1 << 20)), min_size=1, max_size=300))
def test_the_disk_is_never_asked_for_more_than_its_rates(requests):
    async def story(loop):
        queue = IoQueue("sda", 1000, loop, RATES)
        priority = queue.add_class("produce", 100)
        asked = largest = 0.0

        async def one(direction, size):
            nonlocal asked, largest
            await queue.enter(priority, direction, size)
            cost = RATES.seconds(direction, size)
            asked, largest = asked + cost, max(largest, cost)
            assert asked <= loop.time() + BURST_SECONDS + largest + 1e-6
            queue.leave()

        await asyncio.gather(*(one(*request) for request in requests))

    run_virtually(story)


def test_an_urgent_request_does_not_wait_behind_the_line_that_others_make():
    """With its rates known, the line is ours and has priorities; without, it is the disk's."""

    async def waited(loop, rates):
        queue, disk = IoQueue("sda", 128, loop, rates), Disk(loop)
        tasks = workers(queue, disk, queue.add_class("compaction", 10), 200, 128 * 1024, 2.0, loop)
        urgent = queue.add_class("consume", 1000)
        waits = []
        for _ in range(50):
            await asyncio.sleep(0.02)
            asked = loop.time()
            await queue.enter(urgent, Direction.READ, 4096)
            await disk.serve(Direction.READ, 4096)
            queue.leave()
            waits.append(loop.time() - asked)
        await asyncio.gather(*tasks)
        return sorted(waits)[len(waits) // 2]

    with_rates = run_virtually(lambda loop: waited(loop, RATES))
    without = run_virtually(lambda loop: waited(loop, None))
    assert with_rates < without / 4


def test_no_more_are_under_way_than_the_disk_is_deep():
    async def story(loop):
        queue = IoQueue("sda", 3, loop)
        priority = queue.add_class("produce", 1)
        most = 0

        async def one():
            nonlocal most
            await queue.enter(priority, Direction.WRITE, 4096)
            most = max(most, queue.statistics().under_way)
            await asyncio.sleep(0.001)
            queue.leave()

        await asyncio.gather(*(one() for _ in range(20)))
        assert most == 3 and queue.statistics().under_way == 0

    run_virtually(story)


events = st.lists(st.tuples(st.sampled_from(["enter", "cancel", "leave", "turn"]), st.integers(0, 20)), max_size=80)


@given(events, st.integers(1, 3), st.booleans())
def test_cancelled_waiters_take_nothing_and_lose_nothing(events, depth, known):
    async def story(loop):
        queue = IoQueue("sda", depth, loop, RATES if known else None)
        priorities = [queue.add_class("high", 10), queue.add_class("low", 1)]
        tasks = []
        inside = set()

        async def one(number):
            await queue.enter(priorities[number % 2], Direction.READ, 4096 * number)
            inside.add(number)

        for event, number in events:
            if event == "enter":
                tasks.append(loop.create_task(one(len(tasks))))
            elif event == "cancel" and number < len(tasks):
                tasks[number].cancel()
            elif event == "leave" and inside:
                inside.pop()
                queue.leave()
            else:
                await asyncio.sleep(0.001 if number % 2 else 0)
            assert queue.statistics().under_way <= depth
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0.01)
            while inside:
                inside.pop()
                queue.leave()
        while inside:
            inside.pop()
            queue.leave()
        view = queue.statistics()
        assert (view.under_way, view.waiting) == (0, 0)
        await asyncio.wait_for(queue.enter(priorities[0], Direction.READ, 1), 10)

    run_virtually(story)


def test_closing_sends_those_who_wait_away():
    async def story(loop):
        queue = IoQueue("sda", 1, loop)
        priority = queue.add_class("produce", 1)
        await queue.enter(priority, Direction.READ, 1)
        waiting = loop.create_task(queue.enter(priority, Direction.READ, 1))
        await asyncio.sleep(0)
        queue.close()
        with pytest.raises(GateClosedError, match="disk sda was closed while"):
            await waiting
        with pytest.raises(GateClosedError, match=r"closed \(1 requests under way"):
            await queue.enter(priority, Direction.READ, 1)
        queue.leave()

    run_virtually(story)
