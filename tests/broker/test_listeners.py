"""Where the broker listens, and what it tells clients."""

from __future__ import annotations

import socket

import pytest

from odradek.broker.listeners import (
    Endpoint,
    ListenerError,
    SocketOptions,
    advertised,
    bind,
    limits_by_address,
    parse_endpoint,
    parse_endpoints,
)


@pytest.mark.parametrize(
    ("text", "name", "host", "port"),
    [
        ("127.0.0.1:9092", "PLAINTEXT", "127.0.0.1", 9092),
        ("PLAINTEXT://localhost:0", "PLAINTEXT", "localhost", 0),
        ("INTERNAL://[::1]:9093", "INTERNAL", "::1", 9093),
        (":9092", "PLAINTEXT", "", 9092),
        ("[::]:9092", "PLAINTEXT", "::", 9092),
    ],
)
def test_kafkas_forms_and_the_short_one(text: str, name: str, host: str, port: int) -> None:
    endpoint = parse_endpoint(text)
    assert (endpoint.name, endpoint.host, endpoint.port) == (name, host, port)


@pytest.mark.parametrize("text", ["", "localhost", "host:port", "host:70000", "a b://c:1x", "::1:9092"])
def test_what_is_no_listener_is_refused_with_the_text_and_the_knob(text: str) -> None:
    with pytest.raises(ListenerError, match="--listen"):
        parse_endpoint(text)


def test_a_name_is_given_once() -> None:
    with pytest.raises(ListenerError, match="PLAINTEXT is given twice"):
        parse_endpoints(["a:1", "b:2"])


@pytest.mark.parametrize(
    ("listen", "host"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "localhost"), ("::", "localhost"), ("::1", "::1")]
)
def test_the_default_is_right_for_a_client_on_this_machine(listen: str, host: str) -> None:
    assert advertised(Endpoint("PLAINTEXT", listen, 0), 4711, None) == Endpoint("PLAINTEXT", host, 4711)


def test_what_is_told_wins_and_port_zero_means_the_bound_one() -> None:
    told = Endpoint("PLAINTEXT", "broker.example", 0)
    assert advertised(Endpoint("PLAINTEXT", "0.0.0.0", 0), 4711, told).address == "broker.example:4711"


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_a_wildcard_is_nothing_to_tell_a_client(host: str) -> None:
    with pytest.raises(ListenerError, match="no client can connect"):
        advertised(Endpoint("PLAINTEXT", "0.0.0.0", 0), 4711, Endpoint("PLAINTEXT", host, 4711))


def test_an_ipv6_address_is_told_in_brackets() -> None:
    assert Endpoint("PLAINTEXT", "::1", 9092).address == "[::1]:9092"


def test_a_listening_socket_has_the_sizes_it_was_given_and_keepalive_as_in_kafka() -> None:
    endpoint = Endpoint("PLAINTEXT", "127.0.0.1", 0)
    (sized,) = bind(endpoint, SocketOptions(5, send_buffer=50_000, receive_buffer=60_000))
    (plain,) = bind(endpoint, SocketOptions(5))
    with sized, plain:
        assert sized.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert sized.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) in (50_000, 100_000)  # Linux doubles it
        assert sized.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) in (60_000, 120_000)
        assert plain.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) not in (60_000, 120_000)


def test_limits_are_by_numeric_address_whatever_was_written() -> None:
    limits = limits_by_address("127.0.0.1:3, [0:0::1]:4,localhost:5,no.such.host.invalid:6")
    assert limits["127.0.0.1"] == 5
    assert limits["::1"] in (4, 5), "localhost may or may not be an IPv6 address, too"
    assert set(limits) <= {"127.0.0.1", "::1"}
