"""What Kafka has no name for."""

from __future__ import annotations

from odradek.metadata.broker_keys.shapes import CLUSTER_WIDE, MIB, boolean, integer, long

KEYS = (
    boolean(
        "odradek.acks.all.fsync", True,
        "Whether acks=all waits until the data is on disk where no other broker holds it. False is Kafka's own way: the"
        " page cache, which a power cut empties.",
        CLUSTER_WIDE,
    ),
    integer(
        "odradek.metrics.port", None, "Port for Prometheus metrics; 0 takes a free one. Unset: no metrics server.", 0, 65535
    ),
    integer(
        "odradek.connection.inflight.max", 100,
        "Requests of one connection that are read and not yet answered; beyond, reading from it pauses.", 1,
    ),
    integer(
        "odradek.request.other.max.bytes", 2 * MIB,
        "The longest request that is no Produce: such a request becomes objects, many times its size.", 64 * 1024,
    ),
    integer(
        "odradek.request.elements.max", 100_000,
        "Elements of all arrays in one request (topics, names...): each becomes an object, however little it holds.",
        1,
    ),
    long(
        "odradek.memory.inflight.bytes", 256 * MIB,
        "Bytes of requests of all connections that are read and not yet answered; beyond, reading pauses.", MIB,
    ),
    long(
        "odradek.memory.unsent.bytes", 256 * MIB,
        "Bytes of answers that clients have not taken, over all connections; fetches answer with no more than is left of it,"
        " or with one batch.",
        MIB,
    ),
    integer(
        "odradek.partitions.max", 100_000,
        "Partitions in the whole cluster. One event loop serves about that many; every one costs memory and files.", 1,
        update=CLUSTER_WIDE,
    ),
)  # fmt: skip
