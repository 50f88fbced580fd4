"""One shard of a mesh, and how it talks to the others.

::

    shard.serve("echo", echo)                       # a function or coroutine function of plain arguments
    answer = await shard.call(2, "echo", b"hello")  # on shard 2; its failure is raised here, our cancellation reaches it
    await shard.send(2, "note", b"hello")           # one way: no answer; waits only while too many are queued

Lifecycle: made by a placement (`inline.py`), services registered, started in its loop, closed. Everything here belongs
to that loop. A call to the shard itself follows the same rules, but nothing is copied and places are not counted.

Messages leave when the turn of the loop ends, or when the shard has handled what came in, whichever is first: those of
one turn make one record. So arguments must not be changed until the turn ends. A handler that is a plain function is run
while the record is read, and its answer goes out with the others': no task is made.

Payloads (large bytes) travel through the arena: `payload=` copies them there, or fill a block of `arena.allocate`
oneself and pass that. A handler gets the payload as its last argument, a `Lease`, which ends with the handler; an
answer with one arrives as a `Reply`, whose lease the caller releases.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, Final

from odradek.base.logging import get_logger
from odradek.smp import groups
from odradek.smp.arena import Arena, ArenaStatistics, Block
from odradek.smp.errors import QueueFullError, RingCorruptError, ShardDiedError, SmpError
from odradek.smp.groups import DEFAULT_GROUP, ServiceGroup
from odradek.smp.messages import ANSWER, CANCEL, FAILURE, FRAGMENT, GOODBYE, RELEASE, Message, Payload, decode
from odradek.smp.payload import Buffer, Reply, carry, discard, posted, stay
from odradek.smp.peer import Ends, Peer, PeerStatistics
from odradek.smp.serving import Here, Nobody, Server, Service
from odradek.sync import Semaphore

_log = get_logger("smp")

QUEUE_MAX: Final = 8192
"""One-way messages to one shard that may wait for room in its ring."""

_RECORDS_PER_TURN: Final = 16
"""Records taken from one peer before the next has its turn."""

_RETRIES_AT_ONCE: Final = 50
_RETRY_S: Final = 0.001


@dataclass(frozen=True, slots=True)
class ShardStatistics:
    """A view of one shard's messages."""

    shard: int
    tasks: int  # handlers that run
    peers: tuple[PeerStatistics, ...]
    arena: ArenaStatistics


