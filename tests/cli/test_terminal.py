"""What a person at a terminal sees: a drawn table, a progress bar, and a question before records are deleted."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

_STYLE = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def at_terminal(bootstrap: str, *words: str, typed: bytes = b"", columns: int = 120) -> tuple[int, str]:
    """Run a command whose three streams are a terminal; its exit code and all that the terminal showed, without style."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "odradek", *words, "-b", bootstrap]
    environment = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm"}
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, close_fds=True)
    os.close(theirs)
    os.write(ours, typed)
    shown = bytearray()
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux says EIO when the last of their side is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    return process.wait(20), _STYLE.sub("", shown.decode())


def test_a_drawn_table(bootstrap: str, topic: str) -> None:
    code, shown = at_terminal(bootstrap, "topic", "list")
    assert code == 0
    assert "─" in shown
    assert re.search(rf"{topic} +2 +1", shown)


def test_a_table_on_a_narrow_terminal_folds_no_number(cli: Any, bootstrap: str, topic: str) -> None:
    cli("produce", topic, "-p", "0", stdin=b"x\n" * 12_345)
    code, shown = at_terminal(bootstrap, "topic", "describe", topic, columns=40)
    assert code == 0
    assert "─" not in shown and re.search(r"\b12345\b", shown)


def test_a_progress_bar_and_a_summary(bootstrap: str, topic: str, tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"line\n" * 20_000)
    code, shown = at_terminal(bootstrap, "produce", topic, "--file", str(path))
    assert code == 0
    assert "20,000 records " in shown and "━" in shown
    assert f"{topic}: 20,000 records delivered, 97.7 KiB in " in shown


def test_deleting_is_asked_about(cli: Any, bootstrap: str, topic: str) -> None:
    code, shown = at_terminal(bootstrap, "topic", "delete", topic, typed=b"n\n")
    assert code == 1
    assert f"Delete {topic} with all records?" in shown and "nothing was done" in shown
    assert cli("topic", "describe", topic).code == 0
    code, shown = at_terminal(bootstrap, "topic", "delete", topic, typed=b"y\n")
    assert code == 0 and f"{topic}: deleted" in shown
    assert cli("topic", "describe", topic).code == 4


def test_yes_is_not_asked(bootstrap: str, topic: str) -> None:
    code, shown = at_terminal(bootstrap, "topic", "delete", topic, "--yes")
    assert code == 0 and "?" not in shown
