"""A broker process to kill, clients that keep the books, and the books.

The books hold for every record whether its delivery was acknowledged, and for the consumer group which commits were. What is in
the topic must agree with them after every crash:
* the idempotent producer outlives the crashes and retries across them: everything it sent is there exactly once, in order;
* the plain producer never retries: what was acknowledged is there exactly once, what failed at most once, in order;
* the group's committed offset is the last acknowledged commit or one that was tried after it.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from odradek.base.prng import Prng

TOPIC = "crash"
GROUP = "crash-group"
PARTITIONS = 3
READY_SECONDS_MAX = 30
QUICK = {"reconnect.backoff.ms": 10, "reconnect.backoff.max.ms": 50, "socket.timeout.ms": 10_000, "log_level": 0}
SETTINGS = ("group.initial.rebalance.delay.ms=0", "log.segment.bytes=1048576", "offsets.topic.num.partitions=2")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class BrokerProcess:
    """`odradek serve` on one port and one directory, started again and again."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.address = f"127.0.0.1:{free_port()}"
        self.log = directory / "broker.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        settings = [word for setting in SETTINGS for word in ("--set", setting)]
        data = str(self.directory / "data")
        command = [sys.executable, "-m", "odradek", "serve", "--listen", self.address, "--data-dir", data]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen([*command, *settings], stdout=output, stderr=subprocess.STDOUT)

    def wait_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS_MAX
        host, _, port = self.address.rpartition(":")
        while time.monotonic() < deadline:
            assert self.process is not None and self.process.poll() is None, f"the broker ended by itself:\n{self.tail()}"
            try:
                socket.create_connection((host, int(port)), 1).close()
                return
            except OSError:
                time.sleep(0.01)
        raise AssertionError(f"not ready within {READY_SECONDS_MAX} s:\n{self.tail()}")

    def kill(self) -> None:
        assert self.process is not None
        assert self.process.poll() is None, f"the broker ended by itself, code {self.process.returncode}:\n{self.tail()}"
        self.process.kill()
        assert self.process.wait() == -signal.SIGKILL

    def end(self) -> int:
        """In order, by SIGTERM; the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(10)

    def make_sure_it_is_gone(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-4000:]

    def make_topic(self) -> None:
        admin = AdminClient({"bootstrap.servers": self.address, **QUICK})
        admin.create_topics([NewTopic(TOPIC, PARTITIONS, 1)])[TOPIC].result(20)


class BookkeepingProducer:
    """Names its records "<name>:<partition>:<number>" and books what became of each."""

    def __init__(self, name: str, address: str, prng: Prng, *, idempotent: bool) -> None:
        config = {"bootstrap.servers": address, "acks": "all", "linger.ms": 1, "message.timeout.ms": 120_000, **QUICK}
        config |= {"enable.idempotence": True} if idempotent else {"message.send.max.retries": 0}
        self.name = name
        self.idempotent = idempotent
        self.sent: dict[int, int] = defaultdict(int)  # by partition: how many
        self.acked: dict[int, set[int]] = defaultdict(set)
        self.failures: dict[str, int] = defaultdict(int)
        self._prng = prng
        self._producer = Producer(config)

    def produce(self, count: int) -> None:
        for _ in range(count):
            partition = self._prng.randrange(PARTITIONS)
            number = self.sent[partition]
            key = f"{self.name}:{partition}:{number}"
            filling = b"." * self._prng.choice((0, 10, 500, 5000))
            self._producer.produce(TOPIC, filling, key, partition, on_delivery=self._booker(partition, number))
            self.sent[partition] += 1
        self._producer.poll(0)

    def _booker(self, partition: int, number: int):
        def book(error: KafkaError | None, _message: object) -> None:
            if error is None:
                self.acked[partition].add(number)
            else:
                self.failures[error.name()] += 1

        return book

    def settle(self) -> None:
        """Every record sent so far has its outcome: the idempotent producer waits for success, the plain one gives up."""
        if not self.idempotent:
            self._producer.purge()
        left = self._producer.flush(30)
        assert left == 0, f"{self.name}: {left} records without an outcome"
        if self.idempotent:
            assert not self.failures, f"{self.name}: {dict(self.failures)}"

    def check(self, partition: int, numbers: list[int]) -> None:
        """`numbers` are this producer's in the topic's partition, in the log's order."""
        assert numbers == sorted(set(numbers)), f"{self.name}: partition {partition} repeats or reorders records"
        lost = self.acked[partition] - set(numbers)
        assert not lost, f"{self.name}: partition {partition} lost {len(lost)} acknowledged records, from {min(lost)}"
        if self.idempotent:
            assert numbers == list(range(self.sent[partition]))
        assert not numbers or numbers[-1] < self.sent[partition]

    @property
    def acked_count(self) -> int:
        return sum(map(len, self.acked.values()))


