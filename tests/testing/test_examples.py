"""The examples do what they say, as somebody would run them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_produce_and_consume_with_a_broker_of_its_own() -> None:
    done = subprocess.run([sys.executable, str(EXAMPLES / "produce_consume.py")], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert len(lines) == 6
    assert {line.partition("  ")[2] for line in lines} == {
        f"customer-{number} -> order {order}" for number in range(3) for order in (number, number + 3)
    }


def test_produce_and_consume_with_a_broker_that_runs(kafka_bootstrap_servers: str) -> None:
    words = [str(EXAMPLES / "produce_consume.py"), "--bootstrap-server", kafka_bootstrap_servers]
    assert subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True).stdout.count("->") == 6


def test_the_embedded_test_passes() -> None:
    words = [
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        "-o",
        "addopts=",
        str(EXAMPLES / "embedded_test.py"),
    ]
    done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout
