"""Who carries metadata decisions out: one request after the other, decided on an image that nobody else changes.

The single writer of the store and of the image; one per cluster (on one node: always this one). A request goes
through in order: decide (pure: `topics.py`, `configs.py`, `leaders.py`), then `writer.py` writes, tells the listeners
and swaps the image. Requests wait for each other, so that no decision is made on an image that is about to change;
one that has begun ends, whatever becomes of its client.

Listeners (`Controller.listeners`) are told of every change, concurrently within one request; the failure of one is
logged and does not undo the decision (as in Kafka: the topic exists, its partition is offline). A listener must not
wait for the controller: it would wait for itself. Requests that name several things answer for each: a value, or the
`MetadataError`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Coroutine, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from odradek.base.config import ConfigError, UnknownConfigError
from odradek.base.ids import random_uuid, uuid_to_text
from odradek.base.logging import get_logger
from odradek.base.prng import Prng
from odradek.metadata import configs, leaders, topics
from odradek.metadata.broker_config import BrokerConfig, why_without_effect
from odradek.metadata.broker_keys import BROKER_CONFIG
from odradek.metadata.configs import Alteration, Resource
from odradek.metadata.errors import (
    InvalidRequestError,
    MetadataError,
    StoreError,
    TopicDeletionDisabledError,
    UnknownTopicIdError,
)
from odradek.metadata.image import BrokerChange, BrokerImage, Change, ConfigChange, Image, TopicChange, TopicImage, TopicRemoval
from odradek.metadata.kafka_metadata import KafkaMetadata
from odradek.metadata.leaders import FoundTopic, Stray
from odradek.metadata.loading import load
from odradek.metadata.store import MetadataStore
from odradek.metadata.topic_config import TopicConfig
from odradek.metadata.topics import NewPartitions, NewTopic
from odradek.metadata.writer import ImageWriter, Listener

_Result = TypeVar("_Result")
_Request = TypeVar("_Request")
_DECISIONS_PER_TURN: Final = 200  # a few milliseconds
_log = get_logger("metadata")


class Controller:
    """See the module. Made by `open`; `close` waits for the request that is under way and closes the store."""

    def __init__(self, writer: ImageWriter, node_id: int, config: BrokerConfig, prng: Prng) -> None:
        self.node_id = node_id
        self._writer = writer
        self._static = config
        self._config = _with_dynamic(config, writer.image, node_id)
        self._draw = topics.Draw(lambda: random_uuid(prng), prng.randrange)
        self._turn = asyncio.Lock()
        self._topic_configs: dict[str, tuple[Mapping[str, str], BrokerConfig, TopicConfig]] = {}
        writer.applied = self._applied

    @classmethod
    async def open(cls, store: MetadataStore, *, cluster_id: str, node_id: int, config: BrokerConfig, prng: Prng) -> Controller:
        """Load the image from `store` (which the controller owns from now on); raises `StoreError`."""
        return cls(await load(store, cluster_id, node_id), node_id, config, prng)

    @property
    def image(self) -> Image:
        """The metadata as it stands now; the same object for the controller's life."""
        return self._writer.image

    @property
    def config(self) -> BrokerConfig:
        """This broker's configuration as it stands now, dynamic changes included."""
        return self._config

    @property
    def listeners(self) -> list[Listener]:
        """Who is told of changes; add and remove freely."""
        return self._writer.listeners

    def topic_config(self, topic: TopicImage) -> TopicConfig:
        """What holds for a topic; kept until its configurations or the broker's change."""
        cached = self._topic_configs.get(topic.name)
        if cached is not None and cached[0] is topic.configs and cached[1] is self._config:
            return cached[2]
        made = TopicConfig(topic.configs, self._config)
        if topic.name in self.image.topics:  # not of one that was only validated: nobody would ever forget it
            self._topic_configs[topic.name] = (topic.configs, self._config, made)
        return made

    async def create_topics(
        self, requests: Sequence[NewTopic], *, validate_only: bool = False
    ) -> list[TopicImage | MetadataError]:
        """Make topics; for each the topic as it was (or with `validate_only` would be) made, or why not."""
        return await self._in_turn(self._create_topics(requests, validate_only))

    async def create_partitions(
        self, requests: Sequence[NewPartitions], *, validate_only: bool = False
    ) -> list[TopicImage | MetadataError]:
        """Add partitions to topics; for each the topic with them, or why not."""
        return await self._in_turn(self._create_partitions(requests, validate_only))

    async def delete_topics(self, topic_ids: Sequence[bytes]) -> list[TopicImage | MetadataError]:
        """Delete topics by id; for each the topic as it was, or why not."""
        return await self._in_turn(self._delete_topics(topic_ids))

    async def alter_configs(
        self, resources: Sequence[tuple[Resource, Sequence[tuple[str, str | None]]]], *, validate_only: bool = False
    ) -> list[MetadataError | None]:
        """AlterConfigs: replace all that is set on each resource. None where it is done."""
        decisions = [(resource, partial(self._legacy, resource, given)) for resource, given in resources]
        return await self._in_turn(self._alter(decisions, validate_only))

    async def alter_configs_incrementally(
        self, resources: Sequence[tuple[Resource, Sequence[Alteration]]], *, validate_only: bool = False
    ) -> list[MetadataError | None]:
        """IncrementalAlterConfigs: change single names of each resource. None where it is done."""
        decisions = [(resource, partial(self._incremental, resource, given)) for resource, given in resources]
        return await self._in_turn(self._alter(decisions, validate_only))

    async def register_broker(self, broker: BrokerImage) -> None:
        """Make a broker known, or known to have changed."""
        await self._in_turn(self._writer.commit([BrokerChange(broker)]))

    async def adopt(
        self, found: Iterable[FoundTopic], kafka: Callable[[], Awaitable[KafkaMetadata | None]] | None = None
    ) -> list[Stray]:
        """Take topics that are on disk and not in the metadata in; the others come back (see `leaders.Stray`).

        To be called once, at the start, with everything that is on disk: deleted topics that are no longer there are
        forgotten. `kafka` reads what Kafka's metadata in the same directory says; it is asked only when there is a use for it.
        """
        return await self._in_turn(self._adopt(list(found), kafka))

    async def bump_leader_epochs(self, last_epochs: Mapping[tuple[str, int], int]) -> None:
        """Give partitions a new leader epoch after an unclean stop; `last_epochs` are those in their logs (-1: none)."""
        await self._in_turn(self._bump_leader_epochs(last_epochs))

    async def close(self) -> None:
        """Let the request that is under way end, then close the store."""
        async with self._turn:
            await self._writer.store.close()

    async def _in_turn(self, request: Coroutine[Any, Any, _Result]) -> _Result:
        # In a task of its own: a client that goes away cancels its handler, and a commit that stops half way would
        # leave the image behind the store.
        return await asyncio.shield(asyncio.ensure_future(self._serve(request)))

    async def _serve(self, request: Coroutine[Any, Any, _Result]) -> _Result:
        async with self._turn:
            return await request

    async def _create_topics(self, requests: Sequence[NewTopic], validate_only: bool) -> list[TopicImage | MetadataError]:
        results: list[TopicImage | MetadataError] = []
        made: dict[str, TopicImage] = {}
        pending = 0
        async for request in _giving_way(requests):
            try:
                _check_once(request.name, made)
                topic = topics.create(self.image, request, self._config, self._draw, pending)
                made[topic.name] = topic
                pending += len(topic.partitions)
                results.append(topic)
            except MetadataError as error:
                results.append(error.with_traceback(None))
        changes = [TopicChange(None, topic) for topic in made.values()]
        return await self._carried_out([] if validate_only else changes, results)

    async def _create_partitions(
        self, requests: Sequence[NewPartitions], validate_only: bool
    ) -> list[TopicImage | MetadataError]:
        results: list[TopicImage | MetadataError] = []
        changes: dict[str, TopicChange] = {}
        pending = 0
        async for request in _giving_way(requests):
            try:
                _check_once(request.name, changes)
                topic = topics.extend(self.image, request, self._config, self._draw, pending)
                old = self.image.topics[topic.name]
                changes[topic.name] = TopicChange(old, topic)
                pending += len(topic.partitions) - len(old.partitions)
                results.append(topic)
            except MetadataError as error:
                results.append(error.with_traceback(None))
        return await self._carried_out([] if validate_only else list(changes.values()), results)

    async def _delete_topics(self, topic_ids: Sequence[bytes]) -> list[TopicImage | MetadataError]:
        if not self._config.get_bool("delete.topic.enable"):
            return [TopicDeletionDisabledError("Topic deletion is disabled (delete.topic.enable).") for _ in topic_ids]
        results: list[TopicImage | MetadataError] = []
        for topic_id in topic_ids:
            topic = self.image.topic_by_id(topic_id)
            results.append(topic or UnknownTopicIdError(f"No topic has the id {uuid_to_text(topic_id)}."))
        found = {topic.topic_id: topic for topic in results if isinstance(topic, TopicImage)}
        return await self._carried_out([TopicRemoval(topic) for topic in found.values()], results)

    def _legacy(self, resource: Resource, given: Sequence[tuple[str, str | None]]) -> Change | None:
        return configs.legacy(self.image, resource, given, self._config, self.node_id)

    def _incremental(self, resource: Resource, given: Sequence[Alteration]) -> Change | None:
        return configs.incremental(self.image, resource, given, self._config, self.node_id)

    async def _alter(
        self, decisions: Sequence[tuple[Resource, Callable[[], Change | None]]], validate_only: bool
    ) -> list[MetadataError | None]:
        results: list[MetadataError | None] = []
        changes: dict[Resource, Change | None] = {}
        async for resource, decide in _giving_way(decisions):
            try:
                _check_once(resource, changes)
                changes[resource] = decide()
                results.append(None)
            except MetadataError as error:
                results.append(error.with_traceback(None))
        decided = [change for change in changes.values() if change is not None]
        return await self._carried_out([] if validate_only else decided, results)

    async def _carried_out(self, changes: Sequence[Change], results: list[_Result]) -> list[_Result | StoreError]:
        """`results` once `changes` are made; where they can't be, every success turns into the store's error."""
        try:
            await self._writer.commit(changes)
        except StoreError as error:
            _log.error("metadata could not be written", error=str(error))
            return [result if isinstance(result, MetadataError) else error for result in results]
        return [*results]

    async def _adopt(
        self, found: list[FoundTopic], read_kafka: Callable[[], Awaitable[KafkaMetadata | None]] | None
    ) -> list[Stray]:
        image, removed = self.image, self._writer.removed
        unknown = [topic for topic in found if not leaders.is_known(image, topic)]
        kafka = await read_kafka() if read_kafka is not None and unknown else None
        changes, strays = leaders.adopt(image, unknown, self.node_id, self._draw.topic_id, removed=removed, kafka=kafka)
        await self._writer.commit([*self._adopted_broker_configs(kafka), *changes])
        await self._writer.forget_removed(removed - {topic.topic_id for topic in found})
        kept = sum(change.new.configs is leaders.KEEP_EVERYTHING for change in changes)
        if kept:
            _log.warning("topics adopted without their configurations: set retention.ms and retention.bytes", topics=kept)
        return strays

    def _adopted_broker_configs(self, kafka: KafkaMetadata | None) -> list[Change]:
        """What was set for all brokers at run time under Kafka; once, when this store knows nothing yet."""
        if kafka is None or self.image.topics or self.image.broker_configs:
            return []
        configs = leaders.readable(kafka.broker_configs(""), BROKER_CONFIG)
        return [ConfigChange("broker", "", configs)] if configs else []

    async def _bump_leader_epochs(self, last_epochs: Mapping[tuple[str, int], int]) -> None:
        await self._writer.commit(leaders.bump(self.image, last_epochs))

    def _applied(self, change: Change) -> None:
        """After a change has gone into the image, before anybody else runs."""
        if isinstance(change, ConfigChange) and change.kind == "broker":
            self._config = _with_dynamic(self._static, self.image, self.node_id)
        if isinstance(change, TopicRemoval):
            self._topic_configs.pop(change.old.name, None)
        _report(change)


