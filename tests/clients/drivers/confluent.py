"""confluent-kafka (librdkafka) as a driver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, KafkaException, Message, Producer, TopicPartition
from confluent_kafka import Consumer as Client

from drivers.base import Received, Record

WAIT_SECONDS = 20


class ConfluentConsumer:
    """Wraps one `confluent_kafka.Consumer`."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def poll(self, seconds: float) -> list[Received]:
        messages = self._client.consume(500, seconds)
        return [_received(message) for message in messages]

    def assignment(self) -> frozenset[int]:
        return frozenset(part.partition for part in self._client.assignment())

    def seek(self, topic: str, partition: int, offset: int) -> None:
        self._client.seek(TopicPartition(topic, partition, offset))

    def offset_at(self, topic: str, partition: int, timestamp: int) -> int | None:
        (found,) = self._client.offsets_for_times([TopicPartition(topic, partition, timestamp)], WAIT_SECONDS)
        return found.offset if found.offset >= 0 else None

    def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        low, high = self._client.get_watermark_offsets(TopicPartition(topic, partition), WAIT_SECONDS)
        return low, high

    def commit(self) -> None:
        self._client.commit(asynchronous=False)

    def committed(self, topic: str, partition: int) -> int | None:
        (found,) = self._client.committed([TopicPartition(topic, partition)], WAIT_SECONDS)
        return found.offset if found.offset >= 0 else None

    def close(self) -> None:
        self._client.close()


class ConfluentDriver:
    """Makes producers and consumers of confluent-kafka."""

    name = "confluent"

    def produce(
        self, bootstrap: str, topic: str, records: Sequence[Record], *, codec: str = "none", acks: str = "all"
    ) -> list[int]:
        client = Producer(
            {
                "bootstrap.servers": bootstrap,
                "compression.type": codec,
                "acks": acks,
                "linger.ms": 5,
                "message.max.bytes": 2 << 20,
            }
        )
        offsets = [-1] * len(records)
        failures: list[Any] = []
        for index, record in enumerate(records):
            _send(client, topic, record, index, offsets, failures)
        left = client.flush(WAIT_SECONDS)
        if failures or left:
            raise KafkaException(failures[0] if failures else f"{left} records unsent after {WAIT_SECONDS} s")
        return offsets

    def reader(self, bootstrap: str, topic: str, partitions: Sequence[int] = (0,)) -> ConfluentConsumer:
        client = Client({"bootstrap.servers": bootstrap, "group.id": "unused", "enable.auto.commit": False})
        client.assign([TopicPartition(topic, part, OFFSET_BEGINNING) for part in partitions])
        return ConfluentConsumer(client)

    def member(
        self, bootstrap: str, group: str, topic: str, *, assignor: str = "range", instance: str | None = None
    ) -> ConfluentConsumer:
        config: dict[str, Any] = {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "partition.assignment.strategy": assignor,
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 200,
        }
        if instance is not None:
            config["group.instance.id"] = instance
        client = Client(config)
        client.subscribe([topic])
        return ConfluentConsumer(client)


def make() -> ConfluentDriver:
    """The driver."""
    return ConfluentDriver()


def _send(client: Producer, topic: str, record: Record, index: int, offsets: list[int], failures: list[Any]) -> None:
    def delivered(error: Any, message: Message) -> None:
        if error is not None:
            failures.append(error)
        elif (offset := message.offset()) is not None:
            offsets[index] = offset

    stamp = {} if record.timestamp is None else {"timestamp": record.timestamp}
    client.produce(
        topic,
        record.value,
        record.key,
        record.partition,
        on_delivery=delivered,
        headers=list(record.headers),
        **stamp,
    )
    client.poll(0)


def _received(message: Message) -> Received:
    if (error := message.error()) is not None:
        raise KafkaException(error)
    return Received(
        partition=message.partition(),
        offset=message.offset(),
        timestamp=message.timestamp()[1],
        key=message.key(),
        value=message.value(),
        headers=tuple(message.headers() or ()),
    )
