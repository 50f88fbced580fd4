"""Threads for blocking calls: outcomes come back, cancelling waits for the call, nothing leaks."""

from __future__ import annotations

import asyncio
import os
import threading

import pytest

from odradek.aio import GateClosedError, Operation
from odradek.aio.thread_pool import ThreadPool


def test_results_and_errors_come_back_and_calls_are_counted_by_reason():
    async def story() -> None:
        pool = ThreadPool("pool", 2)
        assert await pool.run(Operation.READ, divmod, 7, 3) == (2, 1)
        with pytest.raises(ZeroDivisionError):
            await pool.run(Operation.WRITE, divmod, 7, 0)
        assert pool.operations == {"read": 1, "write": 1}
        await pool.close()
        with pytest.raises(GateClosedError, match="pool is closed"):
            await pool.run(Operation.READ, divmod, 7, 3)

    asyncio.run(story())


def test_no_more_threads_than_allowed_and_none_left_after_closing():
    async def story() -> None:
        pool = ThreadPool("bounded", 3)
        release = threading.Event()
        calls = [pool.submit(Operation.READ, release.wait) for _ in range(10)]
        assert (pool.running, pool.queued, pool.queued_max) == (3, 7, 7)
        release.set()
        await asyncio.gather(*calls)
        await pool.close()

    asyncio.run(story())
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("bounded")]


def test_a_cancellation_is_held_back_until_the_call_has_ended_however_often_it_comes():
    async def story() -> None:
        pool = ThreadPool("pool")
        release, disposed = threading.Event(), []

        async def call() -> bool:
            return await pool.run(Operation.OPEN, release.wait, dispose=disposed.append)

        task = asyncio.create_task(call())
        for _ in range(3):
            await asyncio.sleep(0)
            task.cancel()
        await asyncio.sleep(0.01)
        assert not task.done()
        release.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert disposed == [True]
        await pool.close()

    asyncio.run(story())


def test_closing_waits_for_calls_in_flight():
    async def story() -> None:
        pool = ThreadPool("pool")
        release = threading.Event()
        call = pool.submit(Operation.READ, release.wait)
        closing = asyncio.create_task(pool.close())
        await asyncio.sleep(0.01)
        assert not closing.done()
        release.set()
        await closing
        assert call.done()

    asyncio.run(story())


def test_a_loop_closed_early_leaks_no_descriptor():
    release, disposed = threading.Event(), threading.Event()
    read_end, write_end = os.pipe()
    os.close(write_end)

    def opens_late() -> int:
        release.wait()
        return read_end

    def dispose(fd: int) -> None:
        os.close(fd)
        disposed.set()

    async def story() -> None:
        ThreadPool("early").submit(Operation.OPEN, opens_late, dispose=dispose)

    asyncio.run(story())
    release.set()
    assert disposed.wait(5)
    with pytest.raises(OSError):
        os.fstat(read_end)


def test_a_pool_without_threads_is_refused():
    with pytest.raises(ValueError, match="at least one thread, not 0"):
        ThreadPool("pool", 0)
