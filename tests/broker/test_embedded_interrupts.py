"""Starts and stops that are interrupted at every point leave nothing: no thread, descriptor, lock or port."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import odradek
from odradek.aio.storage import Operation
from odradek.aio.thread_pool import ThreadPool
from odradek.aio.thread_storage import ThreadStorage
from odradek.base.clock import sleep
from odradek.broker import node as node_module
from odradek.metadata.sqlite_store import SqliteStore
from odradek.testing.topics import TopicAdmin


@pytest.fixture(autouse=True)
def interrupts_are_not_ignored() -> Iterator[None]:
    """A shell ignores SIGINT for what it runs in the background: no signal below would come, and stops would wait for ever."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def ctrl_c() -> None:
    """As the terminal does it: a signal that wakes the main thread out of whatever it waits for."""
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)


def held() -> tuple[int, set[str]]:
    """Descriptors and threads of this process. Ours may still be on their way out, and are waited for; or, when their start
    was interrupted, on their way in: the system has such a thread, and it ends as soon as it runs."""
    for _ in range(1000):
        ours = [thread for thread in threading.enumerate() if thread.name.startswith(("aio-", "odradek"))]
        if not ours:
            break
        for thread in ours:
            if thread.ident:
                thread.join(10)
        sleep(0.01)
    return len(os.listdir("/proc/self/fd")), {thread.name for thread in threading.enumerate()}


@pytest.fixture
def used(tmp_path: Path) -> Path:
    """A directory with a topic and group offsets in it, so that a start has all its steps."""
    with odradek.Broker(data_dir=str(tmp_path)) as broker, TopicAdmin(broker.bootstrap_servers) as admin:
        admin.create("t", partitions=2)
        admin.create("u")
    return tmp_path


@pytest.fixture
def nothing_left(used: Path) -> Iterator[Callable[[], None]]:
    """Call it when a broker of `used` has ended somehow."""
    before = held()

    def look() -> None:
        assert held() == before
        with odradek.Broker(data_dir=str(used)):
            pass

    yield look
    look()


class Struck(Exception):
    """Nobody in the broker expects this one."""


class FaultyPool(ThreadPool):
    """Call number `strike_at` is never made; what happens instead is `strike`'s to say."""

    strike_at = 0
    calls = 0

    def submit(self, operation: Operation, function: Any, *args: Any, dispose: Any = None) -> asyncio.Future[Any]:
        FaultyPool.calls += 1
        if FaultyPool.calls == FaultyPool.strike_at:
            raise FaultyPool.strike()
        return super().submit(operation, function, *args, dispose=dispose)

    strike: Callable[[], BaseException] = Struck


class FaultyStorage(ThreadStorage):
    def __init__(self, *args: Any, **others: Any) -> None:
        super().__init__(*args, **others)
        self._pool = FaultyPool("aio")


@pytest.mark.parametrize("strike", [Struck, lambda: OSError(errno.EIO, "planned"), asyncio.CancelledError])
def test_a_fault_in_any_call_to_the_disk_while_it_starts(
    used: Path, nothing_left: Callable[[], None], monkeypatch: pytest.MonkeyPatch, strike: Callable[[], BaseException]
) -> None:
    monkeypatch.setattr(node_module, "ThreadStorage", FaultyStorage)
    monkeypatch.setattr(FaultyPool, "strike", staticmethod(strike))
    failed = 0
    for number in range(1, 1000):
        FaultyPool.strike_at, FaultyPool.calls = number, 0
        port = free_port()
        try:
            broker = odradek.Broker(data_dir=str(used), listen=f"127.0.0.1:{port}").start()
        except (Struck, OSError, asyncio.CancelledError, odradek.OdradekError):
            failed += 1
            socket.create_server(("127.0.0.1", port)).close()
            nothing_left()
            continue
        reached = FaultyPool.calls >= number
        FaultyPool.strike_at = 0
        broker.stop()
        if not reached:
            break
    else:
        pytest.fail("a start has an end")
    assert failed > 5


