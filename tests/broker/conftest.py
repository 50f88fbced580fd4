"""A broker of this module's, and a client that speaks single requests: what a library would hide, a test can say."""

from __future__ import annotations

import socket
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import odradek
from odradek.wire.headers import decode_response_header, encode_request_header

sys.path.insert(0, str(Path(__file__).parent))  # broker_rooms


class RawClient:
    """One connection. `call` asks and waits; `send` and `receive` are its halves, for pipelining."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self._asked: list[tuple[ModuleType, int, int]] = []
        self._correlation_id = 0

    def send(self, api: ModuleType, version: int, request: Any, *, answered: bool = True) -> None:
        self._correlation_id += 1
        out = bytearray()
        encode_request_header(out, api.API_KEY, version, self._correlation_id, "raw")
        api.ENCODE_REQUEST[version](request, out)
        self.socket.sendall(struct.pack(">i", len(out)) + out)
        if answered:
            self._asked.append((api, version, self._correlation_id))

    def receive(self) -> Any:
        api, version, expected = self._asked.pop(0)
        (size,) = struct.unpack(">i", self._read(4))
        frame = self._read(size)
        correlation_id, position = decode_response_header(frame, api.API_KEY, version)
        assert correlation_id == expected, "answers leave in the order of the requests"
        response, end = api.DECODE_RESPONSE[version](frame, position)
        assert end == len(frame)
        return response

    def call(self, api: ModuleType, version: int, request: Any) -> Any:
        self.send(api, version, request)
        return self.receive()

    def is_closed(self) -> bool:
        return self.socket.recv(1) == b""

    def close(self) -> None:
        self.socket.close()

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise ConnectionError(f"the broker closed the connection after {len(data)} of {size} bytes")
            data += part
        return data


@pytest.fixture(scope="module")
def broker() -> Iterator[odradek.Broker]:
    with odradek.Broker(config={"num.partitions": 2}) as running:
        yield running


@pytest.fixture
def client(broker: odradek.Broker) -> Iterator[RawClient]:
    with closing(RawClient(broker.port)) as connected:
        yield connected


@pytest.fixture
def raw_client(broker: odradek.Broker) -> Callable[[], RawClient]:
    """More connections, for the test to close."""
    return lambda: RawClient(broker.port)


@pytest.fixture
def connect() -> Callable[[int], RawClient]:
    """For a broker of the test's own: a client by port."""
    return RawClient
