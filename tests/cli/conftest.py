"""A broker to talk to, and the command in this process.

The broker is the session's, from the package's own pytest plugin; with ODRADEK_TEST_BOOTSTRAP set, the same tests talk to that
address instead, an Apache Kafka for example.
"""

from __future__ import annotations

import io
import itertools
import os
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from odradek.cli.main import main

_numbers = itertools.count(1)


class Result(NamedTuple):
    """What a command left."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        return self.out.decode()


Cli = Callable[..., Result]


@pytest.fixture(scope="session")
def bootstrap(request: pytest.FixtureRequest) -> str:
    given = os.environ.get("ODRADEK_TEST_BOOTSTRAP")
    return given or str(request.getfixturevalue("kafka_bootstrap_servers"))


@pytest.fixture
def cli(bootstrap: str, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Run one command line against the broker: `cli("topic", "list").code`."""
    monkeypatch.setenv("ODRADEK_BOOTSTRAP_SERVER", bootstrap)

    def call(*words: str, stdin: bytes = b"") -> Result:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        # A record that never comes must fail the test, not hang it.
        bound = ("--timeout", "20") if words[0] == "consume" and "--timeout" not in words else ()
        code = main([*words, *bound])
        out, err = capsysbinary.readouterr()
        return Result(code, out, err.decode())

    return call


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A name that no other test has, for a topic or a group."""
    return f"cli-{os.getpid()}-{next(_numbers)}"


@pytest.fixture
def topic(cli: Cli, name: str) -> Iterator[str]:
    """A topic of two partitions."""
    made = cli("topic", "create", name, "--partitions", "2")
    assert made.code == 0, made.err
    yield name
    cli("topic", "delete", name, "--if-exists")
