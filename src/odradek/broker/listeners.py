"""Listeners: where the broker listens, and what it tells clients to connect to.

Kafka's `listeners` and `advertised.listeners` are lists of `NAME://host:port`; a bare `host:port` is taken as
PLAINTEXT. What is advertised by default is right for a client on this machine: the host it was told to listen on, or,
for a wildcard address, `localhost` — and then both IPv4 and IPv6 are listened on, since librdkafka resolves `localhost`
to `::1` first. Port 0 asks the system for a free one; what is advertised is the port it gave.

Options are set on the listening socket, and the connections it accepts inherit them (Linux, the BSDs).
"""

from __future__ import annotations

import re
import socket
from typing import Final, NamedTuple

from odradek.base.errors import OdradekError
from odradek.base.logging import get_logger

WILDCARDS = {"", "0.0.0.0", "::"}
SYSTEM_DEFAULT: Final = -1  # a buffer size that is left to the system, which then adapts it
_logger = get_logger("broker")
_FORM = re.compile(r"^(?:(?P<name>[A-Za-z0-9_-]+)://)?(?P<host>\[[0-9A-Fa-f:.%a-z]+\]|[^:\[\]/]*):(?P<port>\d{1,5})$")


class ListenerError(OdradekError):
    """A listener that can't be read or used."""


class Endpoint:
    """A named address: to listen on, or to tell clients."""

    __slots__ = ("host", "name", "port")

    def __init__(self, name: str, host: str, port: int) -> None:
        self.name, self.host, self.port = name, host, port

    @property
    def address(self) -> str:
        """`host:port`, with brackets around an IPv6 address, as clients take it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __repr__(self) -> str:
        return f"{self.name}://{self.address}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Endpoint) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))


def parse_endpoint(text: str) -> Endpoint:
    """`PLAINTEXT://host:port`, `host:port`, `[::1]:9092` or `:9092`; raises `ListenerError`."""
    match = _FORM.match(text.strip())
    if match is None:
        raise ListenerError(f"{text!r} is no listener; expected HOST:PORT or NAME://HOST:PORT (listeners, --listen)")
    port = int(match["port"])
    if port > 65535:
        raise ListenerError(f"{text!r}: port {port} is over 65535 (listeners, --listen)")
    return Endpoint(match["name"] or "PLAINTEXT", match["host"].strip("[]"), port)


def parse_endpoints(texts: list[str]) -> list[Endpoint]:
    """Several listeners; each name once, as in Kafka."""
    endpoints = [parse_endpoint(text) for text in texts]
    names = [endpoint.name for endpoint in endpoints]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ListenerError(f"listener name {twice[0]} is given twice; each needs a name of its own (listeners)")
    return endpoints


def check_protocol(listening: Endpoint, protocol: str) -> None:
    """Raises `ListenerError` for one that promises encryption or authentication: there is neither."""
    if protocol.upper() != "PLAINTEXT":
        raise ListenerError(
            f"listener {listening} is {protocol}, and only PLAINTEXT is served (listeners, listener.security.protocol.map)"
        )


def advertised(listening: Endpoint, bound_port: int, told: Endpoint | None) -> Endpoint:
    """What clients of a listener are told: `told` when given (port 0: the bound one), else what is right on this machine.

    Raises `ListenerError` for a wildcard, as Kafka does: a client that is told 0.0.0.0 connects to itself.
    """
    if told is not None:
        if told.host and told.host in WILDCARDS:
            raise ListenerError(
                f"{told}: no client can connect to {told.host}; name a host (advertised.listeners, --advertise)"
            )
        return Endpoint(listening.name, told.host or "localhost", told.port or bound_port)
    host = "localhost" if listening.host in WILDCARDS else listening.host
    return Endpoint(listening.name, host, bound_port)


class SocketOptions(NamedTuple):
    """Of a listening socket and those it accepts; sizes in bytes, `SYSTEM_DEFAULT` leaves them alone."""

    backlog: int
    send_buffer: int = SYSTEM_DEFAULT
    receive_buffer: int = SYSTEM_DEFAULT


def bind(endpoint: Endpoint, options: SocketOptions) -> list[socket.socket]:
    """Sockets that listen on an endpoint, one per address of its host (a wildcard: IPv4 and IPv6), all on one port."""
    hosts = ["0.0.0.0", "::"] if endpoint.host in WILDCARDS else [endpoint.host]
    found: list[socket.socket] = []
    port = endpoint.port
    for host in hosts:
        for family, address in _resolve(endpoint, host, port):
            try:
                found.append(_bind_one(family, address, options))
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


def _bind_one(family: int, address: tuple[str, int], options: SocketOptions) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # as Kafka: a peer that vanished is noticed some day
        if options.send_buffer > 0:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, options.send_buffer)
        if options.receive_buffer > 0:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, options.receive_buffer)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        made.listen(options.backlog)
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made


def limits_by_address(text: str) -> dict[str, int]:
    """`max.connections.per.ip.overrides` by numeric address: a list of ADDRESS:LIMIT, a name standing for its addresses.

    A name that cannot be resolved is a warning: the limit that is meant for one address must not stop the broker.
    """
    limits: dict[str, int] = {}
    for item in filter(None, map(str.strip, text.split(","))):
        host, _, limit = item.rpartition(":")
        try:
            rows = socket.getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            _logger.warning("no address for a limit", host=host, reason=error.strerror, knob="max.connections.per.ip.overrides")
            continue
        limits.update({str(row[4][0]): int(limit) for row in rows})
    return limits