async def _giving_way(requests: Sequence[_Request]) -> AsyncIterator[_Request]:
    """Each of them; a request may name a hundred thousand topics, and others are to be served meanwhile.

    The errors that are kept meanwhile are kept without their frames, or a hundred thousand of them would be a gigabyte.
    """
    for index, request in enumerate(requests):
        if index and index % _DECISIONS_PER_TURN == 0:
            await asyncio.sleep(0)
        yield request


def _check_once(what: str | Resource, seen: Container[str | Resource]) -> None:
    if what in seen:
        raise InvalidRequestError("The request names it more than once; which one holds?")


def _with_dynamic(static: BrokerConfig, image: Image, node_id: int) -> BrokerConfig:
    """`static` under what is set at run time; what no longer goes with it (a file has changed) is left out, loudly."""
    default, own = image.broker_configs.get("", {}), image.broker_configs.get(str(node_id), {})
    try:
        return static.with_dynamic(default, own)
    except (ConfigError, UnknownConfigError) as error:
        _log.error("dynamic broker configurations are not used: they contradict the static ones", reason=str(error))
        return static


def _report(change: Change) -> None:
    """One line for the operator; a new leader epoch alone is no news."""
    if isinstance(change, TopicRemoval):
        _log.info("topic deleted", topic=change.old.name, topic_id=uuid_to_text(change.old.topic_id))
    elif isinstance(change, ConfigChange):
        _log.info("configuration changed", kind=change.kind, name=change.name, configs=", ".join(change.configs))
        for name in change.configs if change.kind == "broker" else ():
            if (reason := why_without_effect(name)) is not None:
                _log.warning("a setting has no effect", setting=name, reason=reason)
    elif isinstance(change, TopicChange):
        old, new = change
        if old is None or len(old.partitions) != len(new.partitions):
            what = "topic created" if old is None else "partitions added"
            _log.info(what, topic=new.name, partitions=len(new.partitions), topic_id=uuid_to_text(new.topic_id))
        elif old.configs != new.configs:
            _log.info("configuration changed", kind="topic", name=new.name, configs=dict(new.configs))
