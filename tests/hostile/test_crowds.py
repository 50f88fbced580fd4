"""Many clients at once: thousands that are idle, storms that come and go, and limits on how many may be in."""

from __future__ import annotations

import resource
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from broker_under_test import MIB, BrokerUnderTest, GoodClient, call, eventually, is_closed, metric

from odradek.wire.messages import api_versions

IDLE = 2000
PER_CONNECTION_MAX = 10 << 10  # bytes: the memory that sockets are read into is shared


@contextmanager
def descriptors_for(count: int) -> Iterator[None]:
    """The test needs descriptors for its own end of the connections."""
    before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(before, min(count + 500, hard)), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, hard))


def greet(sock: socket.socket) -> None:
    assert call(sock, api_versions, 3, api_versions.ApiVersionsRequest("crowd", "1")).error_code == 0


def connection_count(broker: BrokerUnderTest) -> int:
    return int(metric(broker, "odradek_connections"))


def test_thousands_of_idle_connections_cost_little_and_disturb_nobody(start: Any) -> None:
    with descriptors_for(IDLE), ExitStack() as crowd:
        broker = start("odradek.metrics.port=0")
        good = GoodClient(broker)
        greet(good.socket)
        before = broker.memory()
        for _ in range(IDLE):
            greet(crowd.enter_context(broker.connect()))
        assert (broker.memory() - before) / IDLE < PER_CONNECTION_MAX
        assert connection_count(broker) == IDLE + 1
        good.check_intact()
    eventually(lambda: connection_count(broker) == 1)
    good.check_intact()


@pytest.mark.parametrize("greeted", [False, True])
def test_storms_of_connections_leave_nothing_behind(start: Any, greeted: bool) -> None:
    broker = start("odradek.metrics.port=0", "socket.listen.backlog.size=1000")
    good = GoodClient(broker)
    sizes = []
    for _ in range(3):
        for number in range(700):
            with broker.connect() as sock:
                if greeted:
                    greet(sock)
            if number % 100 == 0:
                assert good.produce() == 0
        eventually(lambda: connection_count(broker) == 1)
        sizes.append(broker.memory())
    assert sizes[2] - sizes[0] < 10 * MIB
    good.check_intact()
    assert "Traceback" not in broker.log()


def waits(sock: socket.socket) -> bool:
    """Connected by the kernel, and not yet let in by the broker: neither answered nor hung up on."""
    return not select.select([sock], [], [], 0.3)[0]


def test_above_max_connections_newcomers_wait_until_somebody_leaves(start: Any) -> None:
    broker = start("max.connections=3", "odradek.metrics.port=0")
    good, second = GoodClient(broker), broker.connect()
    greet(second)
    with broker.connect() as third, broker.connect() as fourth:
        greet(third)
        fourth.settimeout(0.3)
        with pytest.raises(TimeoutError):
            greet(fourth)
        good.check_intact()
        fourth.settimeout(20)
        second.close()
        assert fourth.recv(4), "let in, and what it had asked while it waited is answered"
    good.check_intact()
    assert broker.log().count("new connections have to wait") == 1, "once, however long it takes"
    assert "knob=max.connections" in broker.log()
    assert metric(broker, 'odradek_accept_pauses_total{reason="limit"}') >= 1


def test_above_max_connections_per_ip_newcomers_are_closed_with_a_reason(start: Any) -> None:
    broker = start("max.connections.per.ip=1000", "max.connections.per.ip.overrides=127.0.0.1:2,10.0.0.7:5")
    good = GoodClient(broker)
    with broker.connect() as second, broker.connect() as third:
        greet(second)
        assert is_closed(third)
    assert "max.connections.per.ip" in broker.log()
    good.check_intact()


def test_where_descriptors_run_out_newcomers_wait_and_the_log_says_which_limit(start: Any) -> None:
    broker = start("odradek.metrics.port=0", "socket.listen.backlog.size=200", limits={"RLIMIT_NOFILE": 100})
    good = GoodClient(broker)
    with ExitStack() as crowd:
        newcomers = [crowd.enter_context(broker.connect()) for _ in range(110)]
        assert waits(newcomers[-1])
        eventually(lambda: "RLIMIT_NOFILE" in broker.log())
        good.check_intact()
    eventually(lambda: connection_count(broker) == 1)
    GoodClient(broker, topic="after").check_intact()
    assert "ulimit -n" in broker.log() and "of 100 file descriptors are in use" in broker.log()
    assert metric(broker, 'odradek_accept_pauses_total{reason="descriptors"}') >= 1
