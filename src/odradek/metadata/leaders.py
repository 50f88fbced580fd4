"""Leader epochs that must grow, and topics found on disk that metadata doesn't know. Pure decisions at a start.

After an unclean stop a partition's log may have lost what consumers have already read (`acks=1`, a power cut). A new
leader epoch tells them (KIP-320): they ask where the old epoch ends, and see the truncation; no offset gets a second
value within one epoch. The new epoch is above both the image's and the last one that the log itself remembers.

A data directory written by Apache Kafka, or one whose metadata.db is lost, has logs whose topics nobody knows. Each
carries its topic's name and partition in its directory's name and its topic's id in `partition.metadata`; that is
enough to *adopt* the topic. Missing numbers in between are made empty. The topic's configurations come from Kafka's
metadata where it is there; where it isn't, the topic keeps everything until somebody says otherwise. What contradicts
the image is left alone and reported: never guess about data.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from odradek.base.config import ConfigDef, ConfigError, UnknownConfigError
from odradek.metadata import names
from odradek.metadata.image import Image, PartitionImage, TopicChange, TopicImage
from odradek.metadata.kafka_metadata import KafkaMetadata
from odradek.metadata.topic_keys import TOPIC_CONFIG

# For a topic whose configurations nobody knows any more: whatever they were, nothing must be deleted for want of them.
KEEP_EVERYTHING: Mapping[str, str] = MappingProxyType({"retention.ms": "-1", "retention.bytes": "-1"})


class FoundTopic(NamedTuple):
    """A topic as the log directories have it: partitions by index, each with the last leader epoch in its log (-1: none)."""

    name: str
    topic_id: bytes | None
    partitions: Mapping[int, int]


class Stray(NamedTuple):
    """A topic on disk that is not taken in, and why.

    `is_removed`: it was deleted, and the broker stopped before its logs went; they are to be deleted now. Others are left
    alone.
    """

    topic: FoundTopic
    reason: str
    is_removed: bool = False


def bump(image: Image, last_epochs: Mapping[tuple[str, int], int]) -> list[TopicChange]:
    """New leader epochs for the partitions that `last_epochs` names, with the last epoch in each one's log (-1: none)."""
    by_topic: dict[str, dict[int, int]] = {}
    for (topic, index), epoch in last_epochs.items():
        by_topic.setdefault(topic, {})[index] = epoch
    known = [(image.topics[name], epochs) for name, epochs in by_topic.items() if name in image.topics]
    return [TopicChange(old, old._replace(partitions=_bumped(old.partitions, epochs))) for old, epochs in known]


def _bumped(partitions: tuple[PartitionImage, ...], epochs: Mapping[int, int]) -> tuple[PartitionImage, ...]:
    return tuple(
        partition._replace(
            leader_epoch=max(partition.leader_epoch, epochs[index]) + 1, partition_epoch=partition.partition_epoch + 1
        )
        if index in epochs
        else partition
        for index, partition in enumerate(partitions)
    )


def adopt(
    image: Image,
    found: Iterable[FoundTopic],
    node_id: int,
    new_id: Callable[[], bytes],
    *,
    removed: Container[bytes] = (),
    kafka: KafkaMetadata | None = None,
) -> tuple[list[TopicChange], list[Stray]]:
    """The topics that come into the image, led by `node_id`, and those that don't.

    `removed` are ids of deleted topics; `kafka` is what Kafka's metadata in the same directory says, if it is there.
    """
    changes: list[TopicChange] = []
    strays: list[Stray] = []
    for topic in found:
        if is_known(image, topic):
            continue
        if topic.topic_id is not None and topic.topic_id in removed:
            strays.append(Stray(topic, "it was deleted just before the broker stopped", True))
            continue
        reason = _stray_reason(image, topic)
        if reason is not None:
            strays.append(Stray(topic, reason))
        else:
            changes.append(TopicChange(None, _adopted(topic, node_id, new_id, kafka)))
    return changes, strays


def is_known(image: Image, topic: FoundTopic) -> bool:
    """Whether the image has what is on disk."""
    known = image.topics.get(topic.name)
    same_id = known is not None and topic.topic_id in (None, known.topic_id)
    return known is not None and same_id and max(topic.partitions, default=-1) < len(known.partitions)


def _stray_reason(image: Image, topic: FoundTopic) -> str | None:
    known = image.topics.get(topic.name)
    if known is not None and topic.topic_id not in (None, known.topic_id):
        return "a topic of this name has another id: this is an older topic's data"
    if known is not None:
        return f"partition {max(topic.partitions)} of a topic with {len(known.partitions)} partition(s)"
    if topic.topic_id is not None and topic.topic_id in image.names_by_id:
        return f"its id belongs to the topic {image.names_by_id[topic.topic_id]!r}"
    return names.invalid_reason(topic.name)


def _adopted(topic: FoundTopic, node_id: int, new_id: Callable[[], bytes], kafka: KafkaMetadata | None) -> TopicImage:
    count = max(topic.partitions, default=-1) + 1
    partitions = tuple(
        PartitionImage((node_id,), (node_id,), node_id, topic.partitions.get(index, -1) + 1) for index in range(count)
    )
    return TopicImage(topic.name, topic.topic_id or new_id(), partitions, _adopted_configs(topic, kafka))


def _adopted_configs(topic: FoundTopic, kafka: KafkaMetadata | None) -> Mapping[str, str]:
    if kafka is not None and topic.topic_id is not None and kafka.topics.get(topic.topic_id) == topic.name:
        return readable(kafka.topic_configs(topic.name), TOPIC_CONFIG)
    return {"cleanup.policy": "compact"} if names.is_internal(topic.name) else KEEP_EVERYTHING


def readable(configs: Mapping[str, str], definition: ConfigDef) -> dict[str, str]:
    """Those of `configs` that are known here and hold a value that is; Kafka's older versions had others."""
    kept = {}
    for name, text in configs.items():
        try:
            definition.key(name).parse(text)
        except (ConfigError, UnknownConfigError):
            continue
        kept[name] = text
    return kept
