"""Requests on their way to the kernel and back: gathered, submitted together, completed through an eventfd.

A request stands in one of `depth` slots from the moment it is made until the kernel has ended it. Those made in one turn of
the loop go down in one `io_submit`, at the turn's end, or when a handful has gathered (the disk should be at work while the
turn makes the rest). The kernel counts completions in an eventfd; when it becomes readable, `io_getevents` fetches all that
ended, and their futures are settled.

Rules:
* **A buffer is the kernel's until its request has ended.** The slot holds a reference to it; a cancelled caller is told so
  only then; and a queue that is dropped or whose loop was closed early destroys its context (which waits) before any buffer.
* **Capacity is waited for in order**, at a `Semaphore` as deep as the queue: `submit` never overtakes who waits.
* **One bad request fails alone.** `io_submit` stops at the first one that it refuses: that one gets the error.
* **EAGAIN is no error of a request.** What the kernel takes no more of stays in order and is offered again when something
  has ended, or a moment later if nothing is under way.

A queue belongs to one loop. It knows neither files nor alignment: a short read is told as it is.
"""

from __future__ import annotations

import asyncio
import errno
import os
from dataclasses import dataclass
from typing import Final

from odradek.aio.errors import GateClosedError
from odradek.aio.forks import keep_from_children
from odradek.aio.linux.abi import Context, Opcode
from odradek.sync import Semaphore

GATHERED_MAX: Final = 4
"""Requests that go down together. Fewer cost more system calls; with more the disk stands idle while a turn makes them: of
4 KiB random reads at depth 32, 2 to 4 at a time reached 0.8 of fio's rate here, 32 at a time 0.55."""

_RETRY_SECONDS = 0.001
"""After which the kernel is offered again what it refused with EAGAIN while nothing of ours was under way."""


@dataclass(frozen=True, slots=True)
class KernelQueueStatistics:
    """`submits` and `reaps` count system calls: requests per call is what gathering saves."""

    depth: int
    in_flight: int  # given to the kernel, and not ended
    gathered: int  # in slots, and not given yet
    waiting: int  # for a slot
    requests: int
    submits: int
    reaps: int
    refused_for_now: int  # EAGAIN


