"""Produce latency at a fixed rate: one 100-byte record a request, open loop, from when each request was due.

acks=1 is answered from the page cache, acks=all after the fdatasync. One connection. A closed loop would slow down with the
broker and so hide its stalls; here they show in every request that they held back.
"""

from __future__ import annotations

import argparse
import os
import time

from benchmarks import harness, load_generator
from benchmarks.wire_client import Connection, create_topic, log_ends


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=2000, help="requests per second")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--peer", metavar="HOST:PORT:PID", help="measure this broker instead of starting ours")
    parser.add_argument("--label", default="odradek")
    options = parser.parse_args()
    if options.peer:
        host, port, pid = options.peer.rsplit(":", 2)
        measure(harness.Peer(host, int(port), int(pid)), options)
        return
    with harness.broker() as peer:
        measure(peer, options)


def measure(peer: harness.Peer, options: argparse.Namespace) -> None:
    batch = load_generator.batch_of(1, 100, time.time_ns() // 1_000_000)
    connection = Connection(peer.host, peer.port)
    for acks, name in ((1, "1"), (-1, "all")):
        topic = f"latency-{name}-{os.getpid()}-{time.time_ns()}"
        create_topic(connection, topic, 1)
        log_ends(connection, topic, 1)
        runs = []
        warm = load_generator.paced(peer.host, peer.port, topic, batch, per_second=options.rate, seconds=1, acks=acks)
        for _ in range(options.repeats):
            runs.append(
                load_generator.paced(
                    peer.host, peer.port, topic, batch, per_second=options.rate, seconds=options.seconds, acks=acks
                )
            )
        wanted = len(warm) + sum(len(run) for run in runs)
        if log_ends(connection, topic, 1) != [wanted]:
            raise RuntimeError(f"{topic}: the log does not hold {wanted} records")
        figures = {
            "broker": options.label,
            "acks": name,
            "rate": options.rate,
            "p99_ms": [round(1000 * load_generator.percentile(run, 0.99), 3) for run in runs],
            "p999_ms": [round(1000 * load_generator.percentile(run, 0.999), 3) for run in runs],
            "max_ms": [round(1000 * max(run), 3) for run in runs],
        }
        medians = [1000 * load_generator.percentile(run, 0.5) for run in runs]
        harness.note_result("latency", figures, medians, "ms, p50 of each run")
    connection.close()


if __name__ == "__main__":
    main()
