"""Topics for tests, made over the wire with nothing but the standard library and our own messages.

A test suite may use any client library; the fixtures must need none. One blocking connection, two requests.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from itertools import count
from struct import Struct
from types import TracebackType
from typing import Final

from odradek.base.errors import OdradekError
from odradek.wire.api import ApiKey, load
from odradek.wire.errors import name_of
from odradek.wire.headers import decode_response_header, encode_request_header
from odradek.wire.message import Message
from odradek.wire.messages import create_topics, delete_topics

CREATE_VERSION: Final = 5
DELETE_VERSION: Final = 4
TIMEOUT_SECONDS: Final = 30.0
NAME_SIZE_MAX: Final = 200  # of the 249 that Kafka allows: room for the number, and for who derives names from it

_length = Struct(">i")
_numbers = count(1)
_not_allowed = re.compile(r"[^a-zA-Z0-9-]+")


class TopicRefusedError(OdradekError):
    """The broker would not make or delete a topic."""


def unique_name(test: str) -> str:
    """A topic name that says which test it is of and is never given twice in this process."""
    # No dots and underscores: Kafka warns that metrics confuse the two.
    words = _not_allowed.sub("-", test).strip("-")[:NAME_SIZE_MAX]
    return f"{words or 'topic'}-{next(_numbers)}"


class TopicAdmin:
    """A connection that makes and deletes topics; a context manager."""

    def __init__(self, bootstrap_servers: str) -> None:
        host, _, port = bootstrap_servers.partition(",")[0].rpartition(":")
        self._socket = socket.create_connection((host.strip("[]"), int(port)), TIMEOUT_SECONDS)

    def __enter__(self) -> TopicAdmin:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._socket.close()

    def create(self, name: str, *, partitions: int | None = None, config: Mapping[str, str | int | bool] | None = None) -> None:
        """Make a topic, with the broker's number of partitions when None; raises `TopicRefusedError`."""
        settings = [create_topics.CreatableTopicConfig(key, _text(value)) for key, value in (config or {}).items()]
        topic = create_topics.CreatableTopic(
            name=name, num_partitions=partitions or -1, replication_factor=-1, assignments=[], configs=settings
        )
        request = create_topics.CreateTopicsRequest(topics=[topic], timeout_ms=round(TIMEOUT_SECONDS * 1000))
        frame, position = self._ask(ApiKey.CREATE_TOPICS, CREATE_VERSION, request)
        response, _ = create_topics.DECODE_RESPONSE[CREATE_VERSION](frame, position)
        answer = response.topics[0]
        if answer.error_code:
            raise TopicRefusedError(f"topic {name!r}: {answer.error_message or ''} ({name_of(answer.error_code)})")

    def delete(self, name: str) -> None:
        """Delete a topic; one that the test has deleted itself is no error."""
        request = delete_topics.DeleteTopicsRequest(topic_names=[name], timeout_ms=round(TIMEOUT_SECONDS * 1000))
        self._ask(ApiKey.DELETE_TOPICS, DELETE_VERSION, request)

    def _ask(self, api_key: int, version: int, request: Message) -> tuple[bytes, int]:
        out = bytearray(_length.size)
        encode_request_header(out, api_key, version, 1, "odradek-testing")
        load(api_key).ENCODE_REQUEST[version](request, out)
        _length.pack_into(out, 0, len(out) - _length.size)
        self._socket.sendall(out)
        frame = self._exactly(*_length.unpack(self._exactly(_length.size)))
        return frame, decode_response_header(frame, api_key, version)[1]

    def _exactly(self, size: int) -> bytes:
        got = bytearray()
        while len(got) < size:
            part = self._socket.recv(size - len(got))
            if not part:
                raise ConnectionError("the broker closed the connection")
            got += part
        return bytes(got)


def _text(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
