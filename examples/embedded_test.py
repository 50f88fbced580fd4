"""Testing a service that uses Kafka, against a real broker inside the test's process: `pytest examples/embedded_test.py`.

The service here is a word counter that reads one topic and writes another. Its tests need no container and no mock: the
fixtures come with the package, the broker starts in milliseconds, and the client library is the one that production uses.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer

import odradek


def count_words(bootstrap: str, source: str, target: str, sentences: int) -> None:
    """The service under test: after each sentence, the new count of each of its words goes to `target`."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "counter", "auto.offset.reset": "earliest"})
    producer = Producer({"bootstrap.servers": bootstrap})
    consumer.subscribe([source])
    counts: Counter[str] = Counter()
    for _ in range(sentences):
        message = consumer.poll(30)
        assert message is not None and message.error() is None
        for word in (message.value() or b"").decode().split():
            counts[word] += 1
            producer.produce(target, key=word, value=str(counts[word]))
    producer.flush()
    consumer.close()


def read(bootstrap: str, topic: str, count: int) -> list[tuple[bytes | None, bytes | None]]:
    """The first `count` records of a topic."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": f"read-{topic}", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    messages = consumer.consume(count, timeout=30)
    consumer.close()
    return [(message.key(), message.value()) for message in messages]


@pytest.mark.kafka_topic(partitions=1)
def test_words_are_counted(kafka_bootstrap_servers: str, kafka_topic: str) -> None:
    producer = Producer({"bootstrap.servers": kafka_bootstrap_servers})
    producer.produce(kafka_topic, "a star, a spool")
    producer.produce(kafka_topic, "a thread")
    producer.flush()

    count_words(kafka_bootstrap_servers, kafka_topic, f"{kafka_topic}-counts", sentences=2)

    counted = dict(read(kafka_bootstrap_servers, f"{kafka_topic}-counts", 6))
    assert counted == {b"a": b"3", b"star,": b"1", b"spool": b"1", b"thread": b"1"}


def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    with odradek.Broker(str(tmp_path)) as broker:
        producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
        producer.produce("kept", b"still here")
        assert producer.flush(30) == 0
    # A broker with a directory of its own keeps Kafka's defaults, among them 3 s for a new group's members to gather.
    with odradek.Broker(str(tmp_path), config={"group.initial.rebalance.delay.ms": 0}) as broker:
        assert read(broker.bootstrap_servers, "kept", 1) == [(None, b"still here")]
