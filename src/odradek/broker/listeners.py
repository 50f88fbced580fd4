"""Listeners: where the broker listens, and what it tells clients to connect to.

Kafka's `listeners` and `advertised.listeners` are lists of `NAME://host:port`; a bare `host:port` is taken as
PLAINTEXT. What is advertised by default is right for a client on this machine: the host it was told to listen on, or,
for a wildcard address, `localhost` — and then both IPv4 and IPv6 are listened on, since librdkafka resolves `localhost`
to `::1` first. Port 0 asks the system for a free one; what is advertised is the port it gave.
"""

from __future__ import annotations

import re

from odradek.base.errors import OdradekError

WILDCARDS = {"", "0.0.0.0", "::"}
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


def advertised(listening: Endpoint, bound_port: int, told: Endpoint | None) -> Endpoint:
    """What clients of a listener are told: `told` when given (port 0: the bound one), else what is right on this machine."""
    if told is not None:
        return Endpoint(listening.name, told.host or "localhost", told.port or bound_port)
    host = "localhost" if listening.host in WILDCARDS else listening.host
    return Endpoint(listening.name, host, bound_port)
