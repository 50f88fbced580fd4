"""Recovery after `kill -9`: MB of log walked per second, and the time until the partition serves again.

The log is written (16 KB batches), the broker killed before any checkpoint, and started again: it must walk every batch. The
same start after a clean stop is taken off, so that what remains is the walk. The data is in the page cache, as it is after a
killed process; after a lost machine the disk's speed comes on top.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import time
from pathlib import Path

from benchmarks import harness, load_generator
from benchmarks.record import quick
from benchmarks.wire_client import Connection, create_topic, log_ends

PARTITIONS = 4
RECORD = 100
RECORDS_PER_BATCH = 150  # about 16 KB
WALK_SECONDS_MIN = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    rates, starts = [], []
    for _ in range(options.repeats):
        with harness.directory() as data:
            killed, clean, written = once(data, options.megabytes)
        starts.append({"after_kill_s": round(killed, 3), "after_clean_stop_s": round(clean, 3)})
        if killed - clean < WALK_SECONDS_MIN and not quick():
            raise SystemExit(f"the walk took {killed - clean:.3f} s: too short to tell from noise, raise --megabytes")
        rates.append(written / 1e6 / max(killed - clean, 0.001))
    figures = {"megabytes": options.megabytes, "partitions": PARTITIONS, "starts": starts}
    harness.note_result("recovery", figures, rates, "MB per second")


def once(data: Path, megabytes: int) -> tuple[float, float, int]:
    """Seconds of a start after SIGKILL, seconds of one after a clean stop, and the bytes of log."""
    batch = load_generator.batch_of(RECORDS_PER_BATCH, RECORD, time.time_ns() // 1_000_000)
    each = megabytes * 1_000_000 // len(batch) // PARTITIONS
    port = harness.free_port()
    process = harness.start(data, port)
    harness.wait_for(port, process)
    harness.warm_pages(data, megabytes << 20)
    connection = Connection("127.0.0.1", port)
    create_topic(connection, "recovery", PARTITIONS)
    load = load_generator.PipelinedLoad("127.0.0.1", port, "recovery", batch, connections=PARTITIONS, depth=8, acks=1)
    load.run(each)
    load.close()
    harness.stop(process, signal.SIGKILL)
    killed, process = timed_start(data, each)
    harness.stop(process)
    clean, process = timed_start(data, each)
    harness.stop(process)
    return killed, clean, each * PARTITIONS * len(batch)


def timed_start(data: Path, batches: int) -> tuple[float, subprocess.Popen[bytes]]:
    """Start and wait until every partition says where its log ends."""
    port = harness.free_port()
    began = time.perf_counter()
    process = harness.start(data, port)
    harness.wait_for(port, process)
    connection = Connection("127.0.0.1", port, timeout=300)
    ends = log_ends(connection, "recovery", PARTITIONS, patience=300)
    took = time.perf_counter() - began
    connection.close()
    if ends != [batches * RECORDS_PER_BATCH] * PARTITIONS:
        raise RuntimeError(f"log ends {ends} after recovery, {batches * RECORDS_PER_BATCH} were acknowledged")
    return took, process


if __name__ == "__main__":
    main()
