"""The door: takes new connections from the listening sockets, or leaves them waiting there with the reason in the log.

The event loop's own server accepts whatever comes, and resets without a word those for whom there is no descriptor.
This one accepts by hand. While there is a reason against it on a listener (`admission.py`), while descriptors run short, or
after `accept` has failed, nobody is accepted: newcomers wait in the sockets' backlog, as with Apache Kafka, and are let in
when somebody leaves (`look_again`) or at the next look, every quarter of a second. A rate says when the next may come.

A pause is a warning in the log, once in `WARN_SECONDS` for its reason however often it happens, and a count under that.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from odradek.aio.forks import keep_from_children
from odradek.base.logging import get_logger
from odradek.broker.admission import LOOK_AGAIN_SECONDS, Refusal
from odradek.broker.descriptors import HOW_TO_RAISE, descriptor_limit, leaves_too_few

if TYPE_CHECKING:
    from odradek.base.metrics import Counter, Family

BATCH: Final = 64  # connections accepted in one turn of the loop: a storm must not hold up the others
WARN_SECONDS: Final = 10.0
_NO_ROOM: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_RATE: Final = "rate"
_logger = get_logger("broker")


class _Door:
    """One listening socket of a listener; `pause` is why it is closed for now, with `timer` running."""

    __slots__ = ("listener", "opening", "pause", "protocol", "socket", "timer")

    def __init__(self, listening: socket.socket, listener: str, protocol: Callable[[], asyncio.BaseProtocol]) -> None:
        self.socket = listening
        self.listener = listener
        self.protocol = protocol
        self.opening = 0  # accepted here, and not yet handed to their protocol
        self.pause = ""
        self.timer: asyncio.TimerHandle | None = None


class Acceptor:
    """All listening sockets of one server. Lifecycle: `listen` for each, `close` once. Belongs to its loop.

    `refusal(listener)`: what is against one more there, or None. `accepted(listener)`: one more was. `count()`: connections
    that there are.
    """

    def __init__(
        self, refusal: Callable[[str], Refusal | None], accepted: Callable[[str], None], count: Callable[[], int],
        pauses: Family[Counter],
    ) -> None:  # fmt: skip
        self._loop = asyncio.get_running_loop()
        self._refusal = refusal
        self._accepted = accepted
        self._count = count
        self._pauses = pauses
        self._doors: list[_Door] = []
        self._opening: set[asyncio.Task[object]] = set()
        self._warned_at: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}  # pauses since the last warning
        self._closed = False

    def opening_count(self, listener: str | None = None) -> int:
        """Accepted, on one listener or on all, and not yet handed to their protocol."""
        return sum(door.opening for door in self._doors if listener in (None, door.listener))

    def listen(self, listening: socket.socket, listener: str, protocol: Callable[[], asyncio.BaseProtocol]) -> None:
        """Accept from a socket (bound, listening, not blocking; it is closed with the acceptor)."""
        door = _Door(listening, listener, protocol)
        self._doors.append(door)
        keep_from_children(listening.fileno())
        self._loop.add_reader(listening, self._ready, door)

    def close(self) -> None:
        """Stop listening; who waits in the backlog is reset."""
        self._closed = True
        for door in self._doors:
            if door.timer is not None:
                door.timer.cancel()
                door.timer = None
            self._loop.remove_reader(door.socket)
            with contextlib.suppress(OSError):  # not everywhere is this possible, and it is a precaution (aio/forks.py)
                door.socket.shutdown(socket.SHUT_RDWR)
            door.socket.close()
        self._doors.clear()

    def look_again(self) -> None:
        """A connection has gone, or a limit has changed: whoever waits may be let in. Nobody comes sooner by a rate for it."""
        for door in self._doors:
            if door.timer is not None and door.pause != _RATE:
                door.timer.cancel()
                door.timer = self._loop.call_later(0, self._resume, door)

    def _ready(self, door: _Door) -> None:
        for number in range(BATCH):
            if door.timer is not None or self._closed:
                return
            refusal = self._refusal(door.listener)
            if refusal is not None:
                if not number:  # else nobody may be waiting; if somebody is, the loop comes here again
                    self._pause((door,), refusal)
                return
            try:
                accepted, _ = door.socket.accept()
            except (BlockingIOError, InterruptedError):
                return
            except ConnectionError:  # it has gone while it waited
                continue
            except OSError as error:
                self._failed(error)
                return
            self._accepted(door.listener)
            self._open(accepted, door)

    def _open(self, accepted: socket.socket, door: _Door) -> None:
        number = accepted.fileno()
        keep_from_children(number)
        accepted.setblocking(False)
        task: asyncio.Task[object] = self._loop.create_task(self._loop.connect_accepted_socket(door.protocol, accepted))
        self._opening.add(task)
        door.opening += 1
        task.add_done_callback(lambda done: self._opened(done, accepted, door))
        if self._is_short_after(number):
            used = f"{number + 1} of {descriptor_limit()} file descriptors are in use"
            self._pause(self._doors, _no_descriptors(f"{used}, the rest is left to files"))

    def _is_short_after(self, number: int) -> bool:
        return leaves_too_few(number, self._count() + self.opening_count(), descriptor_limit())

    def _opened(self, task: asyncio.Task[object], accepted: socket.socket, door: _Door) -> None:
        self._opening.discard(task)
        door.opening -= 1
        error = None if task.cancelled() else task.exception()
        if isinstance(error, OSError):
            _logger.debug("connection ended while it was opened", reason=str(error))
        elif error is not None:
            _logger.exception("connection could not be opened", error=error, listener=door.listener)
        if error is not None:
            accepted.close()
        self.look_again()

    def _failed(self, error: OSError) -> None:
        if error.errno in _NO_ROOM:
            refusal = _no_descriptors(f"{error.strerror}: {descriptor_limit()} file descriptors are allowed")
        else:
            refusal = Refusal("error", f"accept failed: {error}", "")
        self._pause(self._doors, refusal)

    def _pause(self, doors: Iterable[_Door], refusal: Refusal) -> None:
        for door in doors:
            if door.timer is None:
                self._loop.remove_reader(door.socket)
                door.timer = self._loop.call_later(refusal.seconds, self._resume, door)
                door.pause = refusal.kind
        self._pauses.labels(refusal.kind).value += 1
        self._warn(refusal)

    def _warn(self, refusal: Refusal) -> None:
        now, times = self._loop.time(), self._unsaid.get(refusal.knob, 0) + 1
        self._unsaid[refusal.knob] = times
        if now - self._warned_at.get(refusal.knob, -WARN_SECONDS) < WARN_SECONDS:
            return
        _logger.warning(
            "new connections have to wait", reason=refusal.reason, knob=refusal.knob, connections=self._count(), times=times
        )
        self._warned_at[refusal.knob], self._unsaid[refusal.knob] = now, 0

    def _resume(self, door: _Door) -> None:
        door.timer = None
        if self._closed:
            return
        if self._is_short_now(door):
            door.timer = self._loop.call_later(LOOK_AGAIN_SECONDS, self._resume, door)
            return
        self._loop.add_reader(door.socket, self._ready, door)

    def _is_short_now(self, door: _Door) -> bool:
        """As after an accept, but without one: a duplicate shows which descriptor would be next."""
        try:
            number = os.dup(door.socket.fileno())
        except OSError:
            return True
        os.close(number)
        return self._is_short_after(number)


def _no_descriptors(reason: str) -> Refusal:
    return Refusal("descriptors", reason, f"RLIMIT_NOFILE ({HOW_TO_RAISE})")
