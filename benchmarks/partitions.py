"""Many partitions: what a start, an idle broker and a stop cost with ten thousand of them and RLIMIT_NOFILE at 1,024.

Each partition holds one record. The broker is killed, started (it recovers every log), left alone until it has saved what it
recovered, stopped, and started and stopped once more. Processor time is the figure that repeats: an idle partition costs little
more than the way to its files.
"""

from __future__ import annotations

import argparse
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import harness, load_generator
from benchmarks.memory import MIB, write_each
from benchmarks.wire_client import Connection, create_topic, log_ends

DESCRIPTORS = 1024
SAVED_PER_SECOND = 100  # odradek.log.housekeeping
IDLE_SECONDS = 3
TOPIC = "many"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--partitions", type=int, default=10_000)
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
    with harness.directory() as data:
        fill(data, options.partitions)
        after_kill = Life(data)
        time.sleep(options.partitions / SAVED_PER_SECOND + IDLE_SECONDS)
        after_kill.stop()
        clean = Life(data)
        idle_cpu = after(clean.peer.cpu_seconds, IDLE_SECONDS)
        memory, open_files = clean.peer.resident_bytes(), clean.open_files()
        connection = Connection("127.0.0.1", clean.port, timeout=300)
        if log_ends(connection, TOPIC, options.partitions, patience=300) != [1] * options.partitions:
            raise RuntimeError("a partition lacks its record")
        connection.close()
        clean.stop()
    figures = {
        "partitions": options.partitions,
        "descriptors_max": DESCRIPTORS,
        "start_clean_cpu_s": clean.start_cpu,
        "start_clean_s": clean.start_seconds,
        "start_after_kill_cpu_s": after_kill.start_cpu,
        "start_after_kill_s": after_kill.start_seconds,
        "stop_clean_s": clean.stop_seconds,
        "stop_after_kill_s": after_kill.stop_seconds,
        "idle_cpu_percent": round(100 * idle_cpu / IDLE_SECONDS, 2),
        "rss_mib": round(memory["rss"] / MIB, 1),
        "open_files": open_files,
    }
    harness.note_result("partitions", figures)


class Life:
    """A broker from its start to its stop."""

    def __init__(self, data: Path) -> None:
        self.port = harness.free_port()
        began = time.perf_counter()
        self.process = harness.start(data, self.port)
        wait_for(self.port, self.process)
        self.start_seconds = round(time.perf_counter() - began, 2)
        self.peer = harness.Peer("127.0.0.1", self.port, self.process.pid)
        self.start_cpu = round(self.peer.cpu_seconds(), 2)
        self.stop_seconds = 0.0

    def open_files(self) -> int:
        return sum(1 for _ in Path(f"/proc/{self.process.pid}/fd").iterdir())

    def stop(self) -> None:
        """In order: a broker that does not come to its end within its five seconds fails the benchmark."""
        began = time.perf_counter()
        harness.stop(self.process)
        self.stop_seconds = round(time.perf_counter() - began, 2)


def fill(data: Path, partitions: int) -> None:
    """A record in each partition, and a kill."""
    life = Life(data)
    connection = Connection("127.0.0.1", life.port, timeout=300)
    create_topic(connection, TOPIC, partitions)
    log_ends(connection, TOPIC, partitions, patience=300)
    write_each(connection, load_generator.batch_of(1, 100, time.time_ns() // 1_000_000), partitions)
    connection.close()
    harness.stop(life.process, signal.SIGKILL)


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """As the harness does, for starts that take longer than it waits."""
    for attempt in range(5):
        try:
            return harness.wait_for(port, process)
        except RuntimeError:
            if process.poll() is not None or attempt == 4:
                raise
    return None


def after(read: Callable[[], float], seconds: float) -> float:
    """By how much a counter grows meanwhile."""
    before = read()
    time.sleep(seconds)
    return read() - before


if __name__ == "__main__":
    main()
