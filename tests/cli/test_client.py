"""The way to a broker: addresses as people write them, and a refusal that names the address at once."""

from __future__ import annotations

import socket

import pytest

from odradek.cli.client import Target, parse_addresses
from odradek.cli.errors import Unreachable, UsageProblem


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("a:1", [("a", 1)]),
        ("a", [("a", 9092)]),
        ("a:1, b:2", [("a", 1), ("b", 2)]),
        ("[::1]:2", [("::1", 2)]),
        ("[::1]", [("::1", 9092)]),
        ("::1", [("::1", 9092)]),
        ("PLAINTEXT://a:1", [("a", 1)]),
    ],
)
def test_addresses(text: str, addresses: list[tuple[str, int]]) -> None:
    assert parse_addresses(text) == addresses


@pytest.mark.parametrize("text", ["a:x", "a:0", "a:70000", ":1", "[]:1"])
def test_an_address_that_is_none(text: str) -> None:
    with pytest.raises(UsageProblem, match="--bootstrap-server"):
        parse_addresses(text)


def test_nobody_listening_is_known_at_once() -> None:
    with socket.socket() as taken:  # bound but not listening: connections are refused, and nobody else gets the port
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(Unreachable, match=rf"127\.0\.0\.1:{port}: Connection refused"):
            Target(f"127.0.0.1:{port}").reach()


def test_one_address_of_several_is_enough() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        Target(f"127.0.0.1:{taken.getsockname()[1]},127.0.0.1:{server.getsockname()[1]}").reach()
