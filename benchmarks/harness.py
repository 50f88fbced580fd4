"""What every benchmark needs: a broker to measure, its CPU time, and warm pages. `record.py` keeps what was found.

CPU time comes from the kernel's clock of the broker's process (nanoseconds, all threads, also those that have ended): on a
machine shared with the load generator it is the figure that repeats; wall-clock time is written down too, and mostly measures
the client. `README.md` has the traps.
"""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.record import ROOT, at_start, note_result

__all__ = ["ROOT", "Peer", "broker", "directory", "note_result"]

START_SECONDS_MAX = 60.0


class Peer:
    """A running broker under measurement: ours, or whichever was named by address and process id."""

    def __init__(self, host: str, port: int, pid: int, data: Path | None = None) -> None:
        at_start()
        self.host = host
        self.port = port
        self.pid = pid
        self.data = data

    @property
    def bootstrap(self) -> str:
        return f"{self.host}:{self.port}"

    def cpu_seconds(self) -> float:
        """User and system time of the process so far."""
        return time.clock_gettime((~self.pid << 3) | 2)  # CPUCLOCK_SCHED of that process: clock_getcpuclockid(3)

    def resident_bytes(self) -> dict[str, int]:
        """`rss` and `pss` of the process, and of its children together."""
        pids = [self.pid, *_children(self.pid)]
        return {
            "rss": sum(_smaps(pid, "Rss:") for pid in pids),
            "pss": sum(_smaps(pid, "Pss:") for pid in pids),
        }


def _children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return [int(child) for child in found]


def _smaps(pid: int, field: str) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise ValueError(f"no {field} in /proc/{pid}/smaps_rollup")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def start(data: Path, port: int, settings: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    """`odradek serve` as a process of its own, just started: it may not listen yet."""
    command = [sys.executable, "-m", "odradek", "serve", "--listen", f"127.0.0.1:{port}", "--data-dir", str(data)]
    command += ["--log", "warning"]
    for setting in settings:
        command += ["--set", setting]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)


def stop(process: subprocess.Popen[bytes], how: int = signal.SIGTERM) -> None:
    """End it and wait; a broker that doesn't end by itself in 20 s fails the benchmark."""
    process.send_signal(how)
    try:
        code = process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
    if how == signal.SIGTERM and code != 0:
        raise RuntimeError(f"the broker ended with {code} after SIGTERM")


@contextmanager
def directory() -> Iterator[Path]:
    """A data directory on the disk that TMPDIR names, removed afterwards."""
    at_start()
    path = Path(tempfile.mkdtemp(prefix="odradek-bench-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def broker(settings: Sequence[str] = ()) -> Iterator[Peer]:
    """A fresh broker of this checkout, stopped afterwards."""
    with directory() as data:
        port = free_port()
        process = start(data, port, settings)
        try:
            wait_for(port, process)
            yield Peer("127.0.0.1", port, process.pid, data)
        finally:
            stop(process)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Until something listens on the port."""
    end = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if process.poll() is not None:
                raise RuntimeError(f"the broker ended with {process.returncode} while starting") from None
            time.sleep(0.002)
    raise RuntimeError(f"nobody listens on port {port} after {START_SECONDS_MAX} s")


def warm_pages(data: Path, size: int) -> None:
    """Write and unlink `size` bytes: pages that a virtual machine has not touched lately cost ten times more to write."""
    path = data / "warm"
    block = b"\1" * (1 << 20)
    with path.open("wb") as file:
        for _ in range(max(1, size >> 20)):
            file.write(block)
    path.unlink()
