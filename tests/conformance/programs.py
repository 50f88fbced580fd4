"""Running other people's programs: one call, a time limit, and an error that shows what the program said."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

SECONDS_MAX = 60.0


def run(command: Sequence[str], *, stdin: bytes = b"", seconds: float = SECONDS_MAX) -> str:
    """Standard output of a command that must end with 0 within `seconds`."""
    return run_both(command, stdin=stdin, seconds=seconds)[0]


def run_both(command: Sequence[str], *, stdin: bytes = b"", seconds: float = SECONDS_MAX) -> tuple[str, str]:
    """Standard output and standard error, likewise."""
    done = subprocess.run(command, input=stdin, capture_output=True, timeout=seconds, check=False)
    out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    assert done.returncode == 0, f"ended with {done.returncode}: {command}\n{out[-4000:]}{err[-4000:]}"
    return out, err
