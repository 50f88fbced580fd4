"""One client's connection: bytes in, requests in order, answers in the order of the requests.

The socket reads straight into memory that the frame splitter borrows. Every whole frame is dispatched in the turn of the
loop in which it arrived; what its handler gives back decides what happens to the frames behind it (see `handlers/__init__.py`):

    message     goes out with the others of this turn, in one write
    future      keeps its place in line (`_slots`); the requests behind it go on, their answers wait
    coroutine   a task runs it; no further request is looked at until it is done

Backpressure, in every direction: a connection stops reading while `odradek.connection.inflight.max` answers are
outstanding, while the peer does not take what was written (transport's high-water mark) or answers of that size wait
for an earlier one, and while the broker's memory for unfinished frames is spent. A connection that is idle for
`connections.max.idle.ms`, or holds memory and does nothing with it, is closed by the server's sweep. Whatever closes a
connection leaves a line in the log and a count under its reason.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, Final, cast

from odradek.base.logging import get_logger
from odradek.broker.context import RequestContext
from odradek.broker.dispatch import NO_RESPONSE, ApiEntry, BadRequest, unexpected
from odradek.broker.frame_memory import SMALL, WAIT_FOR_OTHERS, FrameMemory, decoded_weight
from odradek.broker.lingering import linger
from odradek.broker.slot import Slot
from odradek.wire.api import ApiKey
from odradek.wire.elements import ElementBudget
from odradek.wire.errors import WireError
from odradek.wire.frames import NEED_DATA, FrameError, FrameSplitter
from odradek.wire.headers import RequestHeader, decode_request_header
from odradek.wire.message import Message

if TYPE_CHECKING:
    from odradek.broker.server import Server
    from odradek.wire.primitives import Buffer

WRITE_HIGH_WATER: Final = 128 << 10  # unsent bytes past which no further request is looked at
READ_AHEAD: Final = 4096  # bytes of requests that may wait, read but not looked at, while others hold them back
_logger = get_logger("broker")


class Connection(asyncio.BufferedProtocol):
    """A shard's object: made by the listener, lives until `connection_lost`."""

    __slots__ = (
        "_blocked", "_closing", "_fetching", "_frames", "_held", "_keeps_frame", "_loop", "_memory", "_monotonic", "_out",
        "_out_size", "_reading", "_server", "_settling", "_slots", "_taken", "_transport", "_unsent", "_waiting", "_weight",
        "active_at", "client_host", "client_id", "closed_at", "is_peer_slow", "lingers", "listener",
    )  # fmt: skip

    def __init__(self, server: Server, listener: str) -> None:
        self._server = server
        self._loop = asyncio.get_running_loop()
        self._monotonic = server.state.clock.monotonic  # uvloop's own time counts whole milliseconds: too coarse for latencies
        self._frames = FrameSplitter(server.max_frame_size, server.receive_buffers)
        self._slots: deque[Slot] = deque()
        self._out: list[Buffer] = []
        self._out_size = 0
        self._fetching = False  # a fetch is parked: one more would hold the others back
        self._transport: asyncio.Transport = cast(asyncio.Transport, None)
        self._blocked = False  # a coroutine runs: later requests wait
        self.is_peer_slow = False  # it does not take what was written
        self._waiting = 0  # bytes of answers that wait for an earlier one
        self._unsent = 0  # bytes that are counted as unsent, over all connections
        self._taken = 0  # what was unsent when the sweep came by
        self._reading = True
        self._closing = False
        self._settling = False  # `_settle` is about to be called
        self.lingers = False  # everything is answered, and the peer still sends
        self._memory = FrameMemory(server.budget, self._frames, self._loop, self._resume)
        self._held: memoryview | None = None  # a request that waits for memory to be decoded
        self._weight = 0  # of the request that is looked at now, until somebody else has it
        self._keeps_frame = False  # a request that is under way still needs its frame
        self.listener = listener
        self.client_host = ""
        self.client_id: str | None = None
        self.active_at = self._loop.time()
        self.closed_at: float | None = None

    # --- the transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self.client_host = peer[0] if isinstance(peer, tuple) else ""
        self._transport.set_write_buffer_limits(high=WRITE_HIGH_WATER)
        refusal = self._server.admit(self)
        if refusal:
            self.close(refusal, "connection limit")

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._frames.get_buffer(sizehint)

    def buffer_updated(self, nbytes: int) -> None:
        self._frames.buffer_updated(nbytes)
        self._server.metrics.bytes_in.value += nbytes
        self.active_at = self._loop.time()
        self._serve()
        if self._frames.pending_bytes or self._memory.held:
            self._account()

    def eof_received(self) -> bool:
        if self._frames.pending_bytes and not self._blocked:
            _logger.debug("connection ended within a frame", client=self.client_host, missing_after=self._frames.pending_bytes)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._closing = True
        if exc is not None:
            _logger.debug("connection lost", client=self.client_host, client_id=self.client_id, reason=str(exc))
        for slot in self._slots:
            if slot.future is not None:
                slot.future.cancel()
        self._slots.clear()
        self._frames.close()
        self._server.decoded.forget(self._may_decode)
        self._memory.let_go()
        self._waiting = 0
        self._count_unsent(0)
        self._server.forget(self)

    def pause_writing(self) -> None:
        self.is_peer_slow = True
        self._count_unsent(self._waiting + self._transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        self.is_peer_slow = False
        self.active_at = self._loop.time()
        self._count_unsent(self._waiting)
        self._resume()

    # --- the server's side

    @property
    def is_idle(self) -> bool:
        """Nothing of this connection is under way in the broker."""
        return not self._slots and not self._blocked

    @property
    def under_way_count(self) -> int:
        """Requests that were taken and whose answers have not left."""
        return len(self._slots)

    @property
    def holds_answers(self) -> bool:
        """More than a little is ready that the peer does not take, or that waits for an answer to an earlier request."""
        return self._unsent > WRITE_HIGH_WATER

    def note_progress(self, now: float) -> None:
        """A peer that takes its answers slowly is not idle; the sweep asks now and then."""
        if self.is_peer_slow:
            left = self._transport.get_write_buffer_size()
            if left != self._taken:
                self.active_at, self._taken = now, left
                self._count_unsent(self._waiting + left)

    def is_stalled(self, now: float, seconds: float, least: int) -> bool:
        """Whether it holds memory for a large request of which fewer than `least` bytes came in `seconds`."""
        return not self._blocked and self._memory.is_stalled(now, seconds, least)

    def close(self, reason: str, kind: str) -> None:
        """Close, after what is written has gone out; `kind` is the reason's name among the metrics."""
        if self._closing:
            return
        self._release_ready()
        self._closing = True
        self.closed_at = self._loop.time()
        self._server.metrics.count_closed(kind)
        _logger.info("connection closed", client=self.client_host, client_id=self.client_id, why=kind, reason=reason)
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        """End it now: the peer has not taken what was written."""
        self._transport.abort()

    def shut(self) -> None:
        """Stop taking requests (the broker stops); close as soon as the answers under way are out."""
        self._stop_reading()
        self._blocked = True
        if not self._slots and not self.lingers:
            self._closing = True
            self._flush()
            self.lingers = linger(self._transport, self.connection_lost)
            if not self.lingers:
                self._transport.close()

    # --- requests

    def _serve(self) -> None:
        """Dispatch every whole frame that may be looked at, then write what is ready, and settle whether to go on reading."""
        frames, limit = self._frames, self._server.max_inflight
        while not self._is_held_back() and len(self._slots) < limit:
            try:
                frame = frames.next_frame()
                if frame is NEED_DATA:
                    break
                self._request(frame)
                if self._out_size > WRITE_HIGH_WATER:
                    self._flush()  # tells whether the peer takes it, before more is read for it
            except FrameError as error:
                self.close(str(error), "bad frame")
            except (WireError, BadRequest) as error:
                self.close(str(error), "bad request")
        else:
            # Reading on a little shows when the peer hangs up; reading on for ever would hold what nobody may look at yet.
            if frames.pending_bytes > READ_AHEAD:
                self._stop_reading()
        self._flush()

    def _is_held_back(self) -> bool:
        return self._blocked or self.is_peer_slow or self._closing or self._waiting > WRITE_HIGH_WATER

    def _request(self, frame: memoryview) -> None:
        header = decode_request_header(frame)
        self.client_id = header.client_id
        entry = self._server.dispatcher.entry(header.api_key)
        version = header.api_version
        decode = entry.decoders.get(version)
        if decode is None:
            self._refuse_version(entry, header)
            return
        size, limit = len(frame), self._server.max_elements
        if size > SMALL and entry.is_weighed and not self._admit(entry, frame):
            return
        try:
            # What may follow the request is not looked at, as in Kafka: librdkafka sends 3 bytes too many with Metadata v13.
            # No request has more elements than bytes, so few are worth counting.
            request, _ = decode(frame, header.body, ElementBudget(limit) if size > limit else None)
            context = RequestContext(
                self._server.state, header.api_key, version, header.correlation_id, header.client_id, self.client_host,
                self.listener,
            )  # fmt: skip
            entry.metrics.requests.value += 1
            self._answer(entry, context, request)
        finally:
            if self._weight:
                self._server.decoded.give(self._weight)
                self._weight = 0

    def _admit(self, entry: ApiEntry, frame: memoryview) -> bool:
        """Bound what becomes of a request's bytes: True when there is memory for its objects, else it is looked at later."""
        size, server = len(frame), self._server
        if size > server.max_other_size:
            limit = f"the limit is {server.max_other_size} bytes (odradek.request.other.max.bytes)"
            raise BadRequest(f"{entry.name} of {size} bytes; {limit}")
        if self._weight:
            return True  # it has waited, and this is later
        if server.decoded.take(weight := decoded_weight(size, server.max_elements), self._may_decode):
            self._weight = weight
            return True
        self._held = frame
        self._blocked = self._keeps_frame = True
        self._tell_of_waiting(f"to decode {entry.name}", size)
        return False

    def _may_decode(self) -> None:
        self._loop.call_soon(self._look_again)  # who gives memory back is not to do others' work

    def _look_again(self) -> None:
        """At the request that waited, now that its weight has been taken."""
        frame, self._held = cast(memoryview, self._held), None
        self._weight = decoded_weight(len(frame), self._server.max_elements)
        self._blocked, self._keeps_frame = self._server.stopping, False
        if self._closing:
            self._server.decoded.give(self._weight)
            return
        try:
            self._request(frame)
        except (WireError, BadRequest) as error:
            self.close(str(error), "bad request")
        self._resume()

    def _refuse_version(self, entry: ApiEntry, header: RequestHeader) -> None:
        if header.api_key != ApiKey.API_VERSIONS:
            entry.check_version(header.api_version)
        from odradek.broker.handlers.api_versions import unsupported

        self._put(entry.encode(0, header.correlation_id, unsupported()))

    def _answer(self, entry: ApiEntry, context: RequestContext, request: Message) -> None:
        started = self._monotonic()
        try:
            outcome = entry.handle(request, context)
        except BadRequest:
            raise
        except Exception as error:
            outcome = unexpected(entry, context, error)
        if isinstance(outcome, Message):
            if entry.counts_errors:
                entry.count_errors(outcome)
            self._put(entry.encode(context.version, context.correlation_id, outcome))
            entry.metrics.latency.observe(self._monotonic() - started)
        elif outcome is not NO_RESPONSE:
            self._park(entry, context, outcome, started)

    def _park(
        self, entry: ApiEntry, context: RequestContext, outcome: asyncio.Future[Any] | Coroutine[Any, Any, Any], started: float
    ) -> None:
        # Answers of fetches are large: a second one outstanding holds back what follows, or a client that asks and never
        # reads could have the broker hold a hundred of them. Clients have one fetch under way per connection.
        fetches = entry.api_key == ApiKey.FETCH
        holds = not isinstance(outcome, asyncio.Future) or (fetches and self._fetching)
        self._fetching = self._fetching or fetches
        future = outcome if isinstance(outcome, asyncio.Future) else self._loop.create_task(outcome)
        # A future is cancelled when the peer goes. A coroutine is not: what it does (a topic half made) must come to its end.
        slot = Slot(future if isinstance(outcome, asyncio.Future) else None, is_fetch=fetches)
        self._slots.append(slot)
        if holds:
            self._blocked = True
            self._keeps_frame = entry.api_key == ApiKey.PRODUCE  # it has records to write
        if self._weight and entry.api_key not in WAIT_FOR_OTHERS:
            weight, self._weight = self._weight, 0
            future.add_done_callback(lambda _: self._server.decoded.give(weight))
        future.add_done_callback(lambda done: self._parked_done(entry, context, slot, done, holds, started))

    def _parked_done(
        self, entry: ApiEntry, context: RequestContext, slot: Slot, done: asyncio.Future[Any], holds: bool, started: float
    ) -> None:
        slot.future = None
        if done.cancelled():
            self.close("a request was abandoned inside the broker", "abandoned")
            return
        if self._closing and done.exception() is None:
            return
        entry.metrics.latency.observe(self._monotonic() - started)
        try:
            self._hold(slot, self._parts_of(entry, context, done))
        except (WireError, BadRequest) as error:
            self.close(str(error), "bad request")
            return
        except Exception as error:  # an answer that cannot be written must not hold those behind it for ever
            _logger.exception("answer could not be written", error=error, api=entry.name, version=context.version)
            self.close("an answer could not be written", "bug")
            return
        if holds:
            self._blocked, self._keeps_frame = self._server.stopping, False
        if entry.api_key == ApiKey.FETCH:
            self._fetching = any(each.is_fetch and each.future is not None for each in self._slots)
        if len(self._slots) == 1:
            self._settle()
        elif not self._settling:
            # One flush of a log makes the answers to many requests ready, one after the other: they leave in one write.
            self._settling = True
            self._loop.call_soon(self._settle)

    def _settle(self) -> None:
        """Let out what is ready and go on; or, when the broker stops, come to the end."""
        self._settling = False
        self._release_ready()
        self._resume()
        if self._server.stopping:
            self.shut()

    def _release_ready(self) -> None:
        while self._slots and self._slots[0].parts is not None:
            self._release(self._slots.popleft())

    def _parts_of(self, entry: ApiEntry, context: RequestContext, done: asyncio.Future[Any]) -> list[Buffer]:
        error = done.exception()
        if isinstance(error, BadRequest):
            raise error
        outcome = done.result() if error is None else unexpected(entry, context, error)
        if outcome is NO_RESPONSE:
            return []
        if entry.counts_errors:
            entry.count_errors(outcome)
        return entry.encode(context.version, context.correlation_id, outcome)

    # --- answers

    def _put(self, parts: list[Buffer]) -> None:
        """An answer that is ready: out with this turn's write, or behind those that were asked for earlier."""
        if self._slots:
            slot = Slot(None)
            self._hold(slot, parts)
            self._slots.append(slot)
        else:
            self._out.extend(parts)
            self._out_size += sum(map(len, parts))

    def _hold(self, slot: Slot, parts: list[Buffer]) -> None:
        slot.parts = parts
        slot.size = size = sum(map(len, parts))
        self._waiting += size
        self._count_unsent(self._unsent + size)

    def _release(self, slot: Slot) -> None:
        self._waiting -= slot.size
        self._count_unsent(self._unsent - slot.size)
        self._out.extend(slot.parts or ())
        self._out_size += slot.size

    def _count_unsent(self, size: int) -> None:
        self._server.unsent.held += size - self._unsent
        self._unsent = size

    def _flush(self) -> None:
        out = self._out
        if not out:
            return
        self._server.metrics.bytes_out.value += self._out_size
        self._out = []
        self._out_size = 0
        if not self._transport.is_closing():
            self._transport.writelines(out)
            if self.is_peer_slow:
                self._count_unsent(self._waiting + self._transport.get_write_buffer_size())

    def _resume(self) -> None:
        """Something that held requests back is over: serve what has arrived, and read on."""
        if self._closing:
            self._flush()
            return
        if not self._reading and not self._memory.starved and not self._server.stopping:
            self._reading = True
            self._transport.resume_reading()
        self._serve()
        if self._memory.held:
            self._account()

    def _stop_reading(self) -> None:
        if self._reading and not self._transport.is_closing():
            self._reading = False
            self._transport.pause_reading()

    # --- memory

    def _account(self) -> None:
        """Settle with the budget for the unfinished frame."""
        unfinished = 0 if self._blocked or self._closing else self._frames.unfinished_size
        if not self._keeps_frame and not self._memory.settle(unfinished):
            self._stop_reading()
            self._tell_of_waiting("to read a request", unfinished)

    def _tell_of_waiting(self, purpose: str, size: int) -> None:
        _logger.warning(
            f"waiting for memory {purpose}", client=self.client_host, bytes=size, in_flight=self._server.budget.used,
            decoded=self._server.decoded.used, limit=self._server.budget.capacity, knob="odradek.memory.inflight.bytes",
        )  # fmt: skip
