"""One shard of a mesh, and how it talks to the others.

    shard.serve("echo", echo)                        # a function or coroutine function of plain arguments answer =
    await shard.call(2, "echo", b"hello")   # on shard 2; its failure is raised here, our cancellation reaches it await
    shard.send(2, "note", b"hello")            # one way: no answer; waits only while too many are queued

Lifecycle: made by a placement (`inline.py`, `threads.py`, `processes.py`), services registered, started in its loop,
closed. Everything here belongs to that loop. A call to the shard itself runs the handler at once, by the same rules.

Messages leave when the turn of the loop ends, or when the shard has handled what came in, whichever is first: those of
one turn make one record. A handler that is a plain function is run while the record is read, and its answer goes out
with the others': no task is made.

Payloads (large bytes) travel through the arena: `payload=` copies them there, or fill a block of `arena.allocate`
oneself and pass that. A handler gets the payload as its last argument, a `Lease`, which ends with the handler; an
answer with one arrives as a `Reply`, whose lease the caller releases.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from odradek.base.logging import get_logger
from odradek.smp import groups
from odradek.smp.arena import Arena, ArenaStatistics, Block, Lease
from odradek.smp.errors import CallCancelledError, QueueFullError, RemoteError, ShardDiedError, UnknownServiceError
from odradek.smp.groups import DEFAULT_GROUP, ServiceGroup
from odradek.smp.messages import ANSWER, CANCEL, FAILURE, RELEASE, Message, Place, decode
from odradek.smp.peer import Peer, PeerStatistics

_log = get_logger("smp")

QUEUE_MAX: Final = 8192
"""One-way messages to one shard that may wait for room in its ring."""

_RECORDS_PER_TURN: Final = 16
"""Records taken from one peer before the next has its turn."""

_RETRIES_AT_ONCE: Final = 50
_RETRY_S: Final = 0.001


Buffer = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class ShardStatistics:
    """A view of one shard's messages."""

    shard: int
    tasks: int  # handlers that run
    peers: tuple[PeerStatistics, ...]
    arena: ArenaStatistics


@dataclass(slots=True)
class Reply:
    """A value with a payload: bytes or a `Block` where a handler returns one, a `Lease` where a caller gets one."""

    value: Any
    payload: Any


@dataclass(frozen=True, slots=True)
class Service:
    """What a shard answers to."""

    name: str
    handler: Callable[..., Any]
    group: ServiceGroup


