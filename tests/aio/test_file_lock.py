"""The lock between processes: ours, and Apache Kafka's (which takes a POSIX record lock)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from odradek.aio import LockedError
from odradek.aio.file_lock import acquire

HOLD = """
import sys
{take}
print("held", flush=True)
sys.stdin.read()
"""
OURS = "from odradek.aio.file_lock import acquire; lock = acquire({path!r})"
KAFKAS = "import fcntl; file = open({path!r}, 'w'); fcntl.lockf(file, fcntl.LOCK_EX)"


def holder(path: str, take: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD.format(take=take.format(path=path))], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def test_another_process_is_named_and_its_end_releases_the_lock(tmp_path: Path):
    path = str(tmp_path / ".lock")
    with holder(path, OURS) as process:
        with pytest.raises(LockedError, match=rf"locked by process {process.pid}:") as raised:
            acquire(path)
        assert raised.value.pid == process.pid
        process.kill()
    acquire(path).release()


def test_a_directory_that_kafka_has_open_is_refused(tmp_path: Path):
    path = str(tmp_path / ".lock")
    with holder(path, KAFKAS) as process:
        with pytest.raises(LockedError, match="locked by another process"):
            acquire(path)
        process.kill()


def test_a_second_attempt_in_the_same_process_does_not_lose_the_first_ones_lock(tmp_path: Path):
    path = str(tmp_path / ".lock")
    lock = acquire(path)
    with pytest.raises(LockedError, match=f"process {os.getpid()}"):
        acquire(str(tmp_path / "." / ".lock"))
    attempt = [sys.executable, "-c", f"import fcntl; fcntl.lockf(open({path!r}, 'r+'), fcntl.LOCK_EX | fcntl.LOCK_NB)"]
    assert subprocess.run(attempt, stderr=subprocess.DEVNULL, check=False).returncode != 0
    lock.release()
    assert subprocess.run(attempt, stderr=subprocess.DEVNULL, check=False).returncode == 0
