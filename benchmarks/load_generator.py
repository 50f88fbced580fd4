"""A produce load that costs the client next to nothing: requests encoded beforehand, answers checked by position.

Each connection has a partition of its own and keeps `depth` requests in flight. Its requests lie encoded in one ring, with
correlation ids that count up, so that a refill of the window is one `send` of a slice. Every answer's correlation id and error
code are checked; the rest of an answer has a fixed size, which the first one tells.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from collections import deque
from collections.abc import Iterator

from benchmarks.wire_client import PRODUCE, encode
from odradek.records.record import NewRecord, build_batch
from odradek.wire.api import load
from odradek.wire.frames import NEED_DATA, FrameSplitter

VERSION = 9
_RING = 1024


def produce_request(topic: str, partition: int, batch: bytes, acks: int, correlation_id: int) -> bytes:
    module = load(PRODUCE)
    data = module.TopicProduceData(name=topic, partition_data=[module.PartitionProduceData(partition, batch)])
    request = module.ProduceRequest(acks=acks, timeout_ms=30_000, topic_data=[data])
    return encode(PRODUCE, VERSION, correlation_id, request)


def batch_of(records: int, value_size: int, now_ms: int) -> bytes:
    """An uncompressed batch without idempotence."""
    return bytes(build_batch([NewRecord(timestamp=now_ms, key=None, value=b"x" * value_size) for _ in range(records)]))


class _Window:
    """One connection's requests in flight."""

    def __init__(self, host: str, port: int, topic: str, partition: int, batch: bytes, acks: int) -> None:
        self.socket = socket.create_connection((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        requests = [produce_request(topic, partition, batch, acks, number) for number in range(_RING)]
        self.size = len(requests[0])
        # Twice, so that every slice of up to a ring's length is in one piece.
        self.ring = memoryview(b"".join(requests + requests))
        self.sent = 0
        self.answered = 0
        self.rest = b""
        # Frame length, correlation id, header tag, one topic with its name, one partition with its index, error code.
        self.before_error = 1 + 1 + 1 + len(topic) + 1 + 4
        self.answer: struct.Struct | None = None

    def send(self, count: int) -> None:
        start = self.sent % _RING * self.size
        self.socket.sendall(self.ring[start : start + count * self.size])
        self.sent += count

    def receive(self) -> int:
        """Answers that have come; each is checked."""
        data = self.rest + self.socket.recv(1 << 16)
        if len(data) == len(self.rest):
            raise ConnectionError("the broker closed the connection")
        if self.answer is None:
            if len(data) < 4:
                self.rest = data
                return 0
            size = 4 + struct.unpack_from(">i", data)[0]
            after = size - 8 - self.before_error - 2
            self.answer = struct.Struct(f">4xi{self.before_error}xh{after}x")
        whole = len(data) // self.answer.size * self.answer.size
        for correlation_id, error in self.answer.iter_unpack(data[:whole]):
            if correlation_id != self.answered % _RING or error:
                raise RuntimeError(f"answer {self.answered}: correlation id {correlation_id}, error {error}")
            self.answered += 1
        self.rest = data[whole:]
        return whole // self.answer.size


class PipelinedLoad:
    """`connections` windows onto as many partitions of a topic (connection n writes partition n)."""

    def __init__(self, host: str, port: int, topic: str, batch: bytes, *, connections: int, depth: int, acks: int) -> None:
        self.depth = depth
        self.windows = [_Window(host, port, topic, number, batch, acks) for number in range(connections)]
        self.poll = select.epoll()
        for window in self.windows:
            self.poll.register(window.socket.fileno(), select.EPOLLIN)

    def run(self, requests_per_connection: int) -> float:
        """Send that many on each connection and wait for all answers; returns the seconds it took."""
        began = time.perf_counter()
        goal = {window.socket.fileno(): window.sent + requests_per_connection for window in self.windows}
        by_descriptor = {window.socket.fileno(): window for window in self.windows}
        for descriptor, window in by_descriptor.items():
            window.send(min(self.depth, goal[descriptor] - window.sent))
        open_windows = set(by_descriptor)
        while open_windows:
            for descriptor, _ in self.poll.poll(30):
                window = by_descriptor[descriptor]
                more = min(window.receive(), goal[descriptor] - window.sent)
                if more:
                    window.send(more)
                if window.answered == goal[descriptor]:
                    open_windows.discard(descriptor)
        return time.perf_counter() - began

    def close(self) -> None:
        self.poll.close()
        for window in self.windows:
            window.socket.close()


def paced(host: str, port: int, topic: str, batch: bytes, *, per_second: int, seconds: float, acks: int) -> list[float]:
    """One connection, open loop: latencies in seconds, from when each request was due to when its answer had come.

    A late answer does not delay the next request, and a request that went out late counts from when it should have gone, so
    a stall shows in every request that it held back.
    """
    connection = socket.create_connection((host, port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    requests = [produce_request(topic, 0, batch, acks, number) for number in range(_RING)]
    splitter = FrameSplitter()
    due_of: deque[float] = deque()
    latencies: list[float] = []
    count = round(per_second * seconds)
    began = time.perf_counter() + 0.01
    sent = 0
    while len(latencies) < count:
        now = time.perf_counter()
        while sent < count and began + sent / per_second <= now:
            due_of.append(began + sent / per_second)
            connection.sendall(requests[sent % _RING])
            sent += 1
        wait = began + sent / per_second - time.perf_counter() if sent < count else 30.0
        if select.select([connection], [], [], max(0.0, wait))[0]:
            splitter.feed(connection.recv(1 << 16))
            for _ in _frames(splitter, len(latencies)):
                latencies.append(time.perf_counter() - due_of.popleft())
    connection.close()
    return latencies


def _frames(splitter: FrameSplitter, first: int) -> Iterator[None]:
    module = load(PRODUCE)
    while (frame := splitter.next_frame()) is not NEED_DATA:
        response, _ = module.DECODE_RESPONSE[VERSION](frame, 5)
        error = response.responses[0].partition_responses[0].error_code
        (correlation_id,) = struct.unpack_from(">i", frame)
        if error or correlation_id != first % _RING:
            raise RuntimeError(f"answer {first}: correlation id {correlation_id}, error {error}")
        first += 1
        yield


def percentile(values: list[float], part: float) -> float:
    """The value that `part` of the sorted values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
