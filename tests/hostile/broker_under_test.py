"""`odradek serve` as a process of its own, a well-behaved client beside the attack, and what must hold afterwards.

`GoodClient` keeps books: it produces numbered records with acks=all and notes those acknowledged; `check_intact` reads the
whole partition back and compares. Whatever an attack tried to write must not be there, and nothing may be missing.
"""

from __future__ import annotations

import resource
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from odradek.records.header import scan
from odradek.records.record import NewRecord, build_batch, read_records
from odradek.wire.headers import decode_response_header, encode_request_header
from odradek.wire.messages import create_topics, fetch, produce

MIB = 1 << 20
NOW = 1_700_000_000_000
STOP_SECONDS_MAX = 5


class BrokerUnderTest:
    """One process; `limits` are resource limits that it starts with, by name ("RLIMIT_NOFILE"), `program` what Python runs."""

    def __init__(
        self, data: Path, settings: Sequence[str] = (), limits: dict[str, int] | None = None,
        *, program: Sequence[str] = ("-m", "odradek"),
    ) -> None:  # fmt: skip
        self.data = data
        self.log_file = data.parent / f"{data.name}.log"
        words = [word for setting in settings for word in ("--set", setting)]
        command = [sys.executable, *program, "serve", "--listen", "127.0.0.1:0", "--data-dir", str(data), *words]
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        for name, limit in (limits or {}).items():
            resource.prlimit(self.process.pid, getattr(resource, name), (limit, limit))
        self.metrics_url = ""
        self.port = self._read_port()

    def _read_port(self) -> int:
        assert self.process.stdout is not None
        port = 0
        while line := self.process.stdout.readline().decode():
            word, _, rest = line.strip().partition(" ")
            if word == "clients":
                port = int(line.rpartition(":")[2])
            elif word == "metrics":
                self.metrics_url = rest.strip().replace("localhost", "127.0.0.1")
            elif word == "try":  # the banner's last but one
                return port
        raise AssertionError(f"the broker did not start:\n{self.log()}")

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def memory(self, name: str = "VmRSS") -> int:
        """Resident bytes now, or the most there ever were ("VmHWM")."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith(name + ":"))

    def cpu_ticks(self) -> int:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS_MAX)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def __enter__(self) -> BrokerUnderTest:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.kill()
        assert self.process.stdout is not None
        self.process.stdout.close()


def metric(broker: BrokerUnderTest, name: str) -> float:
    """A sample by its name and labels, 0 where there is none; needs `odradek.metrics.port=0` among the settings."""
    with urllib.request.urlopen(broker.metrics_url, timeout=20) as page:
        lines = page.read().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.rpartition(" ")[0] == name)


def eventually(condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


def frame(api: Any, version: int, request: Any, correlation_id: int = 1) -> bytes:
    out = bytearray()
    encode_request_header(out, api.API_KEY, version, correlation_id, "hostile")
    api.ENCODE_REQUEST[version](request, out)
    return struct.pack(">i", len(out)) + out


def read_exactly(sock: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        part = sock.recv(size - len(data))
        if not part:
            raise ConnectionError(f"closed after {len(data)} of {size} bytes")
        data += part
    return bytes(data)


def call(sock: socket.socket, api: Any, version: int, request: Any) -> Any:
    sock.sendall(frame(api, version, request))
    (size,) = struct.unpack(">i", read_exactly(sock, 4))
    body = read_exactly(sock, size)
    _, position = decode_response_header(body, api.API_KEY, version)
    return api.DECODE_RESPONSE[version](body, position)[0]


def is_closed(sock: socket.socket) -> bool:
    """Whether the peer hangs up, after whatever it has still to say."""
    try:
        while sock.recv(65536):
            pass
    except ConnectionResetError:
        pass
    except TimeoutError:
        return False
    return True


class GoodClient:
    """Produces and fetches on one connection, and knows what must be in the log."""

    def __init__(self, broker: BrokerUnderTest, topic: str = "good", acknowledged: Sequence[bytes] = ()) -> None:
        self.topic = topic
        self.acknowledged = list(acknowledged)
        self.in_doubt: set[bytes] = set()  # answered with an error: such a record may be stored, once, or not
        self._sent = len(self.acknowledged)
        self.socket = broker.connect()
        if not acknowledged:
            made = create_topics.CreateTopicsRequest([create_topics.CreatableTopic(topic, 1, 1)], 5000)
            assert call(self.socket, create_topics, 7, made).topics[0].error_code == 0

    def produce(self, size: int = 100) -> int:
        """The error code; acknowledged records go into the books."""
        value = b"%d." % self._sent + b"x" * size
        self._sent += 1
        data = produce.PartitionProduceData(0, build_batch([NewRecord(b"k", value, NOW)]))
        asked = produce.ProduceRequest(None, -1, 5000, [produce.TopicProduceData(self.topic, partition_data=[data])])
        code = call(self.socket, produce, 9, asked).responses[0].partition_responses[0].error_code
        if code == 0:
            self.acknowledged.append(value)
        else:
            self.in_doubt.add(value)
        return int(code)

    def stored(self) -> list[bytes]:
        values: list[bytes] = []
        while True:
            part = fetch.FetchPartition(0, fetch_offset=len(values), partition_max_bytes=MIB)
            topics = [fetch.FetchTopic(self.topic, partitions=[part])]
            asked = fetch.FetchRequest(max_wait_ms=0, min_bytes=0, max_bytes=MIB, topics=topics)
            got = call(self.socket, fetch, 11, asked).responses[0].partitions[0]
            assert got.error_code == 0, got.error_code
            if not got.records:
                return values
            block = bytes(got.records)
            for position, header in scan(block):
                values += [bytes(each.value or b"") for each in read_records(block[position : position + header.size], header)]

    def check_intact(self) -> None:
        """What is stored is what was acknowledged, and perhaps what was answered with an error; and the broker takes more."""
        assert self.produce() == 0
        stored = self.stored()
        assert len(set(stored)) == len(stored)
        assert [value for value in stored if value not in self.in_doubt] == self.acknowledged
