"""Apache Kafka opens what Odradek wrote, moved as docs/formats.md says, and Odradek what Kafka then made of it.

One story, told of a broker that always stopped in order and of one that was killed again and again (its leader epochs
then lie above a new Kafka's). What must hold each time: every record, offset, timestamp and commit; a batch sent again
is known; a new producer is not taken for an old one; Java's and librdkafka's groups go on where they were.
"""

from __future__ import annotations

import dataclasses
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import filling
import pytest
from brokers import serve
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from drivers import CODECS, Record, driver
from members import eventually, read
from programs import run
from reference.jars import java
from reference.kafka import ReferenceKafka, free_port
from reference.settings import SUITE_CONFIG

from odradek.records.record import NewRecord, build_batch
from odradek.wire.messages import init_producer_id, produce

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from data_stories.conversation import Connection

pytestmark = pytest.mark.conformance
PROGRAM = Path(__file__).resolve().parents[2] / "examples/move_to_kafka.py"
SINGLES = "singles"  # a topic of one partition; every record by a new idempotent producer
RETRIES = "retries"
GROUP = "group-of-singles"
PRODUCERS = 5  # more than there were before them, so that ids given anew from 0 would meet


class Numbered:
    """An idempotent producer on `RETRIES` that remembers where each of its batches went and can send any again."""

    def __init__(self, address: str) -> None:
        with closing(Connection(address)) as connection:
            connection.send(init_producer_id, 0, init_producer_id.InitProducerIdRequest(None, 60_000))
            self._id = connection.receive(init_producer_id, 0).producer_id
        self.offsets: list[int] = []

    def send(self, address: str, number: int | None = None) -> int:
        """Batch `number`, by default a new one; the offset that the broker answers with."""
        sequence = len(self.offsets) if number is None else number
        now = time.time_ns() // 1_000_000  # Kafka forgets a producer whose last record's time is more than a day ago
        records = build_batch(
            [NewRecord(None, b"%d" % sequence, now)], producer_id=self._id, producer_epoch=0, base_sequence=sequence
        )
        part = produce.PartitionProduceData(0, records)
        request = produce.ProduceRequest(None, -1, 30_000, [produce.TopicProduceData(RETRIES, bytes(16), [part])])
        with closing(Connection(address)) as connection:
            connection.send(produce, 9, request)
            (answer,) = connection.receive(produce, 9).responses[0].partition_responses
        assert answer.error_code == 0, answer
        if number is None:
            self.offsets.append(answer.base_offset)
        return int(answer.base_offset)


@contextmanager
def in_order(directory: Path) -> Iterator[str]:
    """Odradek on a directory, ended by SIGTERM."""
    with serve(SUITE_CONFIG, directory) as address:
        yield address


@contextmanager
def killed(directory: Path) -> Iterator[str]:
    """Odradek on a directory, ended by SIGKILL."""
    address = f"127.0.0.1:{free_port()}"
    settings = [word for name, value in SUITE_CONFIG.items() for word in ("--set", f"{name}={value}")]
    command = [sys.executable, "-m", "odradek", "serve", "--listen", address, "--data-dir", str(directory), *settings]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually("odradek listens", lambda: _listens(address))
        yield address
    finally:
        process.kill()
        assert process.wait() == -signal.SIGKILL


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), 1).close()
    except OSError:
        return False
    return True


