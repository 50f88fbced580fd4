"""The benchmarks work: each runs once, with as little as shows it. Nothing is measured here, and nothing kept."""

import json
import subprocess
import sys

import pytest
from benchmarks.record import RESULTS, ROOT
from benchmarks.run import SHORT

FILES = {"bulk": ["bulk_produce", "bulk_consume"]}


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.run", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.conformance
@pytest.mark.parametrize("name", SHORT)
def test_it_works(name):
    done = run("--quick", name)

    assert done.returncode == 0, done.stderr
    shown = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert {line["benchmark"] for line in shown} == set(FILES.get(name, [name.replace(".", "_")]))


def test_every_program_is_among_those_that_run_runs():
    programs = {
        ".".join(path.relative_to(ROOT / "benchmarks").with_suffix("").parts)
        for path in (ROOT / "benchmarks").rglob("*.py")
        if "note_result(" in path.read_text("utf-8") and path.stem != "record"
    }
    assert programs == set(SHORT)


def test_every_file_of_results_has_a_program_that_writes_it():
    written = {file for name in SHORT for file in FILES.get(name, [name.replace(".", "_")])}
    assert {path.stem for path in RESULTS.glob("*.jsonl")} <= written


def test_a_name_that_nobody_knows_is_told():
    done = run("produce_smal")
    assert done.returncode == 2
    assert "no benchmark 'produce_smal'" in done.stderr
