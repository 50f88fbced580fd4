"""A broker with settings of its own, for the tests that need one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any

import pytest

import odradek


@pytest.fixture
def raw_client_of(request: pytest.FixtureRequest) -> Callable[[dict[str, str]], AbstractContextManager[Any]]:
    """`with raw_client_of({name: value}) as client:` talks to a fresh broker with these settings."""
    client_class = type(request.getfixturevalue("client"))

    @contextmanager
    def run(settings: dict[str, str]) -> Iterator[Any]:
        with odradek.Broker(config=settings) as broker, closing(client_class(broker.port)) as client:
            yield client

    return run
