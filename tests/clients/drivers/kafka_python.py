"""kafka-python as a driver."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

from drivers.base import Received, Record

WAIT_SECONDS = 20
POLL_MS_MIN = 500
ASSIGNORS = {
    "range": RangePartitionAssignor,
    "roundrobin": RoundRobinPartitionAssignor,
    "cooperative-sticky": CooperativeStickyAssignor,
}


class KafkaPythonConsumer:
    """Wraps one `kafka.KafkaConsumer`."""

    def __init__(self, client: KafkaConsumer) -> None:
        self._client = client

    def poll(self, seconds: float) -> list[Received]:
        # A poll that ends while the group is being joined abandons the join, and kafka-python 3.0.12 sometimes
        # never takes it up again; so never a short one. It returns at once where there are records.
        polled = self._client.poll(timeout_ms=max(POLL_MS_MIN, int(seconds * 1000)))
        return [_received(message) for messages in polled.values() for message in messages]

    def assignment(self) -> frozenset[int]:
        return frozenset(part.partition for part in self._client.assignment())

    def seek(self, topic: str, partition: int, offset: int) -> None:
        self._client.seek(TopicPartition(topic, partition), offset)

    def offset_at(self, topic: str, partition: int, timestamp: int) -> int | None:
        part = TopicPartition(topic, partition)
        found = self._client.offsets_for_times({part: timestamp})[part]
        return None if found is None else found.offset

    def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        part = TopicPartition(topic, partition)
        return self._client.beginning_offsets([part])[part], self._client.end_offsets([part])[part]

    def commit(self) -> None:
        self._client.commit()

    def committed(self, topic: str, partition: int) -> int | None:
        found = self._client.committed(TopicPartition(topic, partition))
        return None if found is None else int(found)

    def close(self) -> None:
        self._client.close(autocommit=False)


class KafkaPythonDriver:
    """Makes producers and consumers of kafka-python."""

    name = "kafka_python"

    def produce(
        self, bootstrap: str, topic: str, records: Sequence[Record], *, codec: str = "none", acks: str = "all"
    ) -> list[int]:
        client = KafkaProducer(
            bootstrap_servers=bootstrap,
            compression_type=None if codec == "none" else codec,
            acks="all" if acks == "all" else int(acks),
            enable_idempotence=acks == "all",
            max_request_size=2 << 20,
            linger_ms=5,
        )
        try:
            sent = [
                client.send(
                    topic,
                    value=record.value,
                    key=record.key,
                    headers=list(record.headers),
                    partition=record.partition,
                    timestamp_ms=record.timestamp,
                )
                for record in records
            ]
            client.flush(WAIT_SECONDS)
            return [future.get(WAIT_SECONDS).offset for future in sent]
        finally:
            client.close(timeout=WAIT_SECONDS)

    def reader(self, bootstrap: str, topic: str, partitions: Sequence[int] = (0,)) -> KafkaPythonConsumer:
        client = KafkaConsumer(bootstrap_servers=bootstrap, fetch_max_wait_ms=100, metrics_enabled=False)
        parts = [TopicPartition(topic, part) for part in partitions]
        client.assign(parts)
        client.seek_to_beginning(*parts)
        return KafkaPythonConsumer(client)

    def member(
        self, bootstrap: str, group: str, topic: str, *, assignor: str = "range", instance: str | None = None
    ) -> KafkaPythonConsumer:
        config: dict[str, Any] = {} if instance is None else {"group_instance_id": instance}
        client = KafkaConsumer(
            bootstrap_servers=bootstrap,
            group_id=group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            partition_assignment_strategy=(ASSIGNORS[assignor],),
            session_timeout_ms=6000,
            heartbeat_interval_ms=200,
            fetch_max_wait_ms=100,
            metrics_enabled=False,
            **config,
        )
        client.subscribe([topic])
        return KafkaPythonConsumer(client)


def make() -> KafkaPythonDriver:
    """The driver."""
    return KafkaPythonDriver()


def _received(message: Any) -> Received:
    return Received(
        partition=message.partition,
        offset=message.offset,
        timestamp=message.timestamp,
        key=message.key,
        value=message.value,
        headers=tuple(message.headers),
    )