class CommittingConsumer:
    """A group's only member; consumes and commits in a thread of its own, through crashes."""

    def __init__(self, address: str) -> None:
        config = {"bootstrap.servers": address, "group.id": GROUP, "auto.offset.reset": "earliest", **QUICK}
        # A broker killed while librdkafka (2.16) asks for its topics' metadata takes that along: the retry belongs to a
        # connection that is given up (re-bootstrap). Nobody asks again before the next refresh, in five minutes unless told
        # otherwise, and until then the consumer does not join ("wait-metadata"), although it has found its coordinator.
        config |= {"topic.metadata.refresh.interval.ms": 1000, "heartbeat.interval.ms": 500, "session.timeout.ms": 10_000}
        self._config = config | {"enable.auto.commit": False}
        self.acked: dict[int, int] = {}
        self.tried: dict[int, int] = {}
        self.commits = 0
        self.failure: BaseException | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="committing consumer", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        consumer = Consumer(self._config)
        consumer.subscribe([TOPIC])
        try:
            while not self._ended.is_set():
                self._consume_and_commit(consumer)
        except BaseException as error:
            self.failure = error
        finally:
            consumer.close()

    def _consume_and_commit(self, consumer: Consumer) -> None:
        ends: dict[int, int] = {}
        for message in consumer.consume(200, 0.05):
            if message.error() is None:
                ends[message.partition()] = message.offset() + 1
        for partition, end in ends.items():
            self.tried[partition] = max(self.tried.get(partition, 0), end)
        if ends:
            try:
                done = consumer.commit(offsets=[TopicPartition(TOPIC, *pair) for pair in ends.items()], asynchronous=False)
            except KafkaException:
                return  # a crash in between: the group may have it or not
            for committed in done:
                if committed.error is None:
                    self.acked[committed.partition] = committed.offset
                    self.commits += 1

    def abandon(self) -> None:
        """The test has failed already: don't wait for a broker that may be gone."""
        self._ended.set()

    def end(self) -> None:
        self.abandon()
        self._thread.join(60)
        assert not self._thread.is_alive(), "the consumer hangs"
        assert self.failure is None, self.failure


class Reader:
    """Reads the topic on from where it was; remembers all keys in the log's order."""

    def __init__(self, address: str) -> None:
        self._consumer = Consumer({"bootstrap.servers": address, "group.id": GROUP, "enable.auto.commit": False, **QUICK})
        self.keys: dict[int, list[str]] = {partition: [] for partition in range(PARTITIONS)}

    def read_on(self) -> None:
        ends = {p: self._consumer.get_watermark_offsets(TopicPartition(TOPIC, p), 20)[1] for p in range(PARTITIONS)}
        self._consumer.assign([TopicPartition(TOPIC, p, len(keys)) for p, keys in self.keys.items()])
        deadline = time.monotonic() + 30
        while any(len(self.keys[p]) < end for p, end in ends.items()):
            assert time.monotonic() < deadline, f"read { ({p: len(k) for p, k in self.keys.items()}) } of {ends}"
            for message in self._consumer.consume(1000, 0.2):
                assert message.error() is None, message.error()
                keys = self.keys[message.partition()]
                assert message.offset() == len(keys), f"offset {message.offset()} follows {len(keys) - 1}"
                keys.append(message.key().decode())
        self._consumer.unassign()

    def numbers(self, name: str, partition: int) -> list[int]:
        split = (key.split(":") for key in self.keys[partition])
        return [int(number) for owner, _, number in split if owner == name]

    def committed(self) -> dict[int, int]:
        asked = [TopicPartition(TOPIC, partition) for partition in range(PARTITIONS)]
        return {found.partition: found.offset for found in self._consumer.committed(asked, 20)}

    def close(self) -> None:
        self._consumer.close()
