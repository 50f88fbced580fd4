"""A data directory that cannot be one: a single line that names it, a code other than 0, no traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize("inner", ["", "/inside"])
def test_a_file_where_the_directory_should_be(tmp_path: Path, inner: str) -> None:
    file = tmp_path / "data"
    file.write_bytes(b"mine")
    command = [sys.executable, "-m", "odradek", "serve", "--listen", "127.0.0.1:0", "--data-dir", f"{file}{inner}"]
    done = subprocess.run(command, check=False, capture_output=True, timeout=20)
    assert done.returncode != 0
    assert done.stdout == b"" and done.stderr.count(b"\n") == 1
    assert str(file) in done.stderr.decode()
    assert file.read_bytes() == b"mine"
