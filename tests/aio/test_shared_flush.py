"""Who shares which fdatasync. The disk here is a list of syncs that the test lets begin and end by hand."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable

import pytest

from odradek.aio import FlushFailedError, Gate
from odradek.aio.shared_flush import SharedFlush


class Syncs:
    """fdatasyncs that have been started and not ended."""

    def __init__(self) -> None:
        self.started: list[tuple[Callable[[], None], asyncio.Future[None]]] = []

    def start(self, begin: Callable[[], None]) -> asyncio.Future[None]:
        future = asyncio.get_running_loop().create_future()
        self.started.append((begin, future))
        return future

    def begin(self) -> None:
        self.started[-1][0]()

    async def end(self, error: OSError | None = None) -> None:
        if error is None:
            self.started[-1][1].set_result(None)
        else:
            self.started[-1][1].set_exception(error)
        await turns()


async def turns() -> None:
    for _ in range(4):
        await asyncio.sleep(0)


async def waiting(flush: SharedFlush) -> asyncio.Task[None]:
    task = asyncio.create_task(flush.wait())
    await turns()
    return task


def told(story: Callable[[SharedFlush, Syncs, Gate], object]) -> None:
    async def tell() -> None:
        gate, syncs = Gate("file f"), Syncs()
        await story(SharedFlush("f", gate, syncs.start), syncs, gate)
        assert gate.count == 0

    asyncio.run(tell())


def test_who_asks_before_it_begins_shares_it_and_who_asks_later_shares_the_next():
    async def story(flush: SharedFlush, syncs: Syncs, gate: Gate) -> None:
        first = await waiting(flush)
        second = await waiting(flush)  # handed to a thread, not begun: still covers it
        assert len(syncs.started) == 1
        syncs.begin()
        third, fourth = await waiting(flush), await waiting(flush)
        assert len(syncs.started) == 1
        await syncs.end()
        assert (first.done(), second.done(), third.done(), fourth.done()) == (True, True, False, False)
        assert len(syncs.started) == 2
        await syncs.end()
        assert third.done() and fourth.done()
        assert (flush.asked, flush.done) == (4, 2)

    told(story)


def test_all_requests_of_one_turn_share_one():
    async def story(flush: SharedFlush, syncs: Syncs, gate: Gate) -> None:
        tasks = [asyncio.create_task(flush.wait()) for _ in range(10)]
        await turns()
        assert len(syncs.started) == 1
        await syncs.end()
        await asyncio.gather(*tasks)

    told(story)


def test_a_failure_is_final():
    async def story(flush: SharedFlush, syncs: Syncs, gate: Gate) -> None:
        first = await waiting(flush)
        syncs.begin()
        second = await waiting(flush)
        await syncs.end(OSError(errno.EIO, "Input/output error"))
        for task in (first, second):
            with pytest.raises(FlushFailedError, match="never retried") as raised:
                await task
            assert raised.value.errno == errno.EIO
        with pytest.raises(FlushFailedError):
            await flush.wait()
        assert len(syncs.started) == 1

    told(story)


def test_the_round_goes_on_without_its_waiters_and_holds_the_gate():
    async def story(flush: SharedFlush, syncs: Syncs, gate: Gate) -> None:
        task = await waiting(flush)
        task.cancel()
        await turns()
        assert gate.count == 1
        await syncs.end(OSError(errno.EIO, "Input/output error"))

    told(story)


def test_a_sync_that_can_not_even_start_fails_those_who_wait():
    async def tell() -> None:
        def refuse(begin: Callable[[], None]) -> asyncio.Future[None]:
            raise RuntimeError("no threads")

        flush = SharedFlush("f", Gate("file f"), refuse)
        with pytest.raises(FlushFailedError, match="no threads"):
            await flush.wait()

    asyncio.run(tell())
