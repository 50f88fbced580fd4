"""A public table through the log: the airports of `vega-datasets`, produced by one library, consumed by another.

    python examples/datasets.py                                    starts its own broker
    python examples/datasets.py --bootstrap-server localhost:9092  uses a running one, Odradek or Apache Kafka

Each of the 3,376 rows becomes a JSON record keyed by its airport code, so that one airport's records stay in order in
one partition. confluent-kafka (librdkafka) writes them compressed to a topic of four partitions; kafka-python reads
them back in a consumer group; then every record is compared with the table. The exit code is 0 when all are equal.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
import uuid
from contextlib import ExitStack

from confluent_kafka import Message, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from kafka import KafkaConsumer
from vega_datasets import local_data

import odradek

Row = dict[str, str]
WAIT_SECONDS = 30
PARTITIONS = 4


def airports() -> list[Row]:
    """The table, as it lies in the package: no network."""
    return list(csv.DictReader(io.StringIO(local_data.airports.raw().decode())))


def produce(bootstrap: str, topic: str, rows: list[Row], codec: str) -> None:
    """Send all rows and wait until each is acknowledged by the broker's disk."""
    failed: list[str] = []

    def delivered(error: object, message: Message) -> None:
        if error is not None:
            failed.append(f"{message.key()!r}: {error}")

    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "compression.type": codec, "linger.ms": 20})
    for row in rows:
        producer.produce(topic, json.dumps(row), row["iata"], on_delivery=delivered)
        producer.poll(0)
    left = producer.flush(WAIT_SECONDS)
    if failed or left:
        raise RuntimeError(f"{left} rows unsent, {len(failed)} refused: {failed[:3]}")


def consume(bootstrap: str, topic: str, count: int) -> list[tuple[int, int, str, Row]]:
    """Read `count` records as (partition, offset, key, row); fewer if none comes for a while."""
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=f"datasets-{uuid.uuid4().hex[:8]}",
        auto_offset_reset="earliest",
        consumer_timeout_ms=WAIT_SECONDS * 1000,
    )
    got: list[tuple[int, int, str, Row]] = []
    try:
        for message in consumer:
            got.append((message.partition, message.offset, message.key.decode(), json.loads(message.value)))
            if len(got) == count:
                break
    finally:
        consumer.close()
    return got


def differences(rows: list[Row], got: list[tuple[int, int, str, Row]]) -> list[str]:
    """What is missing, altered, twice there or out of order, in words; empty when all is well."""
    wanted = {row["iata"]: row for row in rows}
    seen: set[str] = set()
    ends: dict[int, int] = {}
    found = []
    for partition, offset, key, row in got:
        if offset != ends.get(partition, 0):
            found.append(f"partition {partition}: offset {offset} follows {ends.get(partition, 0) - 1}")
        ends[partition] = offset + 1
        if key in seen:
            found.append(f"{key}: came twice")
        elif row != wanted.get(key):
            found.append(f"{key}: sent {wanted.get(key)}, got {row}")
        seen.add(key)
    return found + [f"{key}: missing" for key in wanted.keys() - seen]


def main(arguments: list[str]) -> int:
    """The example, whole."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bootstrap-server", metavar="HOST:PORT")
    parser.add_argument("--codec", choices=["none", "gzip", "snappy", "lz4", "zstd"], default="zstd")
    options = parser.parse_args(arguments)
    with ExitStack() as stack:
        bootstrap = options.bootstrap_server or stack.enter_context(odradek.Broker()).bootstrap_servers
        topic = f"airports-{uuid.uuid4().hex[:8]}"
        admin = AdminClient({"bootstrap.servers": bootstrap})
        admin.create_topics([NewTopic(topic, PARTITIONS, 1)])[topic].result(WAIT_SECONDS)
        rows = airports()
        produce(bootstrap, topic, rows, options.codec)
        got = consume(bootstrap, topic, len(rows))
        wrong = differences(rows, got)
    for line in wrong[:10]:
        print(line, file=sys.stderr)
    print(f"{topic}: {len(rows)} rows sent, {len(got)} came back, {len(wrong)} differences")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