def test_a_fault_in_any_call_to_the_metadata_store_while_it_starts(
    used: Path, nothing_left: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    in_thread = SqliteStore._in_thread

    async def faulty(store: SqliteStore, call: Callable[[], Any]) -> Any:
        nonlocal calls
        calls += 1
        if calls == strike_at:
            raise Struck
        return await in_thread(store, call)

    monkeypatch.setattr(SqliteStore, "_in_thread", faulty)
    for strike_at in (1, 2):  # noqa: B007 - `faulty` reads it
        calls = 0
        with pytest.raises(Struck):
            odradek.Broker(data_dir=str(used)).start()
        nothing_left()


def test_a_task_that_is_cancelled_at_any_point_of_start_and_stop(used: Path, nothing_left: Callable[[], None]) -> None:
    async def block(entered: list[bool]) -> None:
        async with odradek.Broker(data_dir=str(used)):
            entered.append(True)

    async def cancelled_after(turns: int) -> bool:
        """Whether it came to its end before it was cancelled; each time it is cancelled three times."""
        task = asyncio.ensure_future(block([]))
        for _ in range(turns):
            await asyncio.sleep(0)
            if task.done():
                await task
                return True
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0)
        await asyncio.wait((task,))
        return False

    turns = 0
    while not asyncio.run(cancelled_after(turns)):
        nothing_left()
        turns = turns + 1 if turns < 10 else turns * 2  # turns that wait for the disk are many


def test_all_tasks_of_a_loop_are_cancelled_while_it_stops(used: Path, nothing_left: Callable[[], None]) -> None:
    async def story(turns: int) -> None:
        async def block() -> None:
            async with odradek.Broker(data_dir=str(used)):
                entered.set()

        entered = asyncio.Event()
        task = asyncio.ensure_future(block())
        await entered.wait()
        for _ in range(turns):
            await asyncio.sleep(0)
        # `asyncio.run` cancels what is left, and waits for it
        del task

    for turns in (0, 1, 2, 3, 5, 8, 20, 100):
        asyncio.run(story(turns))
        nothing_left()


@pytest.mark.parametrize("delay_ms", [0, 1, 2, 4, 7, 11, 16, 22])
def test_ctrl_c_while_it_starts_or_stops(used: Path, nothing_left: Callable[[], None], delay_ms: int) -> None:
    timer = threading.Timer(delay_ms / 1000, ctrl_c)
    interrupted = 0
    broker = odradek.Broker(data_dir=str(used))
    try:
        timer.start()
        broker.start()
        broker.stop()
    except KeyboardInterrupt:
        interrupted += 1
    try:
        timer.join()
        for _ in range(100):  # it may come only now
            pass
    except KeyboardInterrupt:
        interrupted += 1
    assert interrupted == 1
    broker.stop()  # where it came behind the start, before the stop


def test_a_second_ctrl_c_is_raised_at_once_and_the_broker_stops_all_the_same(
    used: Path, nothing_left: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    going_on = threading.Event()
    close = ThreadStorage.close

    async def slow(storage: ThreadStorage) -> None:
        ctrl_c()
        await asyncio.to_thread(going_on.wait)
        await close(storage)

    broker = odradek.Broker(data_dir=str(used)).start()
    thread = broker._thread
    assert thread is not None
    wait = thread._over.wait

    def interrupted_again(seconds: float | None = None) -> bool:
        monkeypatch.setattr(thread._over, "wait", raise_interrupt)
        return wait(seconds)

    def raise_interrupt(seconds: float | None = None) -> bool:
        raise KeyboardInterrupt

    monkeypatch.setattr(ThreadStorage, "close", slow)
    monkeypatch.setattr(thread._over, "wait", interrupted_again)
    with pytest.raises(KeyboardInterrupt):
        broker.stop()
    going_on.set()
    assert wait(20)


def test_two_threads_that_stop_it_both_wait_for_the_end(used: Path, nothing_left: Callable[[], None]) -> None:
    broker = odradek.Broker(data_dir=str(used)).start()
    free: list[bool] = []

    def stop() -> None:
        broker.stop()
        free.append((used / ".kafka_cleanshutdown").exists())

    threads = [threading.Thread(target=stop) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert free == [True] * 4


def test_of_many_threads_that_start_it_one_does() -> None:
    broker = odradek.Broker()
    outcomes: list[str] = []

    def start() -> None:
        try:
            broker.start()
            outcomes.append("started")
        except odradek.OdradekError as error:
            outcomes.append("refused" if "already" in str(error) else str(error))

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    broker.stop()
    assert sorted(outcomes) == ["refused"] * 7 + ["started"]
