"""aiokafka as a driver: each consumer has a loop of its own, which runs while its owner polls it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

from drivers.base import Received, Record

T = TypeVar("T")
ASSIGNORS = {"range": RangePartitionAssignor, "roundrobin": RoundRobinPartitionAssignor}


class AioConsumer:
    """Wraps one `aiokafka.AIOKafkaConsumer` and its loop."""

    def __init__(self, topics: Sequence[str], config: dict[str, Any]) -> None:
        self._runner = asyncio.Runner()
        self._client = self._run(self._open(topics, config))

    async def _open(self, topics: Sequence[str], config: dict[str, Any]) -> AIOKafkaConsumer:
        client = AIOKafkaConsumer(*topics, enable_auto_commit=False, **config)
        if topics:
            # In a group, start() waits for the first assignment, which other members may hold up.
            await client.start()
        return client

    def _run(self, step: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(step)

    async def assign_from_beginning(self, parts: Sequence[TopicPartition]) -> None:
        self._client.assign(parts)
        await self._client.start()
        await self._client.seek_to_beginning(*parts)

    def poll(self, seconds: float) -> list[Received]:
        polled = self._run(self._client.getmany(timeout_ms=int(seconds * 1000)))
        return [_received(message) for messages in polled.values() for message in messages]

    def assignment(self) -> frozenset[int]:
        return frozenset(part.partition for part in self._client.assignment())

    def seek(self, topic: str, partition: int, offset: int) -> None:
        self._client.seek(TopicPartition(topic, partition), offset)

    def offset_at(self, topic: str, partition: int, timestamp: int) -> int | None:
        part = TopicPartition(topic, partition)
        found = self._run(self._client.offsets_for_times({part: timestamp}))[part]
        return None if found is None else int(found.offset)

    def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        part = TopicPartition(topic, partition)
        low = self._run(self._client.beginning_offsets([part]))[part]
        return low, self._run(self._client.end_offsets([part]))[part]

    def commit(self) -> None:
        self._run(self._client.commit())

    def committed(self, topic: str, partition: int) -> int | None:
        found: int | None = self._run(self._client.committed(TopicPartition(topic, partition)))
        return found

    def close(self) -> None:
        self._run(self._client.stop())
        self._runner.close()


class AioDriver:
    """Makes producers and consumers of aiokafka."""

    name = "aio"

    def produce(
        self, bootstrap: str, topic: str, records: Sequence[Record], *, codec: str = "none", acks: str = "all"
    ) -> list[int]:
        return asyncio.run(_produce(bootstrap, topic, records, codec, acks))

    def reader(self, bootstrap: str, topic: str, partitions: Sequence[int] = (0,)) -> AioConsumer:
        consumer = AioConsumer([], {"bootstrap_servers": bootstrap, "fetch_max_wait_ms": 100})
        parts = [TopicPartition(topic, part) for part in partitions]
        consumer._run(consumer.assign_from_beginning(parts))
        return consumer

    def member(
        self, bootstrap: str, group: str, topic: str, *, assignor: str = "range", instance: str | None = None
    ) -> AioConsumer:
        config: dict[str, Any] = {
            "bootstrap_servers": bootstrap,
            "group_id": group,
            "group_instance_id": instance,
            "auto_offset_reset": "earliest",
            "partition_assignment_strategy": (ASSIGNORS[assignor],),
            "session_timeout_ms": 6000,
            "heartbeat_interval_ms": 200,
            "fetch_max_wait_ms": 100,
        }
        return AioConsumer([topic], config)


def make() -> AioDriver:
    """The driver."""
    return AioDriver()


async def _produce(bootstrap: str, topic: str, records: Sequence[Record], codec: str, acks: str) -> list[int]:
    client = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        compression_type=None if codec == "none" else codec,
        acks="all" if acks == "all" else int(acks),
        enable_idempotence=acks == "all",
        max_request_size=2 << 20,
        linger_ms=5,
    )
    await client.start()
    try:
        sent = [
            await client.send(
                topic,
                value=record.value,
                key=record.key,
                headers=list(record.headers),
                partition=record.partition,
                timestamp_ms=record.timestamp,
            )
            for record in records
        ]
        done = await asyncio.gather(*sent)
        return [-1 if metadata is None else metadata.offset for metadata in done]
    finally:
        await client.stop()


def _received(message: Any) -> Received:
    return Received(
        partition=message.partition,
        offset=message.offset,
        timestamp=message.timestamp,
        key=message.key,
        value=message.value,
        headers=tuple(message.headers),
    )
