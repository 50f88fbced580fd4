"""What every benchmark needs: a broker to measure, its CPU time, warm pages, and a line in `results/`.

A figure is worth what its circumstances are, so a line holds the machine, the versions and every repeat, not just the best.
CPU time comes from the kernel's clock of the broker's process (nanoseconds, all threads, also those that have ended): on a
machine shared with the load generator it is the figure that repeats; wall-clock time is written down too, and mostly measures
the client. `README.md` has the traps.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
_LIBRARIES = ("odradek", "uvloop", "crc32c", "confluent-kafka", "click")
START_SECONDS_MAX = 60.0


class Peer:
    """A running broker under measurement: ours, or whichever was named by address and process id."""

    def __init__(self, host: str, port: int, pid: int, data: Path | None = None) -> None:
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


def note_result(name: str, figures: dict[str, Any], repeats: Sequence[float] = (), unit: str = "") -> None:
    """Append a line to `results/<name>.jsonl` and show it. `repeats` are all values of the main figure."""
    line: dict[str, Any] = {"benchmark": name, "at": datetime.now(UTC).isoformat(timespec="seconds"), **figures}
    if repeats:
        line |= {
            "median": round(statistics.median(repeats), 3),
            "unit": unit,
            "repeats": [round(value, 3) for value in repeats],
            "spread_percent": round(100 * (max(repeats) - min(repeats)) / statistics.median(repeats), 1),
        }
    line |= {"commit": _commit(), "machine": machine(), "versions": versions()}
    RESULTS.mkdir(exist_ok=True)
    with (RESULTS / f"{name}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
    shown = {key: value for key, value in line.items() if key not in ("machine", "versions", "at")}
    print(json.dumps(shown))


def machine() -> dict[str, Any]:
    """Processor, cores, kernel: what a figure must be read with."""
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return {
        "cpu": model,
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "load": round(os.getloadavg()[0], 2),
    }


def versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _commit() -> str:
    done = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, check=False)
    return done.stdout.decode().strip() or "unknown"
