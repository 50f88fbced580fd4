"""Threads for the calls that can only block.

The loop hands a call over and goes on; a thread makes it and posts the outcome back. Three things make this safe to build on:

* **Counted by reason.** Each call names its `Operation`, so "how often did we leave the loop, and why" is a figure.
* **Cancelling never runs ahead of the call.** A thread can't be interrupted in a system call. `run()` therefore holds a
  cancellation back until the call has ended: a buffer given to a call is the caller's again when the await is over.
* **Nothing leaks.** A result that nobody can take any more (the awaiter was cancelled, or its loop is closed) goes to
  `dispose`, which closes a descriptor that was just opened.

The pool belongs to one loop. Threads start when work finds none idle, up to `threads_max`, and are daemons: a thread stuck in a
dead disk must not keep the process from ending. Calls of one caller are in order only if it awaits each.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar, TypeVarTuple

from odradek.aio.gate import Gate
from odradek.aio.storage import Operation

Args = TypeVarTuple("Args")
T = TypeVar("T")

THREADS_MAX = 8
"""Enough to keep a disk's queue busy and to let flushes of several files overlap. (Seastar has one thread per shard, for it
has aio for the rest; an aio engine takes reads, writes and flushes away from here.)"""


class _Call:
    """One call on its way to a thread and back."""

    __slots__ = ("args", "dispose", "function", "future", "loop")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        function: Callable[..., Any],
        args: tuple[Any, ...],
        dispose: Callable[[Any], None] | None,
    ) -> None:
        self.loop = loop
        self.future: asyncio.Future[Any] = loop.create_future()
        self.function = function
        self.args = args
        self.dispose = dispose


class ThreadPool:
    """Runs blocking calls for one loop; `close()` waits for all of them."""

    __slots__ = ("_gate", "_queue", "_threads", "name", "operations", "queued_max", "threads_max")

    def __init__(self, name: str, threads_max: int = THREADS_MAX) -> None:
        if threads_max < 1:
            raise ValueError(f"{name}: a thread pool needs at least one thread, not {threads_max}")
        self.name = name
        self.threads_max = threads_max
        self.operations: dict[str, int] = {}
        self.queued_max = 0
        self._gate = Gate(name)
        self._queue: SimpleQueue[_Call | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []

    @property
    def running(self) -> int:
        """Calls that a thread has, as far as the loop knows."""
        return min(self._gate.count, len(self._threads))

    @property
    def queued(self) -> int:
        """Calls that wait for a thread."""
        return self._gate.count - self.running

    def submit(
        self,
        operation: Operation,
        function: Callable[[*Args], T],
        *args: *Args,
        dispose: Callable[[T], None] | None = None,
    ) -> asyncio.Future[T]:
        """Hand `function(*args)` over; the future brings its outcome. Raises `GateClosedError` after `close()`."""
        self._gate.enter()
        call = _Call(asyncio.get_running_loop(), function, args, dispose)
        self.count(operation)
        if self._gate.count > len(self._threads) < self.threads_max:
            self._start_thread()
        self.queued_max = max(self.queued_max, self.queued)
        self._queue.put(call)
        return call.future

    def count(self, operation: Operation) -> None:
        """One more that left the loop, on a thread or otherwise."""
        self.operations[operation] = self.operations.get(operation, 0) + 1

    async def run(
        self,
        operation: Operation,
        function: Callable[[*Args], T],
        *args: *Args,
        dispose: Callable[[T], None] | None = None,
    ) -> T:
        """`submit` and wait; a cancellation is raised when the call has ended, its result having gone to `dispose`."""
        future = self.submit(operation, function, *args, dispose=dispose)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await _wait_out(future)
            if dispose is not None and not future.cancelled() and future.exception() is None:
                dispose(future.result())
            raise

    async def close(self) -> None:
        """Refuse new calls, wait for those handed over, end the threads."""
        await self._gate.close()
        threads, self._threads = self._threads, []
        for _ in threads:
            self._queue.put(None)
        for thread in threads:
            thread.join()  # idle by now: takes microseconds

    def _start_thread(self) -> None:
        thread = threading.Thread(target=self._work, name=f"{self.name}-{len(self._threads)}", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no more threads to be had, or the interpreter ends: those there are do the work
            if not self._threads:
                self._gate.leave()
                raise
            return
        self._threads.append(thread)

    def _work(self) -> None:
        """A thread's life. It keeps no reference to a finished call while it waits for the next: buffers are large."""
        while (call := self._queue.get()) is not None:
            outcome: Any = None
            error: BaseException | None = None
            try:
                outcome = call.function(*call.args)
            except BaseException as raised:
                error = raised
            try:
                call.loop.call_soon_threadsafe(self._settle, call, outcome, error)
            except RuntimeError:  # the loop was closed early: nobody will ever ask
                _dispose(call, outcome, error)
            del call, outcome, error

    def _settle(self, call: _Call, outcome: Any, error: BaseException | None) -> None:
        """Back on the loop: the outcome reaches whoever waits."""
        self._gate.leave()
        if call.future.cancelled():
            _dispose(call, outcome, error)
        elif error is not None:
            call.future.set_exception(error)
        else:
            call.future.set_result(outcome)


def _dispose(call: _Call, outcome: Any, error: BaseException | None) -> None:
    if error is None and call.dispose is not None:
        call.dispose(outcome)


async def _wait_out(future: asyncio.Future[Any]) -> None:
    """Until `future` is done, however often this task is cancelled meanwhile."""
    while not future.done():
        try:
            await asyncio.wait((future,))
        except asyncio.CancelledError:
            continue
    if not future.cancelled():
        future.exception()  # taken note of: the caller gets the cancellation instead
