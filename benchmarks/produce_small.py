"""Small produce requests per broker CPU second: one 100-byte record each, 8 connections, 16 in flight, acks=1.

The aim of the first slice is 40,000. Depth 1 is measured too: there the kernel's share is most of the time.
"""

from __future__ import annotations

import argparse
import os
import time

from benchmarks import harness, load_generator
from benchmarks.wire_client import Connection, create_topic, log_ends

CONNECTIONS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=200_000, help="per repeat")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--depths", type=int, nargs="+", default=[16, 1])
    parser.add_argument("--acks", type=int, choices=[-1, 1], default=1)
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
    for depth in options.depths:
        topic = f"small-{depth}-{os.getpid()}-{time.time_ns()}"
        connection = Connection(peer.host, peer.port)
        create_topic(connection, topic, CONNECTIONS)
        log_ends(connection, topic, CONNECTIONS)
        batch = load_generator.batch_of(1, 100, time.time_ns() // 1_000_000)
        if peer.data:
            harness.warm_pages(peer.data, options.requests * (options.repeats + 1) * len(batch))
        load = load_generator.PipelinedLoad(
            peer.host, peer.port, topic, batch, connections=CONNECTIONS, depth=depth, acks=options.acks
        )
        each = options.requests // CONNECTIONS // (1 if depth > 1 else 4)
        load.run(each)  # the first round fills caches and compiles nothing away: not counted
        per_cpu, per_wall = [], []
        for _ in range(options.repeats):
            cpu = peer.cpu_seconds()
            wall = load.run(each)
            per_cpu.append(each * CONNECTIONS / (peer.cpu_seconds() - cpu))
            per_wall.append(each * CONNECTIONS / wall)
        load.close()
        wanted = each * (options.repeats + 1)
        ends = log_ends(connection, topic, CONNECTIONS)
        if ends != [wanted] * CONNECTIONS:
            raise RuntimeError(f"log ends {ends}, sent {wanted} to each partition")
        connection.close()
        figures = {
            "broker": options.label,
            "connections": CONNECTIONS,
            "depth": depth,
            "acks": options.acks,
            "per_wall_second": [round(value) for value in per_wall],
        }
        harness.note_result("produce_small", figures, per_cpu, "requests per broker CPU second")


if __name__ == "__main__":
    main()