class Shard:
    """This shard's view of the mesh."""

    __slots__ = (
        "_dirty", "_flush_due", "_loop", "_next_call", "_retries", "_services", "_tasks", "arena", "count", "id",
        "peers", "queue_max",
    )  # fmt: skip

    def __init__(self, identity: int, arena: Arena, peers: dict[int, Peer], *, queue_max: int = QUEUE_MAX) -> None:
        """To be made in the loop that it will live in."""
        self.id = identity
        self.count = len(peers) + 1
        self.arena = arena
        self.peers = peers
        self.queue_max = queue_max
        self._loop = asyncio.get_running_loop()
        self._services: dict[str, Service] = {}
        self._dirty: list[Peer] = []
        self._flush_due = False
        self._retries = 0
        self._next_call = 0
        self._tasks: set[asyncio.Task[None]] = set()

    # What a program uses.

    def serve(self, name: str, handler: Callable[..., Any], group: ServiceGroup = DEFAULT_GROUP) -> None:
        """Answer calls of `name` with `handler(*arguments)`; every shard of a mesh registers the same names."""
        if name in self._services:
            raise ValueError(f"shard {self.id} has a service {name} already")
        self._services[name] = Service(name, handler, group)

    async def call(self, target: int, service: str, *args: Any, payload: Buffer | Block | None = None) -> Any:
        """What the handler of `service` on shard `target` returns for `args`: a value, or a `Reply` when there is a payload.

        Raises `RemoteError` when the handler raised, `ShardDiedError` when the shard is gone, `UnknownServiceError`,
        `ServiceOrderError`, `MessageTooLargeError`. Waits for a place in the service's group, and for room in the
        arena.
        """
        entry = self._service(service)
        groups.check_order(entry.group, service)
        if target == self.id:
            return await self._call_here(entry, args, payload)
        peer = self._peer(target)
        places = peer.places(entry.group)
        if not places.try_acquire():
            await places.acquire()
        try:
            place = None if payload is None else await self._place(payload)
            return await self._await_answer(peer, service, args, place)
        finally:
            if peer.gone is None:
                places.release()

    submit_to = call

    async def send(self, target: int, service: str, *args: Any) -> None:
        """One way: no answer, failures are the other shard's to log. Waits while `queue_max` messages wait for room."""
        peer = self._peer(target) if target != self.id else None
        while peer is not None and peer.waiting >= self.queue_max:
            await peer.drained.wait()
        self.send_now(target, service, *args)

    def send_now(self, target: int, service: str, *args: Any) -> None:
        """As `send`, from a plain function. Raises `QueueFullError` where that would wait."""
        if target == self.id:
            self._loop.call_soon(self._begin, None, (service, 0, args, None))
            return
        peer = self._peer(target)
        if peer.waiting >= self.queue_max:
            raise QueueFullError(
                f"{peer.waiting} messages wait for shard {target}; its queue takes {self.queue_max} (queue_max)"
            )
        self._post(peer, (service, 0, args, None))

    def statistics(self) -> ShardStatistics:
        peers = tuple(peer.statistics() for peer in self.peers.values())
        return ShardStatistics(self.id, len(self._tasks), peers, self.arena.statistics())

    async def close(self) -> None:
        """Cancel what is served and fail what is waited for."""
        for peer in self.peers.values():
            peer.lose(ShardDiedError(peer.shard, "can't be reached any more: this shard is closing"))
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    # Going out.

    def _service(self, name: str) -> Service:
        entry = self._services.get(name)
        if entry is None:
            raise UnknownServiceError(
                f"shard {self.id} knows no service {name}; it has {', '.join(sorted(self._services)) or 'none'}"
            )
        return entry

    def _peer(self, target: int) -> Peer:
        peer = self.peers.get(target)
        if peer is None:
            raise ValueError(f"no shard {target}: there are {self.count}, from 0")
        if peer.gone is not None:
            raise peer.gone
        return peer

    async def _place(self, payload: Buffer | Block) -> Place:
        if isinstance(payload, Block):
            return payload.offset, payload.size
        block = await self.arena.allocate(len(payload))
        block.view[:] = payload
        return block.offset, block.size

    async def _await_answer(self, peer: Peer, service: str, args: tuple[Any, ...], place: Place | None) -> Any:
        if peer.gone is not None:
            raise peer.gone
        self._next_call = call_id = self._next_call + 1
        future: asyncio.Future[Any] = self._loop.create_future()
        peer.calls[call_id] = future
        self._post(peer, (service, call_id, args, place))
        try:
            return await future
        except asyncio.CancelledError:
            if peer.gone is None and not future.done():
                self._post(peer, (CANCEL, call_id, None, None))
            raise
        finally:
            peer.calls.pop(call_id, None)

    async def _call_here(self, entry: Service, args: tuple[Any, ...], payload: Buffer | Block | None) -> Any:
        """The same rules without the journey. (In a task of its own: a handler's group is a matter of its context.)"""
        if payload is not None:
            lease = _own_lease(self.arena, payload)
            args = (*args, lease)
        try:
            result = await self._loop.create_task(_run(entry, args))
        finally:
            if payload is not None:
                lease.release()
        if isinstance(result, Reply) and not isinstance(result.payload, Lease):
            return Reply(result.value, _own_lease(self.arena, result.payload))
        return result

    def _post(self, peer: Peer, message: Message) -> None:
        if not peer.outbox and peer not in self._dirty:
            self._dirty.append(peer)
            if not self._flush_due:
                self._flush_due = True
                self._loop.call_soon(self.flush)
        peer.outbox.append(message)

    def flush(self) -> None:
        """Everything that waits goes into the rings; what finds no room is tried again soon."""
        self._flush_due = False
        dirty, self._dirty = self._dirty, []
        for peer in dirty:
            if peer.gone is None and not peer.flush():
                self._dirty.append(peer)
        if not self._dirty:
            self._retries = 0
        elif not self._flush_due:
            self._flush_due = True
            self._retries += 1
            if self._retries < _RETRIES_AT_ONCE:
                self._loop.call_soon(self.flush)
            else:  # the reader is busy or stopped: don't burn this core over it
                self._loop.call_later(_RETRY_S, self.flush)

    # Coming in.

    def poll(self) -> bool:
        """Handle what has come in, then send what that caused. Says whether anything had come."""
        found = False
        for peer in self.peers.values():
            for _ in range(_RECORDS_PER_TURN):
                record = peer.reader.read()
                if record is None:
                    break
                found = True
                messages = decode(record)
                peer.reader.advance()
                for message in messages:
                    self._take(peer, message)
        if found and self._dirty:
            self.flush()
        return found

    def waiting(self) -> bool:
        """Whether anything has come in."""
        return any(peer.reader.waiting for peer in self.peers.values())

    def _take(self, peer: Peer, message: Message) -> None:
        peer.received += 1
        kind, number, value, place = message
        if isinstance(kind, str):
            self._begin(peer, message)
        elif kind == ANSWER:
            future = peer.calls.get(number)
            if place is not None:
                value = Reply(value, self._lease(peer, place))
            if future is not None and not future.done():
                future.set_result(value)
            elif place is not None:
                value.payload.release()
        elif kind == FAILURE:
            future = peer.calls.get(number)
            if future is not None and not future.done():
                future.set_exception(RemoteError(peer.shard, *value))
        elif kind == CANCEL:
            task = peer.serving.get(number)
            if task is not None:
                task.cancel()
        elif kind == RELEASE:
            self.arena.release(number)
        else:
            self._unspill(peer, number, value)

    def _unspill(self, peer: Peer, offset: int, size: int) -> None:
        """A record that was too large for the ring."""
        messages = decode(peer.their_arena[offset : offset + size])
        self._post(peer, (RELEASE, offset, None, None))
        for message in messages:
            self._take(peer, message)

    def _lease(self, peer: Peer, place: Place) -> Lease:
        return peer.lease(place, partial(self._give_back, peer), self._dropped)

    def _give_back(self, peer: Peer, offset: int) -> None:
        if offset in peer.leases:  # else the shard died meanwhile, and its arena is another's
            peer.leases.discard(offset)
            self._post(peer, (RELEASE, offset, None, None))

    def _dropped(self) -> None:
        self.arena.dropped += 1

    def _begin(self, peer: Peer | None, message: Message) -> None:
        """Serve a request: at once if the handler is a plain function, else in a task."""
        name, call_id, args, place = message
        lease: Lease | None = None
        if place is not None and peer is not None:
            lease = self._lease(peer, place)
            args = (*args, lease)
        try:
            entry = self._service(name)
            result = entry.handler(*args)
        except Exception as error:
            self._end(peer, name, call_id, lease, None, error)
            return
        if not asyncio.iscoroutine(result):
            self._end(peer, name, call_id, lease, result, None)
            return
        task = self._loop.create_task(self._finish(peer, entry, call_id, lease, result))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if peer is not None and call_id:
            peer.serving[call_id] = task

    async def _finish(
        self, peer: Peer | None, entry: Service, call_id: int, lease: Lease | None, running: Coroutine[Any, Any, Any]
    ) -> None:
        groups.enter(entry.group)
        result: Any = None
        error: Exception | None = None
        try:
            result = await running
        except Exception as raised:
            error = raised
        except asyncio.CancelledError:
            error = CallCancelledError(f"{entry.name} on shard {self.id} was cancelled")
        if peer is not None and call_id and peer.serving.pop(call_id, None) is None:
            call_id = 0  # the caller is gone, and maybe another sits in its place
        self._end(peer, entry.name, call_id, lease, result, error)

    def _end(
        self, peer: Peer | None, name: str, call_id: int, lease: Lease | None, result: Any, error: Exception | None
    ) -> None:
        """Give the payload back and answer, or log what nobody waits for."""
        if lease is not None:
            lease.release()
        if peer is None or not call_id or peer.gone is not None:
            if error is not None:
                _log.exception("nobody waits for what failed", error, service=name, shard=self.id)
            if isinstance(result, Reply) and isinstance(result.payload, Block):
                self.arena.release(result.payload.offset)
            return
        if error is not None:
            trace = "".join(traceback.format_exception(error))
            self._post(peer, (FAILURE, call_id, (name, type(error).__name__, str(error), trace), None))
        elif isinstance(result, Reply):
            self._answer_with_payload(peer, call_id, result)
        else:
            self._post(peer, (ANSWER, call_id, result, None))

    def _answer_with_payload(self, peer: Peer, call_id: int, reply: Reply) -> None:
        """At once when the arena has room; else the answer waits for it, in a task."""
        payload = reply.payload
        if not isinstance(payload, Block):
            block = self.arena.try_allocate(len(payload))
            if block is None:
                task = self._loop.create_task(self._answer_later(peer, call_id, reply))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                return
            block.view[:] = payload
            payload = block
        self._post(peer, (ANSWER, call_id, reply.value, (payload.offset, payload.size)))

    async def _answer_later(self, peer: Peer, call_id: int, reply: Reply) -> None:
        place = await self._place(reply.payload)
        if peer.gone is None:
            self._post(peer, (ANSWER, call_id, reply.value, place))
        else:
            self.arena.release(place[0])


async def _run(entry: Service, args: tuple[Any, ...]) -> Any:
    groups.enter(entry.group)
    result = entry.handler(*args)
    return await result if asyncio.iscoroutine(result) else result


def _own_lease(arena: Arena, payload: Buffer | Block) -> Lease:
    """A payload that stays on its shard: bytes as they are, or our own block until it is released."""
    if isinstance(payload, Block):
        return Lease(payload.view, partial(arena.release, payload.offset), _nothing)
    return Lease(memoryview(payload), _nothing, _nothing)


def _nothing() -> None:
    """Plain bytes need no release."""
