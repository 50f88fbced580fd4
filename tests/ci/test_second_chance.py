"""What CI may run once more: a few missed deadlines, and nothing that a crash test, a power cut or a fuzzer found."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / ".ci/second_chance.py"
SLOW = "tests/clients/test_groups.py::test_a_member_joins[aiokafka]"
FOUND = "tests/crash/test_sigkill.py::test_acknowledged_records_and_commits_survive_sigkill"
ENDED = "FAILED {0}\n1 failed, 2626 passed, 872 warnings in 120.40s (0:02:00)\nmake: *** [Makefile:22: test] Error 1\n"


@pytest.fixture(scope="module")
def decider():
    spec = importlib.util.spec_from_file_location("second_chance", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_missed_deadline_is_tried_again(decider) -> None:
    assert decider.refusal(ENDED, [SLOW]) == ""


@pytest.mark.parametrize(
    "node",
    [
        FOUND,
        "tests/crash/test_power_cut.py::test_what_was_acknowledged_survives_many_power_cuts[100]",
        "tests/fuzz/test_campaign.py::test_nothing_but_a_clear_error_comes_of_garbage[fuzz_batches]",
    ],
)
def test_what_was_found_by_chance_stands_and_takes_the_others_with_it(decider, node: str) -> None:
    assert node in decider.refusal(ENDED, [SLOW, node])


@pytest.mark.parametrize(
    "broken",
    [
        "!!!!!!!!!!!!!!!!!!! Interrupted: 1 error during collection !!!!!!!!!!!!!!!!!!!!\n1 error in 0.12s\n",
        "!!!!!!!!!!!!!!!!!!!!!!!!!! xdist.dsession.Interrupted: stopping after 1 failures !!!!!!!!!!!\n1 failed in 0.12s\n",
        "INTERNALERROR> Traceback (most recent call last):\n1 failed, 3 passed in 0.12s\n",
    ],
)
def test_a_run_that_broke_off_stands(decider, broken: str) -> None:
    assert "broke off" in decider.refusal(broken, [SLOW])


@pytest.mark.parametrize(("log", "failed"), [("make: *** pip: Error 1\n", []), ("make: *** Killed\n", [SLOW]), (ENDED, [])])
def test_what_is_no_test_has_no_second_chance(decider, log: str, failed: list[str]) -> None:
    assert "something else" in decider.refusal(log, failed)


def test_what_fails_by_the_dozen_stands(decider) -> None:
    many = [f"tests/clients/test_groups.py::test_{number}" for number in range(decider.FAILURES_MAX + 1)]
    assert decider.refusal(ENDED, many[1:]) == ""
    assert "6 tests failed" in decider.refusal(ENDED, many)


@pytest.mark.parametrize(
    ("log", "closing"),
    [
        ("===== 3 passed in 0.05s =====\n", "3 passed in 0.05s"),
        ("1 failed, 2 passed, 1 warning in 0.05s\nagain\n1 passed in 61.00s (0:01:01)\n", "1 passed in 61.00s (0:01:01)"),
        ("a test printed: 3 passed in a hurry\n", ""),
    ],
)
def test_the_closing_line(decider, log: str, closing: str) -> None:
    assert decider.closing_line(log) == closing


def decide(directory: Path, log: str, failed: list[str]) -> subprocess.CompletedProcess[str]:
    (directory / "log").write_text(log)
    (directory / "lastfailed").write_text(json.dumps(dict.fromkeys(failed, True)))
    command = [sys.executable, SCRIPT, directory / "log", directory / "lastfailed"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_program_prints_node_ids_or_a_reason(tmp_path: Path) -> None:
    done = decide(tmp_path, ENDED, [SLOW])
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{SLOW}\n", "")
    done = decide(tmp_path, ENDED, [SLOW, FOUND])
    assert (done.returncode, done.stdout) == (1, "")
    assert FOUND in done.stderr
