"""What a line of `benchmarks/results` holds besides its figure, and when none is written."""

import json
import sys

import pytest

from benchmarks import record


@pytest.fixture
def results(tmp_path, monkeypatch):
    """A directory of results of its own, and a program called `benchmarks.bulk` that runs."""
    monkeypatch.setattr(record, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(sys, "argv", [str(record.ROOT / "benchmarks" / "bulk.py"), "--records", "10"])
    monkeypatch.delenv(record.QUICK, raising=False)
    return tmp_path / "results"


def test_a_line_holds_every_repeat_and_all_it_must_be_read_with(results):
    record.note_result("bulk_produce", {"batch_size": 16_384}, [3.0, 1.0, 2.0], "records per broker CPU second")

    (line,) = [json.loads(text) for text in (results / "bulk_produce.jsonl").read_text("utf-8").splitlines()]

    assert line["benchmark"] == "bulk_produce"
    assert line["batch_size"] == 16_384
    assert line["repeats"] == [3.0, 1.0, 2.0]
    assert line["median"] == 2.0
    assert line["command"] == "python -m benchmarks.bulk --records 10"
    assert line["load_at_start"] >= 0
    assert isinstance(line["dirty"], bool)
    assert line["commit"] != ""
    assert line["machine"].keys() == {"cpu", "cores", "kernel", "load"}
    assert line["versions"]["python"]


def test_lines_are_appended(results):
    for value in (1.0, 2.0):
        record.note_result("recovery", {}, [value], "MB per second")

    lines = (results / "recovery.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line)["median"] for line in lines] == [1.0, 2.0]


def test_a_quick_run_keeps_nothing(results, monkeypatch, capsys):
    monkeypatch.setenv(record.QUICK, "1")
    record.note_result("recovery", {}, [1.0], "MB per second")

    assert not results.exists()
    assert json.loads(capsys.readouterr().out)["median"] == 1.0


def test_the_command_names_no_path_of_this_machine():
    program = record.ROOT / "benchmarks" / "log" / "append.py"
    assert record.command([str(program)]) == "python -m benchmarks.log.append"


@pytest.mark.parametrize(
    ("before", "after", "dirty"),
    [
        ({"commit": "a", "dirty": False}, {"commit": "a", "dirty": False}, False),
        ({"commit": "a", "dirty": True}, {"commit": "a", "dirty": False}, True),
        ({"commit": "a", "dirty": False}, {"commit": "a", "dirty": True}, True),
        ({"commit": "a", "dirty": False}, {"commit": "b", "dirty": False}, True),
    ],
    ids=["clean", "was dirty", "became dirty", "another commit"],
)
def test_a_tree_that_changes_while_it_is_measured_is_dirty(before, after, dirty):
    assert record._settled(before, after) == {"commit": "a", "dirty": dirty}


def test_without_git_a_tree_counts_as_dirty(monkeypatch, tmp_path):
    monkeypatch.setattr(record, "ROOT", tmp_path)
    assert record.tree() == {"commit": "unknown", "dirty": True}


def test_a_program_from_elsewhere_is_not_measured(monkeypatch, tmp_path):
    monkeypatch.setattr(record, "ROOT", tmp_path)
    with pytest.raises(RuntimeError, match="set PYTHONPATH"):
        record.at_start.__wrapped__()
