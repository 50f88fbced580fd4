"""The way to a broker: a `Target` says where, and makes the client library's objects.

librdkafka never gives up: with nobody listening it retries until the operation's time-out and reports only that. A person who
mistyped a port should not wait ten seconds for "timed out", so a plain TCP connection is tried first (`reach`): it costs a
fraction of a millisecond and its refusal names the address and the reason. The library's own log lines are kept from standard
error for the same reason; the last error that it reported is kept, to be named when an operation fails.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from odradek.cli.errors import CliError, Unreachable, UsageProblem, from_kafka

if TYPE_CHECKING:
    from confluent_kafka import Consumer, KafkaError, Producer
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.admin._metadata import ClusterMetadata

T = TypeVar("T")


class Target:
    """A cluster to talk to, and how. Makes clients; remembers the last error that any of them reported."""

    __slots__ = ("bootstrap", "last_error", "properties", "timeout")

    def __init__(self, bootstrap: str, timeout: float = 10.0, properties: dict[str, str] | None = None) -> None:
        self.bootstrap = bootstrap
        self.timeout = timeout
        self.properties = properties or {}
        self.last_error: KafkaError | None = None

    def admin(self) -> AdminClient:
        """An admin client, after a first connection was had; raises `Unreachable`."""
        self.reach()
        from confluent_kafka.admin import AdminClient

        return self._make(lambda config: AdminClient(config, logger=_quiet()), {})

    def producer(self, config: dict[str, Any]) -> Producer:
        self.reach()
        from confluent_kafka import Producer

        return self._make(lambda whole: Producer(whole, logger=_quiet()), config)

    def consumer(self, config: dict[str, Any]) -> Consumer:
        self.reach()
        from confluent_kafka import Consumer

        return self._make(lambda whole: Consumer(whole, logger=_quiet()), config)

    def cluster(self, client: AdminClient | Consumer | Producer, topic: str | None = None) -> ClusterMetadata:
        """The brokers and topics (of one topic, or all)."""
        return self.ask(
            lambda: client.list_topics(topic, timeout=self.timeout) if topic else client.list_topics(timeout=self.timeout),
            "metadata",
        )

    def wait(self, future: Future[T], doing: str) -> T:
        """The answer of one admin operation."""
        # The library bounds the operation itself; the extra second lets its own, more precise error come first.
        return self.ask(lambda: future.result(self.timeout + 1), doing)

    def ask(self, operation: Callable[[], T], doing: str) -> T:
        """Run `operation`, with the client library's failures as `CliError`."""
        from confluent_kafka import KafkaException

        try:
            return operation()
        except KafkaException as failed:
            raise self._explain(failed.args[0], doing) from failed
        except TimeoutError as late:
            raise Unreachable(f"{doing}: {self._no_answer()}") from late
        except (ValueError, TypeError) as refused:
            raise UsageProblem(f"{doing}: {refused}") from refused

    def _explain(self, error: KafkaError, doing: str) -> CliError:
        made = from_kafka(error, doing)
        if made.exit_code == Unreachable.exit_code:
            return Unreachable(f"{doing}: {self._no_answer()}")
        return made

    def _no_answer(self) -> str:
        known = f"; last error: {self.last_error.str()}" if self.last_error else ""
        return f"no answer from {self.bootstrap} within {self.timeout:g} s (--request-timeout){known}"

    def await_answer(self) -> None:
        """Wait until a broker answers as one; raises `Unreachable` after `timeout`. For clients that would try for longer."""
        admin = self.admin()
        self.wait(self.ask(lambda: admin.describe_cluster(request_timeout=self.timeout), "cluster"), "cluster")

    def reach(self) -> None:
        """Open and close one TCP connection to any of the bootstrap addresses; raises `Unreachable` with each refusal."""
        refusals = []
        for host, port in parse_addresses(self.bootstrap):
            try:
                socket.create_connection((host, port), timeout=self.timeout).close()
                return
            except OSError as refused:
                refusals.append(f"{host}:{port}: {refused.strerror or refused}")
        raise Unreachable(f"cannot reach a broker (--bootstrap-server): {'; '.join(refusals)}")

    def _make(self, make: Callable[[dict[str, Any]], T], config: dict[str, Any]) -> T:
        whole = {
            "bootstrap.servers": self.bootstrap,
            "client.id": "odradek-cli",
            "error_cb": self._remember,
            "socket.connection.setup.timeout.ms": max(1000, round(self.timeout * 1000)),
            # The cluster may have grown a topic a moment ago; nobody here lives long enough to wait for a refresh.
            "topic.metadata.refresh.sparse": True,
            **config,
            **self.properties,
        }
        from confluent_kafka import KafkaException

        try:
            return make(whole)
        except KafkaException as refused:
            raise UsageProblem(f"client settings (-X, --client-config): {refused.args[0].str()}") from refused

    def _remember(self, error: KafkaError) -> None:
        if error.name() != "_ALL_BROKERS_DOWN" or self.last_error is None:
            self.last_error = error


def parse_addresses(text: str) -> list[tuple[str, int]]:
    """`"a:1,[::1]:2"` -> `[("a", 1), ("::1", 2)]`; the port defaults to 9092; raises `UsageProblem`."""
    return [_parse_address(part.strip()) for part in text.split(",") if part.strip()]


def _parse_address(text: str) -> tuple[str, int]:
    bare = text.rpartition("://")[2]
    if bare.startswith("["):
        host, _, rest = bare[1:].partition("]")
        port = rest.removeprefix(":")
    elif bare.count(":") > 1:
        host, port = bare, ""
    else:
        host, _, port = bare.partition(":")
    if not host or not (port or "9092").isdigit() or int(port or "9092") not in range(1, 65536):
        raise UsageProblem(f"--bootstrap-server {text!r}: expected HOST:PORT, with a port from 1 to 65535")
    return host, int(port or "9092")


def _quiet() -> logging.Logger:
    """A logger that swallows the library's lines: failures are reported once, by us."""
    logger = logging.getLogger("odradek.cli.librdkafka")
    logger.propagate = False
    logger.addHandler(logging.NullHandler())
    return logger