class Story:
    """What was written so far, whoever is the broker, and what must come out of it."""

    def __init__(self, bootstrap: str) -> None:
        """Fill an empty broker."""
        admin = AdminClient({"bootstrap.servers": bootstrap})
        for made in admin.create_topics([NewTopic(SINGLES, 1, 1), NewTopic(RETRIES, 1, 1)]).values():
            made.result(20)
        self.content = filling.fill(bootstrap)
        self.numbered = Numbered(bootstrap)
        self.singles: list[bytes] = []

    def go_on(self, bootstrap: str) -> None:
        """More of everything; then the group has read it all, and commits under the leader epoch of the last record."""
        more = [Record(b"more", b"%d" % n, (), filling.START + len(self.content.records) + n) for n in range(len(CODECS))]
        for codec, record in zip(CODECS, more, strict=True):
            driver("confluent").produce(bootstrap, self.content.topic, [record], codec=codec)
        self.content = dataclasses.replace(self.content, records=self.content.records + more)
        self.numbered.send(bootstrap)
        self.add_singles(bootstrap)
        member = driver("confluent").member(bootstrap, GROUP, SINGLES)
        try:
            eventually("the group has read all", lambda: self.singles[-1] in [r.value for r in member.poll(0.1)])
            member.commit()
        finally:
            member.close()

    def add_singles(self, bootstrap: str) -> None:
        """Records by a producer each: if two had the same id, the second one's record would be taken for a retry."""
        for _ in range(PRODUCERS):
            self.singles.append(b"single %d" % len(self.singles))
            producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
            producer.produce(SINGLES, self.singles[-1], partition=0)
            assert producer.flush(20) == 0

    def check(self, bootstrap: str) -> None:
        """All is there, and this broker goes on as the one before it would have."""
        filling.check(bootstrap, self.content)
        assert values(bootstrap, SINGLES) == self.singles
        sent = self.numbered.offsets
        assert self.numbered.send(bootstrap, len(sent) - 1) == sent[-1], "the last batch, sent again"
        assert values(bootstrap, RETRIES) == [b"%d" % number for number in range(len(sent))]
        committed = len(self.singles)
        self.add_singles(bootstrap)
        assert values(bootstrap, SINGLES) == self.singles, "records of new producers are there too"
        assert first_read_by_java(bootstrap, GROUP, SINGLES) == committed


def values(bootstrap: str, topic: str) -> list[bytes | None]:
    """All of partition 0."""
    reader = driver("confluent").reader(bootstrap, topic)
    try:
        start, end = reader.bounds(topic, 0)
        return [record.value for record in read(reader, end - start)]
    finally:
        reader.close()


def first_read_by_java(bootstrap: str, group: str, topic: str) -> int:
    """The offset at which a Java member of the group goes on."""
    options = ("--topic", topic, "--group-id", group, "--reset-policy", "none", "--max-messages", "1")
    out = run(java("org.apache.kafka.tools.VerifiableConsumer", "--bootstrap-server", bootstrap, *options))
    return int(re.findall(r'"minOffset":(\d+)', out)[0])


def program(*args: str) -> str:
    """The mover, as a user runs it."""
    return run([sys.executable, str(PROGRAM), *args])


def move(source: Path, target: Path) -> None:
    """As the document says; Kafka is started and stopped until the mover finds its leader epochs high enough."""
    with ReferenceKafka(target) as kafka:
        for line in program("topics", str(source)).splitlines():
            words = [kafka.bootstrap_servers if word == "localhost:9092" else word for word in shlex.split(line)]
            run(java("org.apache.kafka.tools.TopicCommand", *words[1:]))
        program("ids", str(source), kafka.bootstrap_servers)
    command = [sys.executable, str(PROGRAM), "files", str(source), str(target)]
    while (done := subprocess.run(command, capture_output=True, text=True, check=False)).returncode:
        assert "leader epochs" in done.stderr, done.stderr
        with ReferenceKafka(target):
            pass


@pytest.mark.parametrize("kills", [0, 3], ids=["stopped-in-order", "killed-three-times"])
def test_kafka_opens_what_odradek_wrote_and_odradek_what_kafka_added(tmp_path: Path, kills: int) -> None:
    ours, theirs = tmp_path / "odradek", tmp_path / "kafka"
    story: Story | None = None
    for opener in [*[killed] * kills, in_order]:
        with opener(ours) as bootstrap:
            story = story or Story(bootstrap)
            story.go_on(bootstrap)
    assert story is not None
    move(ours, theirs)
    with ReferenceKafka(theirs) as kafka:
        story.check(kafka.bootstrap_servers)
        story.go_on(kafka.bootstrap_servers)
    with in_order(theirs) as bootstrap:
        story.check(bootstrap)
        story.go_on(bootstrap)
    with in_order(theirs) as bootstrap:
        story.check(bootstrap)
