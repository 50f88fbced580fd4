"""The example on real data runs as a user runs it, against a broker of its own and against a given one."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import odradek

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/datasets.py"


@pytest.fixture(scope="module")
def example() -> ModuleType:
    """The example, imported from its file."""
    spec = importlib.util.spec_from_file_location("datasets_example", EXAMPLE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_row_comes_back_through_a_broker_of_its_own() -> None:
    done = subprocess.run([sys.executable, EXAMPLE], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3376 rows sent, 3376 came back, 0 differences" in done.stdout


@pytest.mark.parametrize("codec", ["none", "gzip"])
def test_every_row_comes_back_through_a_given_broker(
    example: ModuleType, codec: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with odradek.Broker() as broker:
        assert example.main(["--bootstrap-server", broker.bootstrap_servers, "--codec", codec]) == 0
    assert "0 differences" in capsys.readouterr().out


def test_a_difference_is_found_and_named(example: ModuleType) -> None:
    rows = [{"iata": name, "city": "x"} for name in ("AAA", "BBB", "CCC")]
    got = [(0, 0, "AAA", rows[0]), (0, 2, "AAA", rows[0]), (0, 3, "BBB", {"iata": "BBB", "city": "y"})]
    found = example.differences(rows, got)
    assert found == [
        "partition 0: offset 2 follows 0",
        "AAA: came twice",
        "BBB: sent {'iata': 'BBB', 'city': 'x'}, got {'iata': 'BBB', 'city': 'y'}",
        "CCC: missing",
    ]
