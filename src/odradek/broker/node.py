"""One broker, put together: started from the disk upwards, stopped from the network downwards.

Start: the data directory is locked and its logs recovered; the metadata is loaded, and what lies on disk without being
in it (a directory that Apache Kafka wrote) is adopted; partitions that were not closed clean get a new leader epoch, so
that clients notice what a power cut took (KIP-320); every partition is opened, groups are loaded, and only then is
anything listened on. Stop is the same backwards, and ends with the mark that makes the next start quick.

A `Node` runs on the loop that started it; several can run in one process, each in a directory of its own.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from odradek.aio.thread_storage import ThreadStorage
from odradek.aio.to_the_end import to_the_end
from odradek.base.clock import SystemClock
from odradek.base.config import ConfigError, UnknownConfigError
from odradek.base.errors import OdradekError
from odradek.base.ids import ZERO_UUID
from odradek.base.logging import get_logger
from odradek.base.prng import system_prng
from odradek.broker import gauges
from odradek.broker.context import BrokerState
from odradek.broker.fetch_session import FetchSessionCache
from odradek.broker.internal_topics import InternalTopics
from odradek.broker.listeners import parse_endpoint
from odradek.broker.metrics import BrokerMetrics
from odradek.broker.offsets_log import OffsetsLog
from odradek.broker.partitions import PartitionTable
from odradek.broker.producer_ids import ProducerIds
from odradek.broker.server import Server
from odradek.broker.settings import coordinator_config, manager_settings
from odradek.broker.topics import TopicKeeper
from odradek.coordinator.group_coordinator import GroupCoordinator
from odradek.log.config import LogConfig
from odradek.log.manager import LogManager
from odradek.metadata.controller import Controller
from odradek.metadata.image import BrokerImage, Endpoint
from odradek.metadata.kafka_metadata import read_kafka_metadata
from odradek.metadata.leaders import FoundTopic, Stray
from odradek.metadata.loading import load_broker_configs
from odradek.metadata.memory_store import MemoryStore
from odradek.metadata.sqlite_store import SqliteStore
from odradek.wire.api import ApiKey

if TYPE_CHECKING:
    from odradek.aio.storage import Storage
    from odradek.broker.metrics_server import MetricsServer
    from odradek.log.manager_settings import ManagerSettings
    from odradek.metadata.broker_config import BrokerConfig
    from odradek.metadata.store import MetadataStore

METADATA_FILE: Final = "metadata.db"
FETCH_SESSION_EVICTION_MS: Final = 120_000  # as in Kafka, where it is no setting either
ANSWER_SECONDS: Final = 4.0  # how long a stop waits for answers that wait for the disk; the whole of it is to take five
_Step = Callable[[], Awaitable[None]]
_logger = get_logger("broker")


class DataDirectoryError(OdradekError):
    """The data directory cannot be used."""


class Node:
    """A running broker: made by `Node.start`, ended by `stop`."""

    def __init__(self, config: BrokerConfig, *, temporary: bool = False) -> None:
        self.state = BrokerState()
        self.state.config = config
        self.state.clock = SystemClock()
        self.state.prng = system_prng()
        self.state.metrics = BrokerMetrics()
        self.state.partitions = PartitionTable()
        self.state.endpoints = {}
        self.data_dir = os.path.abspath(config.log_dirs[0])
        self.failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.metrics_port: int | None = None
        self._temporary = temporary
        self._storage: Storage = ThreadStorage(lasting=not temporary)
        self._metrics_server: MetricsServer | None = None
        self._store: MetadataStore  # from the moment on that it is open
        self._ending: asyncio.Future[None] | None = None
        self._bumped = False  # unclean partitions have their new leader epoch
        self._deleted: set[str] = set()  # topics whose deletion this start has ended
        self.server: Server | None = None

    @classmethod
    async def start(cls, config: BrokerConfig, *, temporary: bool = False) -> Node:
        """Start a broker; when this returns it answers. Raises `OdradekError` or `OSError`, saying what stands in the way.

        `temporary`: its directory goes with it, so metadata stays in memory and names are not synced.
        """
        node = cls(config, temporary=temporary)
        try:
            await node._start()
        except BaseException:
            node._ending = asyncio.ensure_future(node._give_back())
            await to_the_end(node._ending)
            raise
        return node

    async def stop(self) -> None:
        """Answer what is under way, flush, mark the directory clean. May be repeated: everybody waits for the one end.

        A cancellation is raised at its end: a broker that is half stopped would keep its directory.
        """
        if self._ending is None:
            self._ending = asyncio.ensure_future(self._stop())
        await to_the_end(self._ending)

    def abandon(self) -> None:
        """The loop was closed under the broker, and nothing can be awaited: give up port and directory, as a crash does."""
        if self.server is not None:
            self.server.abandon()
        if hasattr(self.state, "log_manager"):
            self.state.log_manager.abandon()

    async def _stop(self) -> None:
        _logger.info("stopping", node=self.state.node_id)
        metrics = asyncio.ensure_future(self._stop_metrics())  # takes half a second, which those who wait do not have
        await self._go_down(
            self._stop_serving, self.state.groups.close, self._retire, self.state.controller.close,
            self.state.log_manager.close, self._storage.close, lambda: metrics,
        )  # fmt: skip
        _logger.info("stopped", node=self.state.node_id)

    async def _go_down(self, *steps: _Step) -> None:
        """Every step, whatever becomes of those before it: above all the flush, the clean mark and the lock."""
        for step in steps:
            try:
                await step()
            except asyncio.CancelledError:  # all tasks of a loop are cancelled when it is to end
                _logger.warning("a step of stopping was cancelled", step=_name_of(step))
            except Exception as error:
                _logger.exception("a step of stopping failed", error=error, step=_name_of(step))

    async def _stop_metrics(self) -> None:
        if self._metrics_server is not None:
            await asyncio.to_thread(self._metrics_server.stop)

    async def _stop_serving(self) -> None:
        if self.server is None:
            return
        stopping = asyncio.ensure_future(self.server.stop(ANSWER_SECONDS))
        await asyncio.sleep(0)  # no request is taken any more: whoever waits for records gets what there is
        for partition in self.state.partitions:
            partition.wake()
        try:
            await self.state.groups.close()  # whoever waits for other members is told to look elsewhere
        finally:
            await stopping

    async def _retire(self) -> None:
        self.keeper.retire_all()

    async def _give_back(self) -> None:
        """A start that failed half way: close what is open, so that the directory can be used again."""
        state = self.state
        steps: list[_Step] = [self._stop_metrics]
        if self.server is not None:
            steps.append(partial(self.server.stop, 0))
        if hasattr(state, "groups"):
            steps.append(state.groups.close)
        if hasattr(state, "controller"):
            steps.append(state.controller.close)
        elif hasattr(self, "_store"):
            steps.append(self._store.close)
        if hasattr(state, "log_manager"):
            # Without the clean mark where an unclean end has not been answered yet by new leader epochs.
            steps.append(partial(state.log_manager.close, mark=self._bumped))
        await self._go_down(*steps, self._storage.close)

    # --- the way up

    async def _start(self) -> None:
        await self._open_logs()
        await self._open_rooms(self._store)
        await self._adopt_and_bump()
        await self.keeper.open_all()
        # What groups committed must not hold for another topic of the same name.
        await self.state.groups.on_topics_deleted([name for name in self._deleted if name not in self.state.image.topics])
        self.state.groups.start()
        self.state.controller.listeners.append(self.keeper.on_change)
        await self._listen()

    async def _open_logs(self) -> None:
        state, config = self.state, self.state.config
        if len(config.log_dirs) > 1:
            _logger.warning("only the first data directory is used", used=self.data_dir, given=",".join(config.log_dirs))
        try:
            await self._storage.make_directory(self.data_dir)
        except (FileExistsError, NotADirectoryError) as error:
            raise DataDirectoryError(
                f"{self.data_dir} cannot be a directory: a file is in the way (log.dirs, --data-dir)"
            ) from error
        state.log_manager = LogManager(
            self._storage, self.data_dir, clock=state.clock, prng=state.prng, node_id=config.node_id,
            settings=manager_settings(config), config_for=self._config_for, on_directory_failure=self._directory_failed,
        )  # fmt: skip
        self._reports = await state.log_manager.start(self._settings)
        state.cluster_id = state.log_manager.cluster_id
        state.node_id = state.log_manager.node_id

    async def _settings(self) -> ManagerSettings:
        """Asked for once the directory is locked: its metadata can be opened, and what was set at run time holds from here."""
        self._store = await self._open_metadata()
        config, held = self.state.config, await load_broker_configs(self._store)
        with suppress(ConfigError, UnknownConfigError):  # the controller leaves them out too, and says so
            config = config.with_dynamic(held.get("", {}), held.get(str(self.state.log_manager.node_id), {}))
        return manager_settings(config)

    def _config_for(self, topic: str) -> LogConfig:
        """What a log found on disk starts with, until the metadata says what its topic wants."""
        return LogConfig()

    async def _open_metadata(self) -> MetadataStore:
        if self._temporary:
            return MemoryStore(self.state.clock)
        return await SqliteStore.open(os.path.join(self.data_dir, METADATA_FILE), self.state.clock)

    async def _open_rooms(self, store: MetadataStore) -> None:
        state, config = self.state, self.state.config
        state.controller = await Controller.open(
            store, cluster_id=state.cluster_id, node_id=state.node_id, config=config, prng=state.prng
        )
        state.config = state.controller.config
        state.producer_ids = ProducerIds(store)
        state.fetch_sessions = FetchSessionCache(
            config.get_int("max.incremental.fetch.session.cache.slots"), FETCH_SESSION_EVICTION_MS, state.prng
        )
        state.groups = GroupCoordinator(
            OffsetsLog(state.partitions, state.clock), state.clock, state.prng, coordinator_config(config),
            registry=state.metrics.registry,
        )  # fmt: skip
        state.internal_topics = InternalTopics(state)
        self.keeper = TopicKeeper(state)

    async def _adopt_and_bump(self) -> None:
        state = self.state
        found: dict[str, tuple[bytes, dict[int, int]]] = {}
        for (topic, index), log in state.log_manager.logs.items():
            topic_id, epochs = found.get(topic, (ZERO_UUID, {}))
            epochs[index] = log.latest_epoch
            found[topic] = (log.topic_id if topic_id == ZERO_UUID else topic_id, epochs)  # not each must have it written down
        for topic, index in state.log_manager.missing:
            if topic in found and topic not in state.image.topics:  # a topic comes back with all that it had
                found[topic][1][index] = -1
        strays = await state.controller.adopt(
            [
                FoundTopic(topic, None if topic_id == ZERO_UUID else topic_id, epochs)
                for topic, (topic_id, epochs) in found.items()
            ],
            lambda: read_kafka_metadata(self._storage, self.data_dir),
        )
        for stray in strays:
            await self._put_away(stray)
        behind = self._behind()
        if behind:
            await state.controller.bump_leader_epochs(behind)
        logs = state.log_manager.logs.values()
        await state.producer_ids.pass_over(producer.producer_id for log in logs for producer in log.producers)
        self._bumped = True
        state.internal_topics.note_partition_count()

    def _behind(self) -> dict[tuple[str, int], int]:
        """Partitions that need a new leader epoch, with the last one in the log.

        Those that were not closed clean, and those whose log has seen a later epoch than the metadata: it comes back from
        another broker, and clients that know of that epoch don't listen to an older one.
        """
        image, logs = self.state.image, self.state.log_manager.logs
        unclean = {(report.topic, report.partition) for report in self._reports if not report.clean}
        known = ((key, log.latest_epoch, image.partition(*key)) for key, log in logs.items())
        return {
            key: epoch
            for key, epoch, partition in known
            if partition is not None and (key in unclean or epoch > partition.leader_epoch)
        }

    async def _put_away(self, stray: Stray) -> None:
        """Data on disk that belongs to no topic: a deletion is finished, anything else is kept under another name."""
        manager, known = self.state.log_manager, self.state.image.topic(stray.topic.name)
        kept = len(known.partitions) if known is not None and known.topic_id == stray.topic.topic_id else 0
        for index in stray.topic.partitions:
            if stray.is_removed:
                self._deleted.add(stray.topic.name)
                await manager.delete(stray.topic.name, index)
            elif index >= kept:
                await manager.set_aside(stray.topic.name, index)
        _logger.warning("data of no topic", topic=stray.topic.name, deleted=stray.is_removed, reason=stray.reason)

    async def _listen(self) -> None:
        state = self.state
        self.server = server = Server(state)
        server.dispatcher.warm(ApiKey.API_VERSIONS, ApiKey.METADATA, ApiKey.PRODUCE, ApiKey.FETCH)
        state.endpoints = await server.start()
        await state.controller.register_broker(
            BrokerImage(
                state.node_id, {name: Endpoint(e.host, e.port) for name, e in state.endpoints.items()},
                rack=state.config.get_str("broker.rack") or None,
            )
        )  # fmt: skip
        port = state.config.get_optional_int("odradek.metrics.port")
        if port is not None:
            gauges.register(state, server)
            from odradek.broker.metrics_server import MetricsServer

            self._metrics_server = MetricsServer(state, port, parse_endpoint(state.config.client_listeners[0]).host)
            self.metrics_port = self._metrics_server.port
        _logger.info(
            "serving", node=state.node_id, cluster=state.cluster_id, data_dir=self.data_dir,
            listeners=",".join(map(repr, state.endpoints.values())),
        )  # fmt: skip

    def _directory_failed(self, reason: str) -> None:
        """The only data directory is lost: nothing can be acknowledged any more, and going on would only pretend."""
        if not self.failed.done():
            self.failed.set_result(reason)


def _name_of(step: _Step) -> str:
    function: Any = step.func if isinstance(step, partial) else step
    return str(function.__qualname__)
