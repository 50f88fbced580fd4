"""Keeps this broker's partitions what the metadata says they are.

The controller decides and stores; whatever changes in its image is carried out here: logs are opened or made for new
partitions, configured anew, given back when their topic goes. The same code serves a start (the image has just been
loaded) and a request. A crash between decision and deed is mended by the next start, since the image says what there
should be.

Order matters in two places: a partition is in the table only when its log is open, and it is out of the table before
its log is deleted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Final

from odradek.base.errors import OdradekError
from odradek.base.logging import get_logger
from odradek.broker.settings import manager_settings
from odradek.log.config import LogConfig
from odradek.metadata.image import Change, ConfigChange, TopicChange, TopicImage, TopicRemoval
from odradek.metadata.names import GROUP_TOPIC
from odradek.metadata.topic_config import effective_values
from odradek.replication.partition import Partition
from odradek.wire.errors import ErrorCode

if TYPE_CHECKING:
    from odradek.broker.context import BrokerState

CREATE_CONCURRENCY: Final = 16  # logs opened at a time: each costs a few calls in the thread pool
_logger = get_logger("broker")


class PartitionGone(OdradekError):
    """The partition was deleted while somebody waited for it."""

    code: ClassVar[int] = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


class BrokerStops(OdradekError):
    """The broker stops while somebody waited."""

    code: ClassVar[int] = ErrorCode.NOT_LEADER_OR_FOLLOWER


class TopicKeeper:
    """A listener of the controller."""

    def __init__(self, state: BrokerState) -> None:
        self._state = state
        self._slots = asyncio.Semaphore(CREATE_CONCURRENCY)

    async def open_all(self) -> None:
        """At start: every partition that the image gives this broker."""
        await _all(self._open_topic(topic) for topic in self._state.image.topics.values())
        await self._state.log_manager.opened_all()

    async def on_change(self, change: Change) -> None:
        """Carry out one change of the image."""
        if isinstance(change, TopicChange):
            if change.old is None and change.new.name == GROUP_TOPIC:
                # Whoever made it, and however wide. If it is widened, groups move at the next start, as in Kafka.
                self._state.groups.partition_count = len(change.new.partitions)
            await self._open_topic(change.new)
            if change.old is not None and change.old.configs != change.new.configs:
                self._configure(change.new)
        elif isinstance(change, TopicRemoval):
            await self._remove_topic(change.old)
        elif isinstance(change, ConfigChange) and change.kind == "broker":
            self._reconfigure_all(change)

    def retire_all(self) -> None:
        """The broker stops: nobody may wait for a partition any longer."""
        for partition in self._state.partitions:
            partition.retire(BrokerStops("the broker stops"))

    def log_config(self, topic: TopicImage) -> LogConfig:
        """A topic's effective configuration as its logs read it."""
        return LogConfig.of(effective_values(topic.configs, self._state.config))

    async def _open_topic(self, topic: TopicImage) -> None:
        config = self.log_config(topic)
        missing = [
            index
            for index, image in enumerate(topic.partitions)
            if image.leader == self._state.node_id and self._state.partitions.get(topic.name, index) is None
        ]
        await _all(self._open_partition(topic, index, config) for index in missing)
        for index, image in enumerate(topic.partitions):
            partition = self._state.partitions.get(topic.name, index)
            if partition is not None:
                partition.leader_epoch = image.leader_epoch

    async def _open_partition(self, topic: TopicImage, index: int, config: LogConfig) -> None:
        async with self._slots:
            log = await self._state.log_manager.open_or_create(topic.name, index, topic.topic_id, config)
        self._state.partitions.add(
            Partition(
                topic.name, index, topic.topic_id, log, leader_epoch=topic.partitions[index].leader_epoch,
                fsync_all=self._state.config.get_bool("odradek.acks.all.fsync"), loop=asyncio.get_running_loop(),
            )
        )  # fmt: skip
        if topic.name == GROUP_TOPIC:
            await self._load_groups(index)

    async def _load_groups(self, index: int) -> None:
        """Groups whose partition cannot be read have no coordinator; the others, and all topics, have a broker."""
        try:
            await self._state.groups.load(index)
        except (OSError, OdradekError) as error:
            _logger.error("groups not loaded, and not served", partition=f"{GROUP_TOPIC}-{index}", reason=str(error))

    async def _remove_topic(self, topic: TopicImage) -> None:
        partitions = self._state.partitions.remove_topic(topic.name, topic.topic_id)
        for partition in partitions:
            partition.retire(PartitionGone(f"topic {topic.name} was deleted"))
        if topic.name != GROUP_TOPIC:
            # Before the logs go: while they are there, the next start knows that this has to be done.
            await self._state.groups.on_topics_deleted([topic.name])
        await self._state.log_manager.delete(topic.name, *(partition.index for partition in partitions))
        if topic.name == GROUP_TOPIC:
            for partition in partitions:
                await self._state.groups.unload(partition.index)

    def _configure(self, topic: TopicImage) -> None:
        config = self.log_config(topic)
        for index in range(len(topic.partitions)):
            partition = self._state.partitions.get(topic.name, index)
            if partition is not None:
                partition.log.configure(config)

    def _reconfigure_all(self, change: ConfigChange) -> None:
        """A broker's dynamic configuration changed: a new snapshot, and every topic's values anew (they inherit from it)."""
        state = self._state
        # The image takes the change in only after its listeners are through, so the changed resource comes from the change.
        configs = {**state.image.broker_configs, change.name: change.configs}
        state.config = state.config.with_dynamic(configs.get("", {}), configs.get(str(state.node_id), {}))
        state.log_manager.configure(manager_settings(state.config))
        for partition in state.partitions:
            partition.fsync_all = state.config.get_bool("odradek.acks.all.fsync")
        for topic in state.image.topics.values():
            self._configure(topic)
        _logger.info("broker configuration changed", broker=change.name or "all", names=",".join(change.configs))


async def _all(calls: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Await all of them; the first failure is raised when none is under way any more."""
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
