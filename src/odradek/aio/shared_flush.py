"""One fdatasync for all who wait: the group commit of a file.

An fdatasync takes hundreds of microseconds however little it has to write, so the number of them decides how many durable
appends a second brings. The rules, for one file:

* one fdatasync runs at a time; it begins at the end of the loop's turn in which it was asked for, so that all requests of one
  turn share it;
* whoever asks before it has begun shares it: the bytes were in the page cache before, so it covers them. "Begun" is a flag that
  the thread sets immediately before the system call;
* whoever asks while it runs shares the next one, which begins when this one has ended;
* a failed one is final (see `FlushFailedError`): those who share it, those who wait for the next, and all who ask later fail.

A waiter that is cancelled leaves; the fdatasync and the others don't notice.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable

from odradek.aio.errors import FlushFailedError
from odradek.aio.gate import Gate


class _Round:
    """One fdatasync and those who wait for it."""

    __slots__ = ("begun", "future")

    def __init__(self, future: asyncio.Future[None]) -> None:
        self.future = future
        self.begun = False

    def begin(self) -> None:
        """Called by the thread, right before the system call: from here on nobody may join."""
        self.begun = True


class SharedFlush:
    """The flushes of one file. `sync(begin)` starts one fdatasync, which calls `begin` just before it starts.

    Each round holds `gate`, so that the file's descriptor outlives it even when every waiter was cancelled.
    """

    __slots__ = ("_gate", "_next", "_path", "_running", "_sync", "asked", "done", "failure")

    def __init__(self, path: str, gate: Gate, sync: Callable[[Callable[[], None]], asyncio.Future[None]]) -> None:
        self._path = path
        self._gate = gate
        self._sync = sync
        self._running: _Round | None = None
        self._next: _Round | None = None
        self.failure: OSError | None = None
        self.asked = 0
        self.done = 0

    async def wait(self) -> None:
        """Return when an fdatasync that began after this call has ended; raises `FlushFailedError`."""
        if self.failure is not None:
            raise FlushFailedError(self._path, self.failure)
        self.asked += 1
        # Shielded: the future is shared, so cancelling one waiter must not cancel it.
        await asyncio.shield(self._joinable().future)

    def _joinable(self) -> _Round:
        running = self._running
        if running is not None and not running.begun:
            return running
        if self._next is None:
            self._gate.enter()
            loop = asyncio.get_running_loop()
            self._next = _Round(loop.create_future())
            if running is None:
                loop.call_soon(self._start)
        return self._next

    def _start(self) -> None:
        starting, self._running, self._next = self._next, self._next, None
        if starting is None:
            return
        try:
            self._sync(starting.begin).add_done_callback(self._finished)
        except Exception as error:  # nothing was started: those who wait must hear of it
            self._conclude(error)

    def _finished(self, synced: asyncio.Future[None]) -> None:
        if synced.cancelled():
            self._conclude(OSError(errno.ECANCELED, "the loop was closed while it ran"))
        else:
            self._conclude(synced.exception())

    def _conclude(self, error: BaseException | None) -> None:
        ended, self._running = self._running, None
        self.done += 1
        if error is not None:
            self.failure = error if isinstance(error, OSError) else OSError(errno.EIO, str(error))
            self._settle(self._next)
            self._next = None
        self._settle(ended)
        if self._next is not None:
            self._start()

    def _settle(self, ended: _Round | None) -> None:
        if ended is None:
            return
        self._gate.leave()
        if ended.future.done():  # cancelled with its loop
            return
        if self.failure is None:
            ended.future.set_result(None)
        else:
            ended.future.set_exception(FlushFailedError(self._path, self.failure))
            ended.future.exception()  # taken note of: there may be no waiter left
