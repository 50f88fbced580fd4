"""Running other people's programs: one call, a time limit, and an error that shows what the program said."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence

SECONDS_MAX = 60.0


def run(
    command: Sequence[str],
    *,
    stdin: bytes = b"",
    seconds: float = SECONDS_MAX,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Standard output of a command that must end with 0 within `seconds`."""
    done = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        timeout=seconds,
        check=False,
        env={**os.environ, **(environment or {})},
    )
    out, err = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}\n{command}\n{out[-4000:]}{err[-4000:]}"
    return out
