"""Bulk: records per broker CPU second with librdkafka, 100-byte records, produced and then consumed from the page cache.

Two batch sizes: 1 MB, librdkafka's default, and 16 KB, the Java client's. The client is a process of its own and is the
bottleneck by far (it makes a Python object a record): the wall-clock rate measures the client, CPU time the broker.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import time
from typing import Any

from benchmarks import harness
from benchmarks.wire_client import Connection, create_topic, log_ends

PARTITIONS = 4
VALUE = b"x" * 100
_CHUNK = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=2_000_000, help="per repeat")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1_000_000, 16_384])
    parser.add_argument("--acks", default="1")
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
    for batch_size in options.batch_sizes:
        produced, consumed, walls = [], [], []
        for repeat in range(options.repeats):
            topic = f"bulk-{batch_size}-{repeat}-{os.getpid()}-{time.time_ns()}"
            connection = Connection(peer.host, peer.port)
            create_topic(connection, topic, PARTITIONS)
            log_ends(connection, topic, PARTITIONS)
            if peer.data:
                harness.warm_pages(peer.data, options.records * 115)
            cpu, wall = _cost(peer, produce, topic, options.records, batch_size, options.acks)
            if sum(log_ends(connection, topic, PARTITIONS)) != options.records:
                raise RuntimeError(f"{topic}: not all of {options.records} records are in the log")
            connection.close()
            produced.append(options.records / cpu)
            read_cpu, read_wall = _cost(peer, consume, topic, options.records)
            consumed.append(options.records / read_cpu)
            walls.append((options.records / wall, options.records / read_wall))
        figures = {"broker": options.label, "batch_size": batch_size, "acks": options.acks, "records": options.records}
        rates = {"per_wall_second": [round(made) for made, _ in walls]}
        harness.note_result("bulk_produce", {**figures, **rates}, produced, "records per broker CPU second")
        rates = {"per_wall_second": [round(read) for _, read in walls]}
        harness.note_result("bulk_consume", {**figures, **rates}, consumed, "records per broker CPU second")


def _cost(peer: harness.Peer, work: Any, topic: str, records: int, *more: Any) -> tuple[float, float]:
    """Broker CPU seconds and wall seconds of `work`, done by a client process."""
    results = multiprocessing.get_context("spawn").Queue()
    client = multiprocessing.get_context("spawn").Process(
        target=_measured, args=(results, work, peer.bootstrap, topic, records, *more)
    )
    client.start()
    results.get()  # the client is connected; what comes now counts
    cpu = peer.cpu_seconds()
    count, wall = results.get()
    spent = peer.cpu_seconds() - cpu
    client.join()
    if count != records:
        raise RuntimeError(f"{work.__name__}: {count} of {records} records")
    return spent, wall


def _measured(results: Any, work: Any, *arguments: Any) -> None:
    results.put("ready")
    began = time.perf_counter()
    count = work(*arguments)
    results.put((count, time.perf_counter() - began))


def produce(bootstrap: str, topic: str, records: int, batch_size: int, acks: str) -> int:
    """Send that many records; gives how many were delivered."""
    from confluent_kafka import Producer

    failed = 0

    def report(error: Any, message: Any) -> None:
        nonlocal failed
        failed += error is not None

    config = {
        "bootstrap.servers": bootstrap,
        "acks": acks,
        "batch.size": batch_size,
        "batch.num.messages": 1_000_000,
        "linger.ms": 50,
        "queue.buffering.max.messages": 500_000,
        "delivery.report.only.error": True,
        "on_delivery": report,
    }
    producer = Producer(config)
    chunk = [{"value": VALUE}] * _CHUNK
    sent = 0
    while sent < records:
        size = min(_CHUNK, records - sent)
        queued = producer.produce_batch(topic, chunk[:size], partition=sent // _CHUNK % PARTITIONS)
        sent += queued
        producer.poll(0 if queued == size else 0.01)
    left = producer.flush(60)
    return records - failed - left


def consume(bootstrap: str, topic: str, records: int) -> int:
    """Read from the beginning until that many came or none comes for 10 s."""
    from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

    consumer = Consumer({
        "bootstrap.servers": bootstrap,
        "group.id": "bulk",
        "enable.auto.commit": False,
        "fetch.queue.backoff.ms": 5,
        "queued.min.messages": 1_000_000,
    })  # fmt: skip
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in range(PARTITIONS)])
    count = 0
    while count < records:
        messages = consumer.consume(10_000, timeout=10)
        if not messages:
            break
        count += sum(1 for message in messages if message.error() is None)
    consumer.close()
    return count


if __name__ == "__main__":
    main()