class KernelQueue:
    """A submission queue of `depth` slots. Made in a running loop, closed there."""

    __slots__ = (
        *("_buffers", "_context", "_emptied", "_ended", "_eventfd", "_flush_asked", "_free", "_futures", "_gathered"),
        *("_in_flight", "_loop", "_process", "_slots", "depth", "reaps", "refused_for_now", "requests", "submits"),
    )

    def __init__(self, depth: int) -> None:
        """Raises what `Context` raises."""
        self._loop = asyncio.get_running_loop()
        self._context = Context(depth)
        try:
            self._eventfd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        except OSError:
            self._context.destroy()
            raise
        keep_from_children(self._eventfd)
        self._loop.add_reader(self._eventfd, self._completed)
        self.depth = depth
        self._slots = Semaphore("slots of the kernel's queue", depth)
        self._free = list(range(depth))
        self._futures: list[asyncio.Future[int] | None] = [None] * depth
        self._buffers: list[object] = [None] * depth
        self._ended: dict[int, asyncio.Future[None]] = {}  # by slot: who was cancelled, and waits for the kernel
        self._gathered: list[int] = []
        self._flush_asked = False
        self._in_flight = 0
        self._emptied: asyncio.Future[None] | None = None
        self._process = os.getpid()
        self.requests = self.submits = self.reaps = self.refused_for_now = 0

    async def run(self, opcode: Opcode, fd: int, address: int, size: int, position: int, buffer: object, flags: int = 0) -> int:
        """One request, from waiting for a slot to its result: the count of bytes. Raises OSError.

        `address` and `size` are memory that `buffer` keeps alive; `flags` are RWF_* of preadv2(2). A cancellation is raised
        when the kernel has let go of the buffer. Raises `GateClosedError` after `close()`.
        """
        if not self._slots.try_acquire():
            await self._slots.acquire()
        slot = self._free.pop()
        self._context.put(slot, opcode, fd, address, size, position, flags, self._eventfd)
        future: asyncio.Future[int] = self._loop.create_future()
        self._futures[slot] = future
        self._buffers[slot] = buffer
        self._gather(slot)
        try:
            return await future
        except asyncio.CancelledError:
            if self._futures[slot] is future:
                await self._until_ended(slot)
            raise

    def _gather(self, slot: int) -> None:
        self.requests += 1
        self._gathered.append(slot)
        if len(self._gathered) >= GATHERED_MAX or not self._free:
            self._flush()
        elif not self._flush_asked:
            self._flush_asked = True
            self._loop.call_soon(self._flush)

    async def _until_ended(self, slot: int) -> None:
        """The kernel has ended the request in `slot`, however often the caller is cancelled meanwhile."""
        ended = self._ended[slot] = self._loop.create_future()
        while not ended.done():
            try:
                await asyncio.wait((ended,))
            except asyncio.CancelledError:
                continue

    def _flush(self) -> None:
        """Give the kernel what has gathered."""
        self._flush_asked = False
        while self._gathered:
            self.submits += 1
            try:
                given = self._context.submit(self._gathered)
            except OSError as error:
                if error.errno == errno.EINTR:
                    continue
                if error.errno == errno.EAGAIN:
                    self._offer_later()
                    return
                self._end(self._gathered.pop(0), -(error.errno or errno.EIO))
                continue
            self._in_flight += given
            del self._gathered[:given]

    def _offer_later(self) -> None:
        self.refused_for_now += 1
        if not self._in_flight and not self._flush_asked:
            self._flush_asked = True
            self._loop.call_later(_RETRY_SECONDS, self._flush)

    def _completed(self) -> None:
        """The eventfd is readable: settle what the kernel has ended."""
        try:
            os.eventfd_read(self._eventfd)
        except BlockingIOError:  # counted already
            return
        self.reaps += 1
        ended = 0
        for slot, _, result, _ in self._context.reap():
            ended += 1
            self._end(slot, result)
        self._in_flight -= ended
        if self._gathered and not self._flush_asked:
            self._flush()
        if self._emptied is not None and len(self._free) == self.depth and not self._emptied.done():
            self._emptied.set_result(None)

    def _end(self, slot: int, result: int) -> None:
        future, self._futures[slot], self._buffers[slot] = self._futures[slot], None, None
        if future is not None and not future.done():
            if result >= 0:
                future.set_result(result)
            else:
                future.set_exception(OSError(-result, os.strerror(-result)))
        if self._ended and (waiter := self._ended.pop(slot, None)) is not None:
            waiter.set_result(None)
        self._free.append(slot)
        self._slots.release()

    async def close(self) -> None:
        """Take no more requests, wait for those under way, give context and eventfd back. May be repeated.

        Who waits for a slot gets `GateClosedError`.
        """
        self._slots.break_waiters(GateClosedError(f"the kernel's queue is closed ({self._in_flight} requests under way)"))
        while len(self._free) < self.depth:
            if self._emptied is None:
                self._emptied = self._loop.create_future()
            await asyncio.shield(self._emptied)
        if self._eventfd >= 0:
            self._loop.remove_reader(self._eventfd)
            self._let_go()

    def _let_go(self) -> None:
        """Waits for the kernel, on the loop if need be: after `close()` there is nothing left to wait for."""
        eventfd, self._eventfd = self._eventfd, -1
        self._context.destroy()
        os.close(eventfd)

    def __del__(self) -> None:
        # Its loop was closed early: no completion will be seen, and the buffers must outlive the requests. A child that was
        # forked has only a copy of this object: the context is its parent's, and there it stays.
        if getattr(self, "_eventfd", -1) >= 0 and os.getpid() == self._process:
            self._let_go()

    def statistics(self) -> KernelQueueStatistics:
        return KernelQueueStatistics(
            depth=self.depth,
            in_flight=self._in_flight,
            gathered=len(self._gathered),
            waiting=self._slots.waiting,
            requests=self.requests,
            submits=self.submits,
            reaps=self.reaps,
            refused_for_now=self.refused_for_now,
        )
