"""The wire fuzz targets hold for their seeds and a second of mutations each; the programs themselves run for longer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("target", ["fuzz_requests.py", "fuzz_frames.py"])
def test_seeds_and_some_mutations(target: str) -> None:
    program = Path(__file__).with_name(target)
    command = [sys.executable, program, "--seconds", "1", "--seed", "7"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "nothing found" in done.stdout
