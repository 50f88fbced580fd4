"""`odradek serve` as a process: started on a free port, ready when it answers, ended by SIGTERM and by nothing worse.

The same shape as `reference.kafka.ReferenceKafka`, for suites that want the command and not the embedded broker.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from reference.kafka import free_port

START_SECONDS_MAX = 20
STOP_SECONDS_MAX = 10


@contextmanager
def serve(config: Mapping[str, str], data_dir: Path | None = None) -> Iterator[str]:
    """Run a broker; yields its HOST:PORT. Fails if it does not stop in order, with exit code 0."""
    with tempfile.TemporaryDirectory(prefix="odradek-") as scratch:
        address = f"127.0.0.1:{free_port()}"
        settings = [word for name, value in config.items() for word in ("--set", f"{name}={value}")]
        directory = data_dir if data_dir is not None else Path(scratch, "data")
        command = [sys.executable, "-m", "odradek", "serve", "--listen", address, "--data-dir", str(directory)]
        log = Path(scratch, "odradek.log")
        with log.open("wb") as output:
            process = subprocess.Popen([*command, *settings], stdout=output, stderr=subprocess.STDOUT)
            try:
                _wait_ready(process, address, log)
                yield address
            finally:
                code = _stop(process)
        if code != 0:
            raise RuntimeError(f"odradek ended with {code}:\n{log.read_text(errors='replace')[-5000:]}")


def _wait_ready(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    host, _, port = address.rpartition(":")
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"odradek ended before it was ready:\n{log.read_text(errors='replace')}")
        try:
            socket.create_connection((host, int(port)), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"odradek was not ready within {START_SECONDS_MAX} s:\n{log.read_text(errors='replace')}")


def _stop(process: subprocess.Popen[bytes]) -> int:
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return -signal.SIGKILL
