"""Two minutes of fuzzing in CI: frames, every request decoder, and record batches.

The targets run for hours the same way: `python tests/fuzz/fuzz_requests.py --seconds 36000`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SECONDS = int(os.environ.get("ODRADEK_FUZZ_CI_SECONDS", "40"))


@pytest.mark.conformance
@pytest.mark.parametrize("target", ["fuzz_frames", "fuzz_requests", "fuzz_batches"])
def test_nothing_but_a_clear_error_comes_of_garbage(target: str) -> None:
    script = Path(__file__).with_name(f"{target}.py")
    command = [sys.executable, str(script), "--seconds", str(SECONDS)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS + 120, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
