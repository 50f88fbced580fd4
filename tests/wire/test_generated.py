"""What is committed under wire/messages is what the generator writes from the table."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOOLS = Path(__file__).parents[2] / "tools"


def test_generated_modules_are_up_to_date() -> None:
    checked = subprocess.run(
        [sys.executable, TOOLS / "generate_messages.py", "--check"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
