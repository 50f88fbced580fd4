"""The fuzz target for batches holds for its seeds and a few thousand mutations; `fuzz_batches.py` itself runs for longer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FUZZER = Path(__file__).with_name("fuzz_batches.py")


def test_seeds_and_some_mutations() -> None:
    done = subprocess.run(
        [sys.executable, FUZZER, "--engine", "own", "--runs", "5000", "--seed", "7"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "5000 inputs, no find" in done.stdout


def test_a_kept_input_can_be_tried_again(tmp_path: Path) -> None:
    kept = tmp_path / "find"
    kept.write_bytes(b"\x00not a batch")
    assert subprocess.run([sys.executable, FUZZER, kept], check=False).returncode == 0
