"""The network's side of a broker: sockets that listen, the connections on them, and their end.

`Server.start` binds every listener (a wildcard host on IPv4 and IPv6, so that `localhost` works whichever a client
tries first), `stop` is told in two steps, as shutdown is: no new connections and no new requests, then wait for the
answers under way. A sweep closes connections that have been idle for `connections.max.idle.ms`, and those that stopped
sending in the middle of a request while holding memory that others wait for.

Limits: `max.connections`, `max.connections.per.ip` and its overrides (one more is closed as soon as it is accepted),
`socket.request.max.bytes`, `odradek.connection.inflight.max`, `odradek.memory.inflight.bytes`.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from typing import TYPE_CHECKING, Final

from odradek.base.logging import get_logger
from odradek.broker.budget import MemoryBudget
from odradek.broker.connection import Connection
from odradek.broker.dispatch import Dispatcher
from odradek.broker.listeners import WILDCARDS, Endpoint, ListenerError, advertised, parse_endpoints

if TYPE_CHECKING:
    from odradek.broker.context import BrokerState

STALL_SECONDS: Final = 30.0  # how long a peer may pause within a request while others wait for the memory it holds
_logger = get_logger("broker")


class Server:
    """One shard's listeners and connections."""

    def __init__(self, state: BrokerState) -> None:
        config = state.config
        self.state = state
        self.metrics = state.metrics
        self.dispatcher = Dispatcher(state)
        self.budget = MemoryBudget(config.get_int("odradek.memory.inflight.bytes"))
        self.max_frame_size = config.get_int("socket.request.max.bytes")
        self.max_other_size = config.get_int("odradek.request.other.max.bytes")
        self.max_elements = config.get_int("odradek.produce.elements.max")
        self.max_inflight = config.get_int("odradek.connection.inflight.max")
        self.stopping = False
        self._idle_seconds = config.get_int("connections.max.idle.ms") / 1000
        self._per_ip_overrides = _parse_overrides(config.get_str("max.connections.per.ip.overrides"))
        self._connections: set[Connection] = set()
        self._by_host: Counter[str] = Counter()
        self._servers: list[asyncio.Server] = []
        self._sweeper: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()

    async def start(self) -> dict[str, Endpoint]:
        """Listen; returns, by listener name, what clients are to be told. Raises `ListenerError`."""
        config = self.state.config
        told = {endpoint.name: endpoint for endpoint in parse_endpoints(list(config.get_list("advertised.listeners")))}
        endpoints: dict[str, Endpoint] = {}
        for listening in parse_endpoints(list(config.client_listeners)):
            port = await self._listen(listening)
            endpoints[listening.name] = advertised(listening, port, told.pop(listening.name, None))
        if told:
            raise ListenerError(f"advertised.listeners names {', '.join(told)}, which listeners does not have")
        self._schedule_sweep()
        return endpoints

    async def _listen(self, endpoint: Endpoint) -> int:
        loop = asyncio.get_running_loop()
        sockets = bind(endpoint, self.state.config.get_int("socket.listen.backlog.size"))
        for each in sockets:
            self._servers.append(await loop.create_server(lambda: Connection(self, endpoint.name), sock=each))
        port: int = sockets[0].getsockname()[1]
        return port

    def admit(self, connection: Connection) -> str:
        """Take a new connection in; the answer says why it must be closed at once, or is empty."""
        self._connections.add(connection)
        self._empty.clear()
        self._by_host[connection.client_host] += 1
        self.metrics.connections_accepted.value += 1
        self.metrics.connections.value = len(self._connections)
        config, host = self.state.config, connection.client_host
        if self.stopping:
            return "the broker is stopping"
        limit = config.get_int("max.connections")
        if len(self._connections) > limit:
            return f"more than {limit} connections (max.connections)"
        limit = self._per_ip_overrides.get(host, config.get_int("max.connections.per.ip"))
        if self._by_host[host] > limit:
            return f"more than {limit} connections from {host} (max.connections.per.ip)"
        return ""

    def forget(self, connection: Connection) -> None:
        """A connection is gone."""
        self._connections.discard(connection)
        self._by_host[connection.client_host] -= 1
        if self._by_host[connection.client_host] <= 0:
            del self._by_host[connection.client_host]
        self.metrics.connections.value = len(self._connections)
        if not self._connections:
            self._empty.set()

    async def stop(self, grace_seconds: float) -> None:
        """Stop accepting, let the requests under way be answered for `grace_seconds`, then close what is left."""
        self.stopping = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        for server in self._servers:
            server.close()
        for connection in list(self._connections):
            connection.shut()
        if self._connections:
            try:
                await asyncio.wait_for(self._empty.wait(), grace_seconds)
            except TimeoutError:
                _logger.warning("connections closed before their answers", count=len(self._connections), after=grace_seconds)
        for connection in list(self._connections):
            connection.close("the broker stops", "shutdown")
            connection.abort()

    def _schedule_sweep(self) -> None:
        wait = min(self._idle_seconds / 4, STALL_SECONDS / 2) if self._idle_seconds > 0 else STALL_SECONDS / 2
        self._sweeper = asyncio.get_running_loop().call_later(max(wait, 0.1), self._sweep)

    def _sweep(self) -> None:
        now = asyncio.get_running_loop().time()
        for connection in list(self._connections):
            still = now - connection.active_at
            if connection.closed_at is not None:
                if now - connection.closed_at > STALL_SECONDS:
                    connection.abort()
                continue
            if 0 < self._idle_seconds < still and connection.is_idle:
                connection.close(f"nothing came for {still:.0f} s (connections.max.idle.ms)", "idle")
            elif still > STALL_SECONDS and connection.is_within_frame and self.budget.waiting_count and connection.is_idle:
                connection.close(
                    f"stopped within a request for {still:.0f} s while others wait for memory (odradek.memory.inflight.bytes)",
                    "stalled",
                )
        self._schedule_sweep()


def bind(endpoint: Endpoint, backlog: int) -> list[socket.socket]:
    """Sockets that listen on an endpoint, one per address of its host (a wildcard: IPv4 and IPv6), all on one port."""
    hosts = ["0.0.0.0", "::"] if endpoint.host in WILDCARDS else [endpoint.host]
    found: list[socket.socket] = []
    port = endpoint.port
    for host in hosts:
        for family, address in _resolve(endpoint, host, port):
            try:
                found.append(_bind_one(family, address, backlog))
            except OSError as error:
                # IPv6 may be switched off; a second address of `localhost` may be missing. The first one must be had.
                if not found:
                    reason = error.strerror or str(error)
                    raise ListenerError(f"cannot listen on {endpoint}: {reason} (listeners, --listen)") from error
                _logger.debug("one address of a listener is not to be had", listener=str(endpoint), address=str(address))
                continue
            port = port or found[0].getsockname()[1]
    return found


def _resolve(endpoint: Endpoint, host: str, port: int) -> list[tuple[int, tuple[str, int]]]:
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror as error:
        raise ListenerError(f"cannot listen on {endpoint}: {error.strerror} (listeners, --listen)") from error
    rows.sort(key=lambda row: row[0] != socket.AF_INET)
    return list({(row[0], row[4][:2]): None for row in rows})  # type: ignore[misc]


def _bind_one(family: int, address: tuple[str, int], backlog: int) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(backlog)
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made


def _parse_overrides(text: str) -> dict[str, int]:
    pairs = (item.rpartition(":") for item in text.split(",") if item.strip())
    return {host.strip().strip("[]"): int(limit) for host, _, limit in pairs}
