"""The door: takes new connections from the listening sockets, or leaves them waiting there with the reason in the log.

The event loop's own server accepts whatever comes, and resets without a word those for whom there is no descriptor.
This one accepts by hand. While `refusal` names a reason (`max.connections`), while descriptors run short, or after
`accept` has failed, nobody is accepted: newcomers wait in the sockets' backlog, as with Apache Kafka, and are let in
when somebody leaves (`look_again`) or at the next look, every quarter of a second.

A pause is a warning in the log, once in `WARN_SECONDS` however often it happens, and a count under its reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from odradek.aio.forks import keep_from_children
from odradek.base.logging import get_logger
from odradek.broker.descriptors import HOW_TO_RAISE, descriptor_limit, leaves_too_few

if TYPE_CHECKING:
    from odradek.base.metrics import Counter, Family

BATCH: Final = 64  # connections accepted in one turn of the loop: a storm must not hold up the others
RETRY_SECONDS: Final = 0.25
WARN_SECONDS: Final = 10.0
_NO_ROOM: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_logger = get_logger("broker")


class Acceptor:
    """All listening sockets of one server. Lifecycle: `listen` for each, `close` once. Belongs to its loop.

    `refusal()`: why nobody is let in now, or "". `count()`: connections there are.
    """

    def __init__(self, refusal: Callable[[], str], count: Callable[[], int], pauses: Family[Counter]) -> None:
        self._loop = asyncio.get_running_loop()
        self._refusal = refusal
        self._count = count
        self._pauses = pauses
        self._doors: dict[socket.socket, Callable[[], asyncio.BaseProtocol]] = {}
        self._opening: set[asyncio.Task[object]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._warned_at = -WARN_SECONDS
        self._unsaid = 0  # pauses since the last warning
        self._closed = False

    @property
    def opening_count(self) -> int:
        """Accepted, and not yet handed to their protocol."""
        return len(self._opening)

    @property
    def is_paused(self) -> bool:
        return self._timer is not None

    def listen(self, door: socket.socket, protocol: Callable[[], asyncio.BaseProtocol]) -> None:
        """Accept from `door` (bound, listening, not blocking; it is closed with the acceptor)."""
        self._doors[door] = protocol
        keep_from_children(door.fileno())
        self._loop.add_reader(door, self._ready, door)

    def close(self) -> None:
        """Stop listening; who waits in the backlog is reset."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for door in self._doors:
            self._loop.remove_reader(door)
            with contextlib.suppress(OSError):  # not everywhere is this possible, and it is a precaution (aio/forks.py)
                door.shutdown(socket.SHUT_RDWR)
            door.close()
        self._doors.clear()

    def look_again(self) -> None:
        """A connection has gone, or a limit has changed: whoever waits may be let in."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self._loop.call_later(0, self._resume)

    def _ready(self, door: socket.socket) -> None:
        for _ in range(BATCH):
            if self._timer is not None or self._closed:
                return
            reason = self._refusal()
            if reason:
                self._pause("limit", reason)
                return
            try:
                accepted, _ = door.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionError:  # it has gone while it waited
                continue
            except OSError as error:
                self._failed(error)
                return
            self._open(accepted, self._doors[door])

    def _open(self, accepted: socket.socket, protocol: Callable[[], asyncio.BaseProtocol]) -> None:
        number = accepted.fileno()
        keep_from_children(number)
        accepted.setblocking(False)
        task: asyncio.Task[object] = self._loop.create_task(self._loop.connect_accepted_socket(protocol, accepted))
        self._opening.add(task)
        task.add_done_callback(lambda done: self._opened(done, accepted))
        if self._is_short_after(number):
            used = f"{number + 1} of {descriptor_limit()} file descriptors are in use"
            self._pause("descriptors", f"{used}, the rest is left to files")

    def _is_short_after(self, number: int) -> bool:
        return leaves_too_few(number, self._count() + len(self._opening), descriptor_limit())

    def _opened(self, task: asyncio.Task[object], accepted: socket.socket) -> None:
        self._opening.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _logger.debug("connection ended while it was opened", reason=str(task.exception()))
            accepted.close()
        self.look_again()

    def _failed(self, error: OSError) -> None:
        if error.errno in _NO_ROOM:
            self._pause("descriptors", f"{error.strerror}: {descriptor_limit()} file descriptors are allowed")
        else:
            self._pause("error", f"accept failed: {error}")

    def _pause(self, kind: str, reason: str) -> None:
        for door in self._doors:
            self._loop.remove_reader(door)
        self._timer = self._loop.call_later(RETRY_SECONDS, self._resume)
        self._pauses.labels(kind).value += 1
        self._unsaid += 1
        now = self._loop.time()
        if now - self._warned_at < WARN_SECONDS:
            return
        knob = {"descriptors": f"RLIMIT_NOFILE ({HOW_TO_RAISE})"}.get(kind, "max.connections" if kind == "limit" else "")
        _logger.warning("new connections have to wait", reason=reason, knob=knob, connections=self._count(), times=self._unsaid)
        self._warned_at, self._unsaid = now, 0

    def _resume(self) -> None:
        self._timer = None
        if self._closed:
            return
        if self._is_short_now():
            self._timer = self._loop.call_later(RETRY_SECONDS, self._resume)
            return
        for door in self._doors:
            self._loop.add_reader(door, self._ready, door)

    def _is_short_now(self) -> bool:
        """As after an accept, but without one: a duplicate shows which descriptor would be next."""
        try:
            number = os.dup(next(iter(self._doors)).fileno())
        except OSError:
            return True
        os.close(number)
        return self._is_short_after(number)
