"""The metadata in memory: what every handler reads, in one object that changes in one place.

A node's view. The controller is the only writer (`Image.apply`); everybody else reads, on the same loop, without
locks. The values inside (`TopicImage`, `PartitionImage`, `BrokerImage`) are immutable: a change swaps a whole value,
so whoever holds one across an `await` holds a consistent, if old, topic. `version` grows with every change and keys
caches.

Fields follow Kafka's `TopicImage`, `PartitionRegistration` and `BrokerRegistration`. Times don't occur; ids are 16
bytes; the cluster id is text, since Kafka accepts any.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from odradek.metadata import names

NO_LEADER = -1
_NOTHING: Mapping[str, str] = MappingProxyType({})


class PartitionImage(NamedTuple):
    """Who holds a partition and who leads it. Epochs start at 0 and only grow."""

    replicas: tuple[int, ...]
    isr: tuple[int, ...]
    leader: int
    leader_epoch: int = 0
    partition_epoch: int = 0


class TopicImage(NamedTuple):
    """A topic: its partitions by index and the configurations set on it (text as given, defaults not included)."""

    name: str
    topic_id: bytes
    partitions: tuple[PartitionImage, ...]
    configs: Mapping[str, str] = _NOTHING

    @property
    def is_internal(self) -> bool:
        return names.is_internal(self.name)

    @property
    def replication_factor(self) -> int:
        return len(self.partitions[0].replicas) if self.partitions else 0


class Endpoint(NamedTuple):
    """Where clients reach a broker through one listener."""

    host: str
    port: int


class BrokerImage(NamedTuple):
    """A registered broker; `endpoints` by listener name. A fenced broker is known but must not serve."""

    node_id: int
    endpoints: Mapping[str, Endpoint]
    rack: str | None = None
    fenced: bool = False


class TopicChange(NamedTuple):
    """A topic was made (`old` is None) or replaced: partitions added, configurations changed, leaders moved."""

    old: TopicImage | None
    new: TopicImage


class TopicRemoval(NamedTuple):
    """A topic was deleted."""

    old: TopicImage


class ConfigChange(NamedTuple):
    """All configurations now set on a resource that is no topic; `kind` is "broker" or "group".

    The broker resource called "" holds the defaults of all brokers.
    """

    kind: str
    name: str
    configs: Mapping[str, str]


class BrokerChange(NamedTuple):
    """A broker was registered, fenced, unfenced or moved."""

    broker: BrokerImage


Change = TopicChange | TopicRemoval | ConfigChange | BrokerChange


class Image:
    """The whole of it. `topics` keeps the order in which topics were made or loaded."""

    __slots__ = (
        "broker_configs",
        "brokers",
        "cluster_id",
        "controller_id",
        "derived",
        "group_configs",
        "names_by_collision_key",
        "names_by_id",
        "partition_count",
        "topics",
        "version",
    )

    def __init__(self, cluster_id: str, controller_id: int) -> None:
        self.cluster_id = cluster_id
        self.controller_id = controller_id
        self.topics: dict[str, TopicImage] = {}
        self.names_by_id: dict[bytes, str] = {}
        self.names_by_collision_key: dict[str, set[str]] = {}
        self.brokers: dict[int, BrokerImage] = {}
        self.broker_configs: dict[str, Mapping[str, str]] = {}
        self.group_configs: dict[str, Mapping[str, str]] = {}
        self.partition_count = 0
        self.version = 0
        # What a reader has worked out of a topic and wants to find again, with the topic that it was worked out of: it
        # counts only while that is still the same object. Goes with the topic.
        self.derived: dict[str, tuple[TopicImage, Any]] = {}

    def topic(self, name: str) -> TopicImage | None:
        return self.topics.get(name)

    def topic_by_id(self, topic_id: bytes) -> TopicImage | None:
        name = self.names_by_id.get(topic_id)
        return None if name is None else self.topics[name]

    def partition(self, topic: str, index: int) -> PartitionImage | None:
        """The partition, or None when the topic or the index does not exist."""
        found = self.topics.get(topic)
        if found is None or not 0 <= index < len(found.partitions):
            return None
        return found.partitions[index]

    def live_brokers(self) -> list[BrokerImage]:
        """The brokers that may serve, by node id."""
        return [self.brokers[node_id] for node_id in sorted(self.brokers) if not self.brokers[node_id].fenced]

    def colliding_name(self, name: str) -> str | None:
        """An existing topic whose name collides with `name` (see `names`), the alphabetically first."""
        key = names.collision_key(name)
        others = self.names_by_collision_key.get(key, ()) if key is not None else ()
        return min((other for other in others if other != name), default=None)

    def apply(self, change: Change) -> None:
        """Take one change in. Only the controller calls this."""
        if isinstance(change, TopicChange):
            self._replace_topic(change.new)
        elif isinstance(change, TopicRemoval):
            self._remove_topic(change.old.name)
        elif isinstance(change, BrokerChange):
            self.brokers[change.broker.node_id] = change.broker
        else:
            self._replace_configs(change)
        self.version += 1

    def _replace_topic(self, topic: TopicImage) -> None:
        self._forget_counts(topic.name)
        self.topics[topic.name] = topic
        self.names_by_id[topic.topic_id] = topic.name
        self.partition_count += len(topic.partitions)
        key = names.collision_key(topic.name)
        if key is not None:
            self.names_by_collision_key.setdefault(key, set()).add(topic.name)

    def _forget_counts(self, name: str) -> None:
        old = self.topics.get(name)
        if old is not None:
            self.names_by_id.pop(old.topic_id, None)
            self.partition_count -= len(old.partitions)

    def _remove_topic(self, name: str) -> None:
        self._forget_counts(name)
        self.topics.pop(name, None)
        self.derived.pop(name, None)
        key = names.collision_key(name)
        if key is not None and key in self.names_by_collision_key:
            self.names_by_collision_key[key].discard(name)
            if not self.names_by_collision_key[key]:
                del self.names_by_collision_key[key]

    def _replace_configs(self, change: ConfigChange) -> None:
        held = self.broker_configs if change.kind == "broker" else self.group_configs
        if change.configs:
            held[change.name] = change.configs
        else:
            held.pop(change.name, None)
