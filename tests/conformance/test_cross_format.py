"""One directory, two brokers: Kafka's own dump tool reads what Odradek wrote, and Odradek serves what Kafka wrote.

The dump tool ends with 0 whatever it finds and prints complaints; so "without a complaint" is a list of their
words, proven to be silent on a directory that Kafka left after a clean shutdown.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import filling
import pytest
from brokers import serve
from confluent_kafka import Producer
from members import eventually
from programs import run_both
from reference.jars import java
from reference.kafka import ReferenceKafka
from reference.settings import SUITE_CONFIG

pytestmark = pytest.mark.conformance
COMPLAINTS = re.compile(
    r"mismatch|out of order|Non-consecutive|failed|corrupt|invalid|exception|error|not consistent|exceeds", re.IGNORECASE
)
# What the tool says of every segment but a log's first one, since it takes -1 for the offset before it.
FIRST_OF_SEGMENT = re.compile(r"Non-consecutive offsets in \S*/0*(\d+)\.log\n\s+-1 is followed by \1\n")
Opener = Callable[[Path], AbstractContextManager[str]]


@contextmanager
def odradek(directory: Path) -> Iterator[str]:
    """Odradek on a directory."""
    with serve(SUITE_CONFIG, directory) as address:
        yield address


@contextmanager
def kafka(directory: Path) -> Iterator[str]:
    """Apache Kafka on a directory."""
    with ReferenceKafka(directory) as node:
        yield node.bootstrap_servers


def dump(files: list[Path], *options: str) -> str:
    """DumpLogSegments' output; fails on any complaint in it."""
    named = ",".join(map(str, files))
    out, err = run_both(java("org.apache.kafka.tools.DumpLogSegments", *options, "--files", named))
    err = FIRST_OF_SEGMENT.sub("", err)
    found = COMPLAINTS.findall(_without_names(out, files)) + COMPLAINTS.findall(err)
    assert not found, f"{found}\n{err[-3000:]}\n{out[-1000:]}"
    return out


def _without_names(out: str, files: list[Path]) -> str:
    for file in files:
        out = out.replace(str(file), "")
    # Payloads and the "isvalid: true" of each batch are not complaints; "isvalid: false" is.
    return re.sub(r" isvalid: true| (key|payload): .*", "", out)


def partitions(directory: Path, topic: str) -> list[Path]:
    """The partition directories of a topic."""
    return sorted(path for path in directory.glob(f"{topic}-[0-9]*") if path.is_dir())


@pytest.fixture(scope="module", params=[kafka, odradek], ids=["kafka", "odradek"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, filling.Filling]:
    """A directory that a broker filled and left in order (Kafka's proves that the checks below are right)."""
    directory = tmp_path_factory.mktemp("written") / "data"
    opener: Opener = request.param
    with opener(directory) as bootstrap:
        content = filling.fill(bootstrap)
    return directory, content


def test_segments_and_indexes_dump_without_a_complaint(written: tuple[Path, filling.Filling]) -> None:
    directory, content = written
    records = 0
    for topic in (content.topic, content.idempotent):
        for partition in partitions(directory, topic):
            files = [p for kind in ("log", "index", "timeindex") for p in sorted(partition.glob(f"*.{kind}"))]
            out = dump(files, "--deep-iteration")
            records += len(re.findall(r"^\| offset: ", out, re.MULTILINE))
            dump(files, "--verify-index-only")
            passed = dump([p for p in files if p.suffix != ".log"], "--index-sanity-check")
            judged = re.findall(r"passed sanity check|is empty", passed)
            assert len(judged) == len([p for p in files if p.suffix != ".log"])
    assert len(list(partitions(directory, content.topic)[0].glob("*.log"))) > 1, "the segments never rolled"
    assert records >= len(content.records) + 3000


def test_producer_snapshots_dump(written: tuple[Path, filling.Filling]) -> None:
    directory, content = written
    snapshots = sorted(partitions(directory, content.idempotent)[0].glob("*.snapshot"))
    out = dump(snapshots[-1:])
    assert re.search(r"producerId: \d+ producerEpoch: 0 .*lastSequence: 2999", out), out


def test_committed_offsets_dump(written: tuple[Path, filling.Filling]) -> None:
    directory, content = written
    logs = [p for part in partitions(directory, "__consumer_offsets") for p in sorted(part.glob("*.log"))]
    out = dump([p for p in logs if p.stat().st_size], "--offsets-decoder")
    key = f'{{"group":"{content.group}","topic":"{content.topic}","partition":0}}'
    (last,) = [line for line in out.splitlines() if key in line][-1:]
    assert f'"offset":{filling.COMMITTED}' in last


@pytest.mark.parametrize("end", ["clean", "killed"])
def test_odradek_serves_what_kafka_wrote(tmp_path: Path, end: str) -> None:
    directory = tmp_path / "data"
    # A crash of Kafka's forgets deleted records until the next checkpoint of log starts, a minute's wait by default.
    node = ReferenceKafka(directory, {"log.flush.start.offset.checkpoint.interval.ms": "200"})
    with node:
        content = filling.fill(node.bootstrap_servers)
        if end == "killed":
            starts = directory / "log-start-offset-checkpoint"
            wanted = f"{content.topic} 0 {filling.DELETED_BEFORE}"
            eventually("the log start is in its checkpoint", lambda: wanted in starts.read_text())
            node.kill()
    with odradek(directory) as bootstrap:
        filling.check(bootstrap, content)
        producer = Producer({"bootstrap.servers": bootstrap, "acks": "all"})
        producer.produce(content.idempotent, b"3000", partition=0)
        assert producer.flush(20) == 0
    with odradek(directory) as bootstrap:
        filling.check(bootstrap, content)


def test_odradek_serves_again_what_it_wrote(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    with odradek(directory) as bootstrap:
        content = filling.fill(bootstrap)
    shutil.copytree(directory, tmp_path / "copy")
    for place in (directory, tmp_path / "copy"):
        with odradek(place) as bootstrap:
            filling.check(bootstrap, content)
