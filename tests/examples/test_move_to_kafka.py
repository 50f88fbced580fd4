"""The mover looks before it copies: what it refuses, what it keeps, what it asks for. No Kafka is needed for that.

That Kafka then serves it all is shown in tests/conformance/test_kafka_reopens.py.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

import odradek

PROGRAM = Path(__file__).resolve().parents[2] / "examples/move_to_kafka.py"


def program(*args: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PROGRAM), *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def refusal(source: Path, target: Path) -> str:
    """What `files` says when it does nothing."""
    before = {path: path.read_bytes() for path in target.rglob("*") if path.is_file()}
    done = program("files", source, target)
    assert done.returncode == 1
    assert {path: path.read_bytes() for path in target.rglob("*") if path.is_file()} == before
    return done.stderr


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """What Odradek left: two partitions, a record in the first."""
    with odradek.Broker(data_dir=str(tmp_path / "odradek")) as broker:
        admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
        admin.create_topics([NewTopic("a-0", 2, 1, config={"retention.ms": "-1"})])["a-0"].result(20)
        producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "enable.idempotence": True})
        producer.produce("a-0", b"moved", partition=0)
        assert producer.flush(20) == 0
    return tmp_path / "odradek"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """What Kafka leaves after making the same topic and one of its own."""
    directory = tmp_path / "kafka"
    for name in ("a-0-0", "a-0-1", "theirs-0", "__cluster_metadata-0"):
        (directory / name).mkdir(parents=True)
        (directory / name / "00000000000000000000.log").touch()
        (directory / name / "partition.metadata").write_text(f"of {name}")
        (directory / name / "leader-epoch-checkpoint").write_text("0\n1\n0 0\n")
    (directory / ".kafka_cleanshutdown").write_text("Kafka's")
    (directory / "recovery-point-offset-checkpoint").write_text("0\n3\ntheirs 0 7\na-0 0 0\na-0 1 0\n")
    return directory


def test_partitions_take_the_place_of_kafkas_under_kafkas_ids(source: Path, target: Path) -> None:
    done = program("files", source, target)
    assert (done.returncode, done.stdout) == (0, "2 partitions copied\n"), done.stderr
    assert b"moved" in (target / "a-0-0" / "00000000000000000000.log").read_bytes()
    assert (target / "a-0-0" / "partition.metadata").read_text() == "of a-0-0"
    assert (target / ".kafka_cleanshutdown").read_text() == "Kafka's"
    points = (target / "recovery-point-offset-checkpoint").read_text().splitlines()
    assert points[:3] == ["0", "3", "theirs 0 7"] and sorted(points[3:]) == ["a-0 0 1", "a-0 1 0"]


def test_a_second_time_would_lose_what_kafka_got_meanwhile(source: Path, target: Path) -> None:
    assert program("files", source, target).returncode == 0
    assert "hold records, which would be lost: a-0-0" in refusal(source, target)


@pytest.mark.parametrize("side", ["odradek", "kafka"])
def test_a_directory_that_is_in_use_is_refused(source: Path, target: Path, side: str) -> None:
    (source.parent / side / ".kafka_cleanshutdown").unlink()
    assert f"{side} is in use or its broker was killed" in refusal(source, target)


def test_topics_must_be_alike(source: Path, target: Path) -> None:
    (target / "a-0-2").mkdir()
    assert "on one side only, make the topics alike first: a-0-2" in refusal(source, target)


def test_leader_epochs_must_not_go_back(source: Path, target: Path) -> None:
    (source / "a-0-0" / "leader-epoch-checkpoint").write_text("0\n2\n0 0\n3 1\n")
    assert "Kafka's leader epochs are 3 behind" in refusal(source, target)


def test_topics_are_made_with_their_partitions_and_settings(source: Path) -> None:
    (line,) = program("topics", source).stdout.splitlines()
    assert line.endswith("--create --topic a-0 --partitions 2 --replication-factor 1 --config retention.ms=-1")
    assert "no metadata.db" in program("topics", source / "a-0-0").stderr


def test_producer_ids_are_asked_for_until_the_given_ones_are_passed(source: Path) -> None:
    with odradek.Broker() as other:  # speaks the same request, and counts from 0 as Kafka does
        assert program("ids", source, other.bootstrap_servers).stdout == "Kafka has given producer ids up to 999\n"
