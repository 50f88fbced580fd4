"""Decisions about topics: what to make, what to add, and what to refuse. Pure: image and request in, a topic out.

The order of the checks and the words of the refusals are Kafka's (ReplicationControlManager), since clients and test
suites look at both. A refusal is a `MetadataError` with Kafka's error code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from odradek.metadata import names, placement, topic_config
from odradek.metadata.broker_config import BrokerConfig
from odradek.metadata.errors import (
    InvalidConfigError,
    InvalidPartitionsError,
    InvalidReplicaAssignmentError,
    InvalidReplicationFactorError,
    InvalidRequestError,
    InvalidTopicError,
    PolicyViolationError,
    TopicExistsError,
    UnknownTopicError,
)
from odradek.metadata.image import Image, PartitionImage, TopicImage

DEFAULT = -1  # "take the broker's default", for a partition count or a replication factor


# By topic, the names of its partition count, replication factor and segment size.
_INTERNAL = {
    names.GROUP_TOPIC: (
        "offsets.topic.num.partitions",
        "offsets.topic.replication.factor",
        "offsets.topic.segment.bytes",
    ),
    names.TRANSACTION_TOPIC: (
        "transaction.state.log.num.partitions",
        "transaction.state.log.replication.factor",
        "transaction.state.log.segment.bytes",
    ),
}


class NewTopic(NamedTuple):
    """A topic that somebody asks for. `assignments` are pairs of partition index and brokers, leader first."""

    name: str
    num_partitions: int = DEFAULT
    replication_factor: int = DEFAULT
    assignments: Sequence[tuple[int, Sequence[int]]] = ()
    configs: Mapping[str, str | None] = {}


class NewPartitions(NamedTuple):
    """More partitions for a topic: how many it shall have, and (None: wherever) the brokers of each additional one."""

    name: str
    total: int
    assignments: Sequence[Sequence[int]] | None = None


class Draw(NamedTuple):
    """What a decision needs of chance: a fresh topic id, and a number below its argument."""

    topic_id: Callable[[], bytes]
    below: Callable[[int], int]


def create(image: Image, request: NewTopic, config: BrokerConfig, draw: Draw, pending: int = 0) -> TopicImage:
    """The topic that `request` asks for; raises a `MetadataError` where Kafka refuses.

    `pending` are the partitions that are decided already and not in the image yet.
    """
    _check_name(image, request.name)
    configs = _given_configs(request.configs)
    topic_config.check(configs, config)
    if request.assignments:
        partitions = _assigned(image, request)
    else:
        partitions = _placed(image, request, config, draw, pending)
    _check_total(image, pending + len(partitions), config)
    return TopicImage(request.name, draw.topic_id(), partitions, configs)


def extend(image: Image, request: NewPartitions, config: BrokerConfig, draw: Draw, pending: int = 0) -> TopicImage:
    """The topic with its additional partitions; raises a `MetadataError` where Kafka refuses."""
    topic = image.topics.get(request.name)
    if topic is None:
        raise UnknownTopicError(f"The topic '{request.name}' does not exist.")
    present = len(topic.partitions)
    additional = request.total - present
    if additional == 0:
        raise InvalidPartitionsError(f"Topic already has {present} partition(s).")
    if additional < 0:
        raise InvalidPartitionsError(
            f"The topic {topic.name} currently has {present} partition(s); {request.total} would not be an increase."
        )
    _check_total(image, pending + additional, config)
    factor = topic.replication_factor
    if request.assignments is None:
        added = placement.place(image, additional, factor, draw.below(max(1, len(image.brokers))))
    elif len(request.assignments) != additional:
        raise InvalidReplicaAssignmentError(
            f"Attempted to add {additional} additional partition(s), but only {len(request.assignments)} "
            "assignment(s) were specified."
        )
    else:
        added = tuple(placement.assign(image, present + i, replicas, factor) for i, replicas in enumerate(request.assignments))
    return topic._replace(partitions=topic.partitions + added)


def internal_topic(name: str, config: BrokerConfig, live_brokers: int) -> NewTopic:
    """How a coordinator's topic is made: compacted, in small segments, with as many copies as there are brokers for."""
    partitions, copies, segment_bytes = _INTERNAL[name]
    factor = min(config.get_int(copies), max(1, live_brokers))
    configs = {
        "cleanup.policy": "compact",
        "compression.type": "producer",
        "segment.bytes": str(config.get_int(segment_bytes)),
    }
    if name == names.TRANSACTION_TOPIC:
        configs["compression.type"] = "uncompressed"
        configs["unclean.leader.election.enable"] = "false"
        configs["min.insync.replicas"] = str(min(config.get_int("transaction.state.log.min.isr"), factor))
    return NewTopic(name, config.get_int(partitions), factor, (), configs)


def _check_name(image: Image, name: str) -> None:
    names.validate(name)
    if name == names.CLUSTER_METADATA_TOPIC:
        # In a directory that was Apache Kafka's, this one's log is Kafka's own metadata.
        raise InvalidRequestError(f"Creation of internal topic {name} is prohibited.")
    if name in image.topics:
        raise TopicExistsError(f"Topic '{name}' already exists.")
    other = image.colliding_name(name)
    if other is not None:
        raise InvalidTopicError(f"Topic '{name}' collides with existing topic: {other}")


def _given_configs(configs: Mapping[str, str | None]) -> dict[str, str]:
    null = [name for name, value in configs.items() if value is None]
    if null:
        raise InvalidConfigError(f"Null value not supported for topic configs: {','.join(null)}")
    return {name: value for name, value in configs.items() if value is not None}


def _assigned(image: Image, request: NewTopic) -> tuple[PartitionImage, ...]:
    for what, value in (("replication factor", request.replication_factor), ("numPartitions", request.num_partitions)):
        if value != DEFAULT:
            raise InvalidRequestError(f"A manual partition assignment was specified, but {what} was not set to -1.")
    found: dict[int, PartitionImage] = {}
    factor = None
    for index, replicas in request.assignments:
        if index in found:
            raise InvalidReplicaAssignmentError(f"Found multiple manual partition assignments for partition {index}")
        found[index] = placement.assign(image, index, replicas, factor)
        factor = len(replicas)
    if sorted(found) != list(range(len(found))):
        raise InvalidReplicaAssignmentError("partitions should be a consecutive 0-based integer sequence")
    return tuple(found[index] for index in range(len(found)))


def _placed(image: Image, request: NewTopic, config: BrokerConfig, draw: Draw, pending: int) -> tuple[PartitionImage, ...]:
    factor, count = request.replication_factor, request.num_partitions
    if factor < DEFAULT or factor == 0:
        raise InvalidReplicationFactorError("Replication factor must be larger than 0, or -1 to use the default value.")
    if count < DEFAULT or count == 0:
        raise InvalidPartitionsError("Number of partitions was set to an invalid non-positive value.")
    if factor == DEFAULT:
        factor = config.get_int("default.replication.factor")
    if count == DEFAULT:
        count = config.get_int("num.partitions")
    _check_total(image, pending + count, config)  # before the list is made: a count may be two thousand million
    return placement.place(image, count, factor, draw.below(max(1, len(image.brokers))))


def _check_total(image: Image, additional: int, config: BrokerConfig) -> None:
    limit = config.get_int("odradek.partitions.max")
    if image.partition_count + additional > limit:
        raise PolicyViolationError(
            f"{additional} more partition(s) on top of {image.partition_count} would be more than the {limit} that "
            "odradek.partitions.max allows."
        )
