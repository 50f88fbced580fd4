"""The partitions that this broker serves, by name and by topic id.

Filled from the metadata image and the logs by `topics.py`; read on the path of every produce and fetch, so that a
look-up is one dictionary access. What is not there is said in Kafka's two ways: an unknown name may be a topic that the
client's metadata is ahead of, an unknown id is one that no longer exists.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from odradek.base.errors import OdradekError
from odradek.base.ids import ZERO_UUID, uuid_to_text
from odradek.replication.partition import Partition
from odradek.wire.errors import ErrorCode


class UnknownTopicOrPartition(OdradekError):
    """No such partition here; `code` is Kafka's."""

    code: ClassVar[int] = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


class UnknownTopicId(OdradekError):
    """No topic has this id; `code` is Kafka's."""

    code: ClassVar[int] = ErrorCode.UNKNOWN_TOPIC_ID


class PartitionTable:
    """All partitions of this shard."""

    __slots__ = ("_by_name", "_names_by_id")

    def __init__(self) -> None:
        self._by_name: dict[tuple[str, int], Partition] = {}
        self._names_by_id: dict[bytes, str] = {}

    def __len__(self) -> int:
        return len(self._by_name)

    def __iter__(self) -> Iterator[Partition]:
        return iter(list(self._by_name.values()))

    def add(self, partition: Partition) -> None:
        self._by_name[partition.topic, partition.index] = partition
        self._names_by_id[partition.topic_id] = partition.topic

    def remove_topic(self, topic: str, topic_id: bytes) -> list[Partition]:
        """Take a topic's partitions out; returns them."""
        self._names_by_id.pop(topic_id, None)
        keys = [key for key in self._by_name if key[0] == topic]
        return [self._by_name.pop(key) for key in keys]

    def get(self, topic: str, index: int) -> Partition | None:
        return self._by_name.get((topic, index))

    def by_name(self, topic: str, index: int) -> Partition:
        """Raises `UnknownTopicOrPartition`."""
        found = self._by_name.get((topic, index))
        if found is None:
            raise UnknownTopicOrPartition(f"there is no partition {topic}-{index} on this broker")
        return found

    def by_id(self, topic_id: bytes, index: int) -> Partition:
        """Raises `UnknownTopicId`, or `UnknownTopicOrPartition` when only the index is wrong."""
        name = self._names_by_id.get(topic_id)
        if name is None:
            shown = "zero" if topic_id == ZERO_UUID else uuid_to_text(topic_id)
            raise UnknownTopicId(f"there is no topic with id {shown} on this broker")
        return self.by_name(name, index)

    def name_of(self, topic_id: bytes) -> str | None:
        return self._names_by_id.get(topic_id)
