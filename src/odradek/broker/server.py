"""The network's side of a broker: sockets that listen, the connections on them, and their end.

`Server.start` binds every listener and hands it to the acceptor, `stop` is told in two steps, as shutdown is: no new
connections and no new requests, then wait for the answers under way. A sweep closes connections that have been idle for
`connections.max.idle.ms`, and those that hold memory which others need: they send too slowly what they announced, or
take nothing of what they asked for.

Limits: `max.connections` and `max.connection.creation.rate`, of the broker and of a listener (further ones wait to be
accepted, as in Kafka), `max.connections.per.ip` and its overrides (one more is closed as soon as it is accepted),
`socket.request.max.bytes`, `odradek.connection.inflight.max`, and memory for requests (`odradek.memory.inflight.bytes`, or
`queued.max.request.bytes` where that is less) and for answers (`odradek.memory.unsent.bytes`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from typing import TYPE_CHECKING, Final

from odradek.base.logging import get_logger
from odradek.broker.acceptor import Acceptor
from odradek.broker.admission import Admission, Refusal, unheeded
from odradek.broker.budget import MemoryBudget, UnsentAnswers
from odradek.broker.connection import Connection
from odradek.broker.dispatch import Dispatcher
from odradek.broker.listeners import (
    Endpoint,
    ListenerError,
    SocketOptions,
    advertised,
    bind,
    check_protocol,
    limits_by_address,
    parse_endpoints,
)
from odradek.wire.receive_buffers import ReceiveBuffers

if TYPE_CHECKING:
    from odradek.broker.context import BrokerState

STALL_SECONDS: Final = 30.0  # how long a peer may take memory and do nothing with it while others wait for some
STALL_BYTES: Final = 64 << 10  # of a large request that must come in that time
TAKE_SECONDS: Final = 2.0  # how long a stop waits for peers to take their answers
_logger = get_logger("broker")


class Server:
    """One shard's listeners and connections."""

    def __init__(self, state: BrokerState) -> None:
        config = state.config
        self.state = state
        self.metrics = state.metrics
        self.dispatcher = Dispatcher(state)
        queued = config.get_int("queued.max.request.bytes")
        memory = config.get_int("odradek.memory.inflight.bytes")
        self.budget = MemoryBudget(min(memory, queued) if queued > 0 else memory)
        self.decoded = MemoryBudget(self.budget.capacity)
        self.receive_buffers = ReceiveBuffers()
        self.unsent = state.unsent = UnsentAnswers(config.get_int("odradek.memory.unsent.bytes"))
        self.max_frame_size = config.get_int("socket.request.max.bytes")
        self.max_other_size = config.get_int("odradek.request.other.max.bytes")
        self.max_elements = config.get_int("odradek.request.elements.max")
        self.max_inflight = config.get_int("odradek.connection.inflight.max")
        self.stopping = False
        self._idle_seconds = config.get_int("connections.max.idle.ms") / 1000
        self._overrides: tuple[str, dict[str, int]] = ("", {})  # as text, and by address
        self._connections: set[Connection] = set()
        self._by_host: Counter[str] = Counter()
        pauses = self.metrics.registry.counter(
            "odradek_accept_pauses_total", "Times that new connections had to wait, by reason", "reason"
        )
        self._by_listener: Counter[str] = Counter()
        self._admission = Admission(lambda: state.config)
        self._acceptor = Acceptor(self._refusal, self._admission.accepted, lambda: len(self._connections), pauses)
        self._sweeper: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()

    async def start(self) -> dict[str, Endpoint]:
        """Listen; returns, by listener name, what clients are to be told. Raises `ListenerError`."""
        config = self.state.config
        told = {endpoint.name: endpoint for endpoint in parse_endpoints(list(config.client_advertised))}
        endpoints: dict[str, Endpoint] = {}
        for listening in parse_endpoints(list(config.client_listeners)):
            check_protocol(listening, config.protocol_of(listening.name))
            port = self._listen(listening)
            endpoints[listening.name] = advertised(listening, port, told.pop(listening.name, None))
        if config.get_str("authorizer.class.name"):
            _logger.warning("no ACLs here: whoever reaches a listener may do everything", ignored="authorizer.class.name")
        if told:
            raise ListenerError(f"advertised.listeners names {', '.join(told)}, which listeners does not have")
        for name, reason in unheeded([*config.static, *config.dynamic_default, *config.dynamic], endpoints):
            _logger.warning("a listener's setting has no effect", setting=name, reason=reason)
        self._schedule_sweep()
        return endpoints

    def _listen(self, endpoint: Endpoint) -> int:
        config = self.state.config
        options = SocketOptions(
            config.get_int("socket.listen.backlog.size"), config.get_int("socket.send.buffer.bytes"),
            config.get_int("socket.receive.buffer.bytes"),
        )  # fmt: skip
        sockets = bind(endpoint, options)
        for each in sockets:
            self._acceptor.listen(each, endpoint.name, lambda: Connection(self, endpoint.name))
        port: int = sockets[0].getsockname()[1]
        return port

    def _refusal(self, listener: str) -> Refusal | None:
        """Why nobody is accepted there now: Kafka lets newcomers wait, too."""
        there = self._by_listener[listener] + self._acceptor.opening_count(listener)
        everywhere = len(self._connections) + self._acceptor.opening_count()
        return self._admission.refusal(listener, there, everywhere, asyncio.get_running_loop().time())

    def _per_ip_limit(self, host: str) -> int:
        config = self.state.config
        text = config.get_str("max.connections.per.ip.overrides")
        if text != self._overrides[0]:
            self._overrides = (text, limits_by_address(text))
        return self._overrides[1].get(host, config.get_int("max.connections.per.ip"))

    def admit(self, connection: Connection) -> str:
        """Take a new connection in; the answer says why it must be closed at once, or is empty."""
        self._connections.add(connection)
        self._empty.clear()
        self._by_host[connection.client_host] += 1
        self._by_listener[connection.listener] += 1
        self.metrics.connections_accepted.value += 1
        self.metrics.connections.value = len(self._connections)
        if self.stopping:
            return "the broker is stopping"
        host = connection.client_host
        limit = self._per_ip_limit(host)
        if self._by_host[host] > limit:
            return f"more than {limit} connections from {host} (max.connections.per.ip)"
        return ""

    def forget(self, connection: Connection) -> None:
        """A connection is gone."""
        self._connections.discard(connection)
        self._by_listener[connection.listener] -= 1
        self._by_host[connection.client_host] -= 1
        if self._by_host[connection.client_host] <= 0:
            del self._by_host[connection.client_host]
        self.metrics.connections.value = len(self._connections)
        self._acceptor.look_again()
        if not self._connections:
            self._empty.set()

    async def stop(self, grace_seconds: float) -> None:
        """Stop accepting, let the requests under way be answered for `grace_seconds`, then close what is left.

        Peers that do not take what is answered are waited for no longer than `TAKE_SECONDS`: only the disk gets all the time.
        """
        self.stopping = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        self._acceptor.close()
        for connection in list(self._connections):
            connection.shut()
        patience = min(grace_seconds, TAKE_SECONDS)
        await self._wait_until_empty(patience)
        self._end([connection for connection in self._connections if not connection.under_way_count], patience)
        await self._wait_until_empty(grace_seconds - patience)
        self._end(list(self._connections), grace_seconds)

    async def _wait_until_empty(self, seconds: float) -> None:
        if self._connections:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), seconds)

    def _end(self, connections: list[Connection], after: float) -> None:
        """Close connections that the stop cannot wait for any longer."""
        unanswered = [connection for connection in connections if not connection.lingers]
        if unanswered:
            _logger.warning(
                "connections closed before their answers", count=len(unanswered), after=after,
                requests=sum(connection.under_way_count for connection in unanswered),
            )  # fmt: skip
        for connection in connections:
            connection.close("the broker stops", "shutdown")
            connection.abort()

    def abandon(self) -> None:
        """Stop listening and nothing else: the loop is closed."""
        self._acceptor.close()

    def _schedule_sweep(self) -> None:
        wait = min(self._idle_seconds / 4, STALL_SECONDS / 2) if self._idle_seconds > 0 else STALL_SECONDS / 2
        self._sweeper = asyncio.get_running_loop().call_later(max(wait, 0.1), self._sweep)

    def _sweep(self) -> None:
        now = asyncio.get_running_loop().time()
        for connection in list(self._connections):
            if connection.closed_at is not None:
                if now - connection.closed_at > STALL_SECONDS:
                    connection.abort()
                continue
            verdict = self._verdict(connection, now)
            if verdict is not None:
                connection.close(*verdict)
                if connection.is_peer_slow or connection.holds_answers:
                    connection.abort()  # it takes nothing: what is written would wait for ever
        self._schedule_sweep()

    def _verdict(self, connection: Connection, now: float) -> tuple[str, str] | None:
        """Reason and kind for which a connection is to be closed, or None."""
        connection.note_progress(now)
        still = now - connection.active_at
        if 0 < self._idle_seconds < still and connection.is_idle:
            return f"nothing came for {still:.0f} s (connections.max.idle.ms)", "idle"
        if connection.holds_answers and still > STALL_SECONDS and self.unsent.is_short:
            reason = f"took nothing of its answers for {still:.0f} s while memory for answers is short"
            return f"{reason} (odradek.memory.unsent.bytes)", "stalled"
        if self.budget.waiting_count and connection.is_stalled(now, STALL_SECONDS, STALL_BYTES):
            reason = f"sent less than {STALL_BYTES} bytes of a large request in {STALL_SECONDS:.0f} s"
            return f"{reason} while others wait for memory (odradek.memory.inflight.bytes)", "stalled"
        return None
