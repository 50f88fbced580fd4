"""Produce a few records and read them back, with an unmodified Kafka client.

python examples/produce_consume.py                                  # starts a broker of its own
python examples/produce_consume.py --bootstrap-server 127.0.0.1:9092
"""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient, NewTopic

import odradek

TOPIC = "orders"
ORDERS = {f"customer-{number % 3}": [f"order {number}", f"order {number + 3}"] for number in range(3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bootstrap-server", help="a broker that runs already")
    address = parser.parse_args().bootstrap_server
    broker: Any = nullcontext() if address else odradek.Broker()
    with broker:
        bootstrap = address or broker.bootstrap_servers
        create_topic(bootstrap)
        produce(bootstrap)
        for partition, key, value in consume(bootstrap):
            print(f"partition {partition}  {key} -> {value}")


def create_topic(bootstrap: str) -> None:
    """Three partitions; a topic that exists already is fine."""
    admin = AdminClient({"bootstrap.servers": bootstrap})  # must live until its answers have come
    try:
        admin.create_topics([NewTopic(TOPIC, 3)])[TOPIC].result()
    except KafkaException as failed:
        if failed.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise


def produce(bootstrap: str) -> None:
    """Send every order, keyed by customer: one customer's orders lie in one partition, in order."""
    failures: list[KafkaError] = []

    def delivered(error: KafkaError | None, message: Message) -> None:
        if error is not None:
            failures.append(error)

    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
    for customer, orders in ORDERS.items():
        for order in orders:
            producer.produce(TOPIC, key=customer, value=order, on_delivery=delivered)
    producer.flush()
    if failures:
        raise KafkaException(failures[0])


def consume(bootstrap: str) -> list[tuple[int, str, str]]:
    """Read as a member of a group, from the beginning, as many records as there are orders."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "billing", "auto.offset.reset": "earliest"})
    consumer.subscribe([TOPIC])
    found: list[tuple[int, str, str]] = []
    while len(found) < sum(map(len, ORDERS.values())):
        message = consumer.poll(10)
        if message is None:
            raise SystemExit("no more records: this group has read them already")
        found.append((message.partition() or 0, (message.key() or b"").decode(), (message.value() or b"").decode()))
    consumer.close()
    return found


if __name__ == "__main__":
    main()
