"""Idle resident memory: just started, with a thousand partitions, after a round of traffic on them; and idle connections.

Aim: under 60 MiB just started. `pss` shares the pages that several processes map; `rss` is what `ps` shows. A connection's
share is measured on a second thousand, each of which has asked something: the first fills what the start has left behind.
"""

from __future__ import annotations

import argparse
import resource
import time
from contextlib import ExitStack, closing

from benchmarks import harness, load_generator
from benchmarks.wire_client import Connection, api_versions, create_topic, greet, log_ends

MIB = 1 << 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--partitions", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=1000)
    options = parser.parse_args()
    per_connection = of_a_connection(options.connections)
    with harness.broker() as peer:
        api_versions(peer.host, peer.port)
        time.sleep(1)
        idle = peer.resident_bytes()
        connection = Connection(peer.host, peer.port)
        create_topic(connection, "many", options.partitions)
        log_ends(connection, "many", options.partitions)
        time.sleep(1)
        partitioned = peer.resident_bytes()
        batch = load_generator.batch_of(1, 100, time.time_ns() // 1_000_000)
        written = write_each(connection, batch, options.partitions)
        if log_ends(connection, "many", options.partitions) != [written] * options.partitions:
            raise RuntimeError("a partition lacks its record")
        time.sleep(1)
        used = peer.resident_bytes()
        connection.close()
    figures = {
        "idle_rss_mib": round(idle["rss"] / MIB, 1),
        "idle_pss_mib": round(idle["pss"] / MIB, 1),
        "connections": options.connections,
        "per_connection_kib": round(per_connection / 1024, 2),
        "partitions": options.partitions,
        "per_partition_kib": round((partitioned["rss"] - idle["rss"]) / options.partitions / 1024, 1),
        "per_written_partition_kib": round((used["rss"] - idle["rss"]) / options.partitions / 1024, 1),
    }
    harness.note_result("memory", figures)


def of_a_connection(count: int) -> float:
    """Bytes of an idle connection that has been used once."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with harness.broker(("socket.listen.backlog.size=1000",)) as peer, ExitStack() as crowd:
        sizes = []
        for _ in range(2):
            for _ in range(count):
                greet(crowd.enter_context(closing(Connection(peer.host, peer.port))))
            time.sleep(1)
            sizes.append(peer.resident_bytes()["rss"])
    return (sizes[1] - sizes[0]) / count


def write_each(connection: Connection, batch: bytes, partitions: int) -> int:
    """One record to every partition; gives the records per partition."""
    for partition in range(partitions):
        connection.socket.sendall(load_generator.produce_request("many", partition, batch, 1, partition))
        connection.read_frame()
    return 1


if __name__ == "__main__":
    main()
