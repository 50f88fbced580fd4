"""Asks one broker, request by request, and keeps what was said under the label of each request.

A label is said once. Names are made unique by a prefix, so that one broker can be told a story many times; ids of
topics are remembered, so that an answer's id can be given its topic's name again. A connection that the broker closes
is an answer too ("closed"). `away` puts a question on a connection of its own: for fetches that wait.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable
from contextlib import closing
from types import ModuleType
from typing import Any

from odradek.wire.headers import decode_response_header, encode_request_header
from odradek.wire.messages import create_topics, delete_topics, find_coordinator, list_offsets

from .comparable import plain

ASK_SECONDS_MAX = 40
READY_SECONDS_MAX = 60


class Connection:
    """One connection; `ask` raises `ConnectionError` where the broker closes it."""

    def __init__(self, address: str) -> None:
        host, _, port = address.partition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=ASK_SECONDS_MAX)

    def send(self, api: ModuleType, version: int, request: Any) -> None:
        out = bytearray()
        encode_request_header(out, api.API_KEY, version, 7, "tester")
        api.ENCODE_REQUEST[version](request, out)
        self.send_frame(bytes(out))

    def send_frame(self, frame: bytes) -> None:
        self._socket.sendall(struct.pack(">i", len(frame)) + frame)

    def receive(self, api: ModuleType, version: int) -> Any:
        frame = self.receive_frame()
        _, position = decode_response_header(frame, api.API_KEY, version)
        answer, end = api.DECODE_RESPONSE[version](frame, position)
        if end != len(frame):
            raise ValueError(f"{len(frame) - end} bytes follow the answer")
        return answer

    def receive_frame(self) -> bytes:
        (size,) = struct.unpack(">i", self._read(4))
        return self._read(size)

    def close(self) -> None:
        self._socket.close()

    def _read(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self._socket.recv(size - len(data))
            if not part:
                raise ConnectionError("closed")
            data += part
        return data


class Conversation:
    """What is asked and said in one story. `said` holds (label, answer as plain data)."""

    def __init__(self, address: str, prefix: str) -> None:
        self.address = address
        self.prefix = prefix
        self.said: list[tuple[str, Any]] = []
        self.topic_ids: dict[str, bytes] = {}
        self._connection: Connection | None = None

    def ask(self, label: str, api: ModuleType, version: int, request: Any) -> Any:
        """Ask, wait, keep; the answer, or None where the broker closed the connection instead."""
        answer = self.quietly(api, version, request)
        self.keep(label, answer)
        return answer

    def every(self, label: str, api: ModuleType, versions: range, make: Callable[[int], Any]) -> None:
        """Ask in every version; `make` is given the version."""
        for version in versions:
            self.ask(f"{label}, v{version}", api, version, make(version))

    def keep(self, label: str, answer: Any) -> None:
        if any(label == known for known, _ in self.said):
            raise ValueError(f"the label {label!r} is there twice")
        self.said.append((label, "closed" if answer is None else plain(answer, self)))

    def quietly(self, api: ModuleType, version: int, request: Any) -> Any:
        """Ask without keeping: to set the scene, or to look at an answer first."""
        connection = self.connected()
        connection.send(api, version, request)
        try:
            return connection.receive(api, version)
        except ConnectionError:
            self.close()
            return None

    def frame(self, label: str, frame: bytes, read: tuple[ModuleType, int] | None = None) -> None:
        """Send a frame that no codec of ours makes; `read` is the API and version of the answer."""
        with closing(Connection(self.address)) as connection:
            connection.send_frame(frame)
            try:
                self.keep(label, connection.receive(*read) if read else connection.receive_frame())
            except ConnectionError:
                self.keep(label, None)

    def away(self, api: ModuleType, version: int, request: Any) -> Callable[[str], Any]:
        """Ask on a connection of its own; call what comes back, with a label, to wait for the answer and keep it."""
        connection = Connection(self.address)
        connection.send(api, version, request)

        def wait(label: str) -> Any:
            with closing(connection):
                answer = connection.receive(api, version)
                self.keep(label, answer)
                return answer

        return wait

    def topic(self, name: str, partitions: int = 1, **configs: str) -> str:
        """A new topic that is there, led and empty; its full name."""
        full = self.prefix + name
        given = [create_topics.CreatableTopicConfig(key.replace("_", "."), value) for key, value in configs.items()]
        wanted = create_topics.CreatableTopic(full, partitions, 1, configs=given)
        made = self.quietly(create_topics, 7, create_topics.CreateTopicsRequest([wanted], 30_000)).topics[0]
        if made.error_code:
            raise RuntimeError(f"{full} was not made: {made}")
        self.topic_ids[full] = made.topic_id
        self.until(f"{full} is led", lambda: self._is_led(full, partitions))
        return full

    def deleted(self, full: str) -> None:
        """Delete the topic; its id is told from that of the next one of its name from now on."""
        request = delete_topics.DeleteTopicsRequest(topic_names=[full], timeout_ms=30_000)
        done = self.quietly(delete_topics, 5, request).responses[0]
        if done.error_code:
            raise RuntimeError(f"{full} was not deleted: {done}")
        self.topic_ids[f"{full}, deleted"] = self.topic_ids.pop(full)
        self.until(f"{full} is gone", lambda: self._is_gone(full))

    def groups_topic(self) -> str:
        """The name of the groups' own topic, which is there from now on: a broker makes it when it is first needed."""
        asked = find_coordinator.FindCoordinatorRequest(key_type=0, coordinator_keys=["a-group"])
        self.until(
            "the groups' topic is there",
            lambda: bool(self.quietly(find_coordinator, 4, asked).coordinators[0].error_code == 0),
        )
        return "__consumer_offsets"

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def connected(self) -> Connection:
        if self._connection is None:
            self._connection = Connection(self.address)
        return self._connection

    def _is_led(self, name: str, partitions: int) -> bool:
        # Kafka answers when its controller has the topic; its broker may learn of it a moment later.
        asked = [list_offsets.ListOffsetsPartition(index, timestamp=-1) for index in range(partitions)]
        request = list_offsets.ListOffsetsRequest(-1, topics=[list_offsets.ListOffsetsTopic(name, asked)])
        answer = self.quietly(list_offsets, 7, request)
        return all(partition.error_code == 0 for topic in answer.topics for partition in topic.partitions)

    def _is_gone(self, name: str) -> bool:
        asked = list_offsets.ListOffsetsTopic(name, [list_offsets.ListOffsetsPartition(0, timestamp=-1)])
        answer = self.quietly(list_offsets, 7, list_offsets.ListOffsetsRequest(-1, topics=[asked]))
        return bool(answer.topics[0].partitions[0].error_code != 0)

    @staticmethod
    def until(what: str, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_SECONDS_MAX
        while not holds():
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {READY_SECONDS_MAX} s until {what}")
            time.sleep(0.02)