class Shard:
    """This shard's view of the mesh."""

    __slots__ = (
        "_closed", "_context", "_dirty", "_flush_due", "_loop", "_next_call", "_nobody", "_retries", "_retry_due",
        "_server", "arena", "count", "id", "peers", "queue_max",
    )  # fmt: skip

    def __init__(self, identity: int, arena: Arena, ends: Mapping[int, Ends], *, queue_max: int = QUEUE_MAX) -> None:
        """To be made in the loop that it will live in; `ends` connect it to each other shard."""
        self.id = identity
        self.count = len(ends) + 1
        self.arena = arena
        self.queue_max = queue_max
        self.peers = {other: Peer(other, ends[other], queue_max, self._has_mail) for other in ends}
        self._loop = asyncio.get_running_loop()
        self._context = copy_context()
        self._server = Server(identity)
        self._nobody = Nobody(identity)
        self._dirty: list[Peer] = []
        self._flush_due: asyncio.Handle | None = None
        self._retry_due: asyncio.Handle | None = None
        self._retries = 0
        self._next_call = 0
        self._closed: ShardDiedError | None = None

    # What a program uses.

    def serve(self, name: str, handler: Callable[..., Any], group: ServiceGroup = DEFAULT_GROUP) -> None:
        """Answer calls of `name` with `handler(*arguments)`; every shard of a mesh registers the same names."""
        self._server.register(Service(name, handler, group))

    async def call(self, target: int, service: str, *args: Any, payload: Buffer | Block | None = None) -> Any:
        """What the handler of `service` on shard `target` returns for `args`: a value, or a `Reply` when there is a payload.

        Raises `RemoteError` when the handler raised, `ShardDiedError` when the shard is gone, `UnknownServiceError`,
        `ServiceOrderError`, `NotPlainError`, `MessageTooLargeError`. Waits for room in the arena, and then for a place
        in the service's group. A block that is passed is used up, whatever comes of it.
        """
        try:
            entry = self._server.service(service)
            groups.check_order(entry.group, service)
            if target == self.id:
                return await self._call_here(service, args, payload)
            peer = self._peer(target)
            carried = None if payload is None else await carry(self.arena, payload)
        except BaseException:
            discard(payload)
            raise
        if carried is not None:
            return await self._call_carrying(carried, target, entry, args)
        places = peer.places(entry.group)
        if not places.try_acquire():
            await places.acquire()
        return await self._ask(peer, places, service, args, None)

    submit_to = call

    async def send(self, target: int, service: str, *args: Any) -> None:
        """One way: no answer, failures are the other shard's to log. Waits while `queue_max` messages wait for room.

        A service that is meant for this is best a plain function: tasks that nobody waits for are counted in
        `statistics()`, and not bounded.
        """
        if target != self.id:
            await self._peer(target).queue.acquire()
        self._note(target, service, args)

    def send_now(self, target: int, service: str, *args: Any) -> None:
        """As `send`, from a plain function. Raises `QueueFullError` where that would wait."""
        if target != self.id:
            queue = self._peer(target).queue
            if not queue.try_acquire():
                view = queue.statistics()
                raise QueueFullError(
                    f"{view.units - view.available} one-way messages wait for shard {target}, and {view.waiting} senders; "
                    f"its queue takes {self.queue_max} (queue_max)"
                )
        self._note(target, service, args)

    def lose(self, target: int, error: SmpError) -> None:
        """Another shard is gone: what was asked of it fails with `error`, what it asked is given up."""
        self.peers[target].lose(error)

    def statistics(self) -> ShardStatistics:
        peers = tuple(peer.statistics() for peer in self.peers.values())
        return ShardStatistics(self.id, len(self._server.tasks), peers, self.arena.statistics())

    async def close(self) -> None:
        """Cancel what is served, say goodbye, and fail what is waited for.

        Waits for handlers that don't end when they are cancelled. May be repeated.
        """
        if self._closed is not None:
            return
        self._closed = ShardDiedError(self.id, "is closed")
        await self._server.close()
        for peer in self.peers.values():
            peer.post((GOODBYE, 0, None, None))
        for _ in range(_RETRIES_AT_ONCE):  # a peer that does not read gets no answer, and no goodbye
            self.flush()
            if not self._dirty:
                break
            await asyncio.sleep(0)
        self._cancel_flush()
        for peer in self.peers.values():
            peer.lose(ShardDiedError(peer.shard, "can't be reached any more: this shard is closed"))
        self.arena.close(self._closed)

    # Going out.

    def _peer(self, target: int) -> Peer:
        peer = self.peers.get(target)
        if peer is None:
            raise ValueError(f"no shard {target}: there are {self.count}, from 0")
        if peer.gone is not None:
            raise peer.gone.with_traceback(None)  # else each raise makes its traceback longer
        return peer

    def _note(self, target: int, service: str, args: tuple[Any, ...]) -> None:
        """Post a one-way message; there is room for it."""
        if target == self.id:
            self._loop.call_soon(self._server.begin, self._nobody, service, 0, args, None, context=self._context)
            return
        peer = self._peer(target)
        peer.notes += 1
        peer.post((service, 0, args, None))

    async def _call_carrying(self, carried: Block | bytes, target: int, entry: Service, args: tuple[Any, ...]) -> Any:
        """A block that waits for its place comes back if it does not get there."""
        try:
            peer = self._peer(target)  # it may have died while we waited for the arena
            places = peer.places(entry.group)
            await places.acquire()
        except BaseException:
            discard(carried)
            raise
        try:
            payload = posted(carried)
        except BaseException:  # a block that somebody sends twice
            places.release()
            raise
        return await self._ask(peer, places, entry.name, args, payload)

    async def _ask(self, peer: Peer, places: Semaphore, service: str, args: tuple[Any, ...], payload: Payload) -> Any:
        self._next_call = number = self._next_call + 1
        future: asyncio.Future[Any] = self._loop.create_future()
        peer.calls[number] = service, future, places
        peer.post((service, number, args, payload))
        try:
            return await future
        except asyncio.CancelledError:
            if number in peer.calls:
                peer.post((CANCEL, number, None, None))
            _forget(future)
            raise

    async def _call_here(self, service: str, args: tuple[Any, ...], payload: Buffer | Block | None) -> Any:
        """The same rules without the journey."""
        if self._closed is not None:
            raise self._closed.with_traceback(None)
        future: asyncio.Future[Any] = self._loop.create_future()
        here = Here(self.id, self.arena, self._drop, future)
        lease = None if payload is None else stay(self.arena, payload, self._drop)
        self._server.begin(here, service, 0, args, lease)
        try:
            return await future
        except asyncio.CancelledError:
            if here.task is not None:
                here.task.cancel()
            _forget(future)
            raise

    def _has_mail(self, peer: Peer) -> None:
        if peer not in self._dirty:
            self._dirty.append(peer)
        if self._flush_due is None:
            self._flush_due = self._loop.call_soon(self.flush, context=self._context)

    def flush(self) -> None:
        """Everything that waits goes into the rings; what finds no room is tried again soon."""
        self._cancel_flush()
        dirty, self._dirty = self._dirty, []
        for peer in dirty:
            if peer.gone is None and not peer.flush():
                self._dirty.append(peer)
        if not self._dirty:
            self._retries = 0
        elif self._retries < _RETRIES_AT_ONCE:
            self._retries += 1
            self._flush_due = self._loop.call_soon(self.flush, context=self._context)
        else:  # the reader is busy or stopped: don't burn this core over it
            self._retry_due = self._loop.call_later(_RETRY_S, self.flush, context=self._context)

    def _cancel_flush(self) -> None:
        for due in (self._flush_due, self._retry_due):
            if due is not None:
                due.cancel()
        self._flush_due = self._retry_due = None

    # Coming in.

    def poll(self) -> bool:
        """Handle what has come in, then send what that caused. Says whether anything had come."""
        found = False
        for peer in self.peers.values():
            if peer.gone is None and self._read(peer):
                found = True
        if found and self._dirty:
            self.flush()
        return found

    def waiting(self) -> bool:
        """Whether anything has come in."""
        for peer in self.peers.values():  # noqa: SIM110 (twice as fast as `any`, and done before each sleep)
            if peer.gone is None and peer.reader.waiting:
                return True
        return False

    def _read(self, peer: Peer) -> bool:
        """Some records of one peer. One that breaks the rules is lost: nothing that it sends can be trusted."""
        reader = peer.reader
        try:
            for count in range(_RECORDS_PER_TURN):
                record = reader.read()
                if record is None or peer.gone is not None:
                    return count > 0
                messages = decode(record)
                reader.advance()
                for message in messages:
                    self._take(peer, message)
        except Exception as error:
            _log.exception("a shard is given up: what it sends makes no sense", error, shard=peer.shard)
            peer.lose(error if isinstance(error, SmpError) else RingCorruptError(f"from shard {peer.shard}: {error}"))
        return True

    def _take(self, peer: Peer, message: Message) -> None:
        kind, number, value, payload = message
        if isinstance(kind, str):
            peer.received += 1
            lease = None if payload is None else peer.payload(payload, self._drop)
            self._server.begin(peer if number else self._nobody, kind, number, value, lease)
        elif kind == ANSWER:
            peer.received += 1
            peer.answer_call(number, value if payload is None else Reply(value, peer.payload(payload, self._drop)))
        elif kind == FAILURE:
            peer.received += 1
            peer.fail_call(number, value)
        elif kind == CANCEL:
            task = peer.serving.get(number)
            if task is not None:
                task.cancel()
        elif kind == RELEASE:
            peer.take_home(number)
        elif kind == FRAGMENT:
            record = peer.gather(value, last=bool(number))
            for whole in decode(record) if record is not None else ():
                self._take(peer, whole)
        elif kind == GOODBYE:
            peer.lose(ShardDiedError(peer.shard, "has closed"))
        else:
            raise RingCorruptError(f"shard {peer.shard} sends a message of the unknown kind {kind!r}")

    def _drop(self, release: Callable[[], None]) -> None:
        """A lease was forgotten. (We may be anywhere, in any thread: the garbage collector has found it.)"""
        self.arena.dropped += 1
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(release)


def _forget(future: asyncio.Future[Any]) -> None:
    """An answer that came in the moment of the cancellation: nobody will release its payload."""
    if future.done() and not future.cancelled() and future.exception() is None and isinstance(future.result(), Reply):
        discard(future.result().payload)
