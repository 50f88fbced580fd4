"""A blocking Kafka connection made of `odradek.wire`: for load generators, where a client library would be the bottleneck."""

from __future__ import annotations

import socket
import struct
import time
from typing import Any

from odradek.wire.api import load
from odradek.wire.headers import decode_response_header, encode_request_header

API_VERSIONS, METADATA, CREATE_TOPICS, LIST_OFFSETS, PRODUCE = 18, 3, 19, 2, 0
# UNKNOWN_TOPIC_OR_PARTITION, LEADER_NOT_AVAILABLE, NOT_LEADER_OR_FOLLOWER: a partition that is not open yet.
_OPENING = {3, 5, 6}
_length = struct.Struct(">i")


def encode(api_key: int, version: int, correlation_id: int, request: Any) -> bytes:
    """A whole frame, ready to send."""
    out = bytearray(4)
    encode_request_header(out, api_key, version, correlation_id, "bench")
    load(api_key).ENCODE_REQUEST[version](request, out)
    _length.pack_into(out, 0, len(out) - 4)
    return bytes(out)


class Connection:
    """One connection; `ask` sends a request and gives the decoded answer."""

    def __init__(self, host: str, port: int, timeout: float = 30.0) -> None:
        self.socket = socket.create_connection((host, port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._correlation_id = 0

    def ask(self, api_key: int, version: int, request: Any) -> Any:
        self._correlation_id += 1
        self.socket.sendall(encode(api_key, version, self._correlation_id, request))
        frame = self.read_frame()
        correlation_id, position = decode_response_header(frame, api_key, version)
        if correlation_id != self._correlation_id:
            raise ValueError(f"answer {correlation_id} to request {self._correlation_id}")
        response, _ = load(api_key).DECODE_RESPONSE[version](frame, position)
        return response

    def read_frame(self) -> bytes:
        (size,) = _length.unpack(self._exactly(4))
        return self._exactly(size)

    def _exactly(self, size: int) -> bytes:
        got = bytearray()
        while len(got) < size:
            part = self.socket.recv(size - len(got))
            if not part:
                raise ConnectionError("the broker closed the connection")
            got += part
        return bytes(got)

    def close(self) -> None:
        self.socket.close()


def greet(connection: Connection) -> None:
    """Ask the smallest question and wait for the answer: what "the broker answers" means here."""
    answer = connection.ask(API_VERSIONS, 3, load(API_VERSIONS).ApiVersionsRequest("bench", "1"))
    if answer.error_code:
        raise RuntimeError(f"ApiVersions: error {answer.error_code}")


def api_versions(host: str, port: int) -> None:
    """`greet` on a connection of its own."""
    connection = Connection(host, port)
    greet(connection)
    connection.close()


def create_topic(connection: Connection, name: str, partitions: int, configs: dict[str, str] | None = None) -> None:
    """Make a topic and wait until every partition has a leader."""
    module = load(CREATE_TOPICS)
    entries = [module.CreatableTopicConfig(key, value) for key, value in (configs or {}).items()]
    topic = module.CreatableTopic(name=name, num_partitions=partitions, replication_factor=1, assignments=[], configs=entries)
    answer = connection.ask(CREATE_TOPICS, 5, module.CreateTopicsRequest(topics=[topic], timeout_ms=30_000))
    if answer.topics[0].error_code:
        raise RuntimeError(f"create {name}: error {answer.topics[0].error_code} {answer.topics[0].error_message}")
    for _ in range(1000):
        if leaders(connection, name) == partitions:
            return
        time.sleep(0.01)
    raise RuntimeError(f"topic {name}: no leaders")


def leaders(connection: Connection, name: str) -> int:
    """How many partitions of a topic have a leader."""
    module = load(METADATA)
    request = module.MetadataRequest(topics=[module.MetadataRequestTopic(name=name)], allow_auto_topic_creation=False)
    answer = connection.ask(METADATA, 7, request)
    return sum(1 for part in answer.topics[0].partitions if not part.error_code and part.leader_id >= 0)


def log_ends(connection: Connection, name: str, partitions: int, patience: float = 30.0) -> list[int]:
    """The end offset of each partition; waits for those that a broker is still opening."""
    module = load(LIST_OFFSETS)
    parts = [module.ListOffsetsPartition(partition_index=index, timestamp=-1) for index in range(partitions)]
    request = module.ListOffsetsRequest(replica_id=-1, topics=[module.ListOffsetsTopic(name=name, partitions=parts)])
    end = time.monotonic() + patience
    while True:
        answer = connection.ask(LIST_OFFSETS, 5, request)
        found = {part.partition_index: part for part in answer.topics[0].partitions}
        bad = sorted({part.error_code for part in found.values() if part.error_code})
        if not bad:
            return [found[index].offset for index in range(partitions)]
        if time.monotonic() > end or not set(bad) <= _OPENING:
            raise RuntimeError(f"list offsets of {name}: errors {bad}")
        time.sleep(0.002)
