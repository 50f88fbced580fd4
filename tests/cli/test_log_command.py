"""`odradek log` on the files of a broker that was stopped, and on what a disk may make of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

import odradek
from odradek.cli.main import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: str) -> tuple[int, str, str]:
        code = main(["log", *words])
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory with three batches of two records each in `orders-0`, stopped clean."""
    with odradek.Broker(str(tmp_path), config={"num.partitions": 1}) as broker:
        for number in range(3):
            producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "linger.ms": 300})
            for record in range(2):
                producer.produce("orders", f"value {number} {record}", f"key {number}")
            while len(producer):  # not flush(): it would send the first record at once, alone
                producer.poll(0.05)
    return tmp_path


def segment(data: Path) -> Path:
    return data / "orders-0" / f"{0:020}.log"


def documents(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_dump_a_segment(run: Run, data: Path) -> None:
    code, out, err = run("dump", str(segment(data)))
    assert (code, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == ["batch"] * 3
    batches = documents(run("dump", str(segment(data)), "--json")[1])
    assert [(batch["base_offset"], batch["last_offset"]) for batch in batches] == [(0, 1), (2, 3), (4, 5)]


def test_dump_records(run: Run, data: Path) -> None:
    shown = documents(run("dump", str(segment(data)), "--records", "--json")[1])
    records = [entry for entry in shown if entry["kind"] == "record"]
    assert [record["value"] for record in records] == [f"value {n} {r}" for n in range(3) for r in range(2)]
    assert [record["offset"] for record in records] == list(range(6))


def test_dump_a_directory_shows_every_known_file(run: Run, data: Path) -> None:
    code, out, _ = run("dump", str(data))
    assert code == 0
    headings = [line.removeprefix("# ") for line in out.splitlines() if line.startswith("# ")]
    assert {str(data / "meta.properties"), str(segment(data)), str(data / "orders-0" / "partition.metadata")} <= set(headings)
    assert "topic-id topic_id=" in out


def test_one_unreadable_file_of_many_is_said_in_its_place(run: Run, data: Path) -> None:
    (data / "recovery-point-offset-checkpoint").write_bytes(b"nonsense")
    code, out, _ = run("dump", str(data))
    assert code == 0
    assert "unreadable reason=" in out and "batch position=0" in out
    code, out, err = run("dump", str(data / "recovery-point-offset-checkpoint"))
    assert (code, out, err.count("\n")) == (1, "", 1)


def test_sound_files(run: Run, data: Path) -> None:
    for path in (data, data / "orders-0", segment(data)):
        code, out, err = run("verify", str(path), "--records")
        assert (code, out, err) == (0, "", f"{path}: no damage\n")
    code, out, err = run("repair", str(data))
    assert (code, out, err) == (0, "", f"{data}: nothing to repair\n")


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 0xFF
    path.write_bytes(content)


def test_damage_is_found_and_repaired_only_when_told(run: Run, data: Path) -> None:
    before = segment(data).read_bytes()
    flip(segment(data), len(before) // 3 + 70)
    code, out, err = run("verify", str(data))
    assert code == 6
    assert out.startswith(f"damage  {segment(data)}:{len(before) // 3}: ")
    assert "damaged (odradek log repair" in err
    (finding,) = [one for one in documents(run("verify", str(data), "--json")[1]) if one["severity"] == "damage"]
    assert finding["position"] == len(before) // 3

    damaged = segment(data).read_bytes()
    code, out, err = run("repair", str(data / "orders-0"))
    assert (code, err) == (0, "Nothing was changed; --execute does it.\n")
    assert str(segment(data)) in out
    assert segment(data).read_bytes() == damaged

    assert run("repair", str(data / "orders-0"), "--execute")[1] == out
    assert run("verify", str(data / "orders-0"))[0] == 0
    assert segment(data).read_bytes() == before[: len(before) // 3]
    with odradek.Broker(str(data)) as broker:
        assert broker.bootstrap_servers


def test_a_torn_tail_is_no_damage(run: Run, data: Path) -> None:
    before = segment(data).read_bytes()
    segment(data).write_bytes(before[:-10])
    code, out, _ = run("verify", str(segment(data)))
    assert code == 0
    assert out.startswith("torn")


def test_what_is_not_there(run: Run, tmp_path: Path) -> None:
    for verb in ("dump", "verify", "repair"):
        code, out, err = run(verb, str(tmp_path / "absent"))
        assert (code, out) == (4, "")
        assert f"{tmp_path}/absent: no such" in err and err.count("\n") == 1


def test_a_strange_file(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    for verb in ("dump", "verify"):
        code, _, err = run(verb, str(tmp_path / "notes.txt"))
        assert code == 1
        assert "not a file of a log" in err


def test_a_missing_directory_is_found_and_made_anew_only_when_told(run: Run, data: Path) -> None:
    shutil.rmtree(data / "orders-0")
    for path in (data, data / "orders-0"):
        code, out, _ = run("verify", str(path))
        assert code == 6
        assert out.startswith(f"damage  {data / 'orders-0'}: its directory is missing")
    code, out, err = run("repair", str(data))
    assert (code, err) == (0, "Nothing was changed; --execute does it.\n")
    assert f"{data / 'orders-0'}: make it anew, empty, from offset 6 on" in out
    assert run("repair", str(data / "orders-0"), "--execute")[1] == out
    assert run("verify", str(data))[0] == 0
    assert run("verify", str(data / "unheard-of-0"))[0] != 0


@pytest.mark.parametrize("command", ["verify", "repair"])
def test_a_directory_without_logs_is_not_one_without_damage(run: Run, tmp_path: Path, command: str) -> None:
    (tmp_path / "notes").mkdir()
    assert run(command, str(tmp_path)) == (4, "", f"odradek: {tmp_path}: no log files there\n")


def test_a_log_whose_records_are_all_deleted_needs_no_repair(run: Run, tmp_path: Path) -> None:
    with odradek.Broker(tmp_path) as broker:
        producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
        producer.produce("orders", b"x")
        assert producer.flush(10) == 0
        admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
        deleted = admin.delete_records([TopicPartition("orders", 0, 1)])
        assert [each.result(10).low_watermark for each in deleted.values()] == [1]
    assert run("repair", str(tmp_path)) == (0, "", f"{tmp_path}: nothing to repair\n")


def test_a_directory_that_a_broker_has_is_a_conflict(run: Run, tmp_path: Path) -> None:
    with odradek.Broker(tmp_path) as broker:
        producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
        producer.produce("orders", b"x")
        assert producer.flush(10) == 0
        code, _, err = run("repair", str(tmp_path), "--execute")
    assert code == 5 and "locked by process" in err
