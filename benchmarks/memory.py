"""Idle resident memory: just started, with a thousand partitions, and after a round of traffic on them.

Aim: under 60 MiB just started. `pss` shares the pages that several processes map; `rss` is what `ps` shows.
"""

from __future__ import annotations

import argparse
import time

from benchmarks import harness, load_generator
from benchmarks.wire_client import Connection, api_versions, create_topic, log_ends

MIB = 1 << 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--partitions", type=int, default=1000)
    options = parser.parse_args()
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
        "partitions": options.partitions,
        "per_partition_kib": round((partitioned["rss"] - idle["rss"]) / options.partitions / 1024, 1),
        "per_written_partition_kib": round((used["rss"] - idle["rss"]) / options.partitions / 1024, 1),
    }
    harness.note_result("memory", figures)


def write_each(connection: Connection, batch: bytes, partitions: int) -> int:
    """One record to every partition; gives the records per partition."""
    for partition in range(partitions):
        connection.socket.sendall(load_generator.produce_request("many", partition, batch, 1, partition))
        connection.read_frame()
    return 1


if __name__ == "__main__":
    main()
