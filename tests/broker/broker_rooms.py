"""A broker without its network: the rooms behind the handlers, on a simulated disk, for tests of what joins them.

`rooms()` opens what `node.py` opens, in its order, with a clock that stands still. Given the disk and the store of rooms
that were closed it opens them again, as the next start of a broker does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from odradek.aio.memory_storage import MemoryStorage
from odradek.base.clock import ManualClock
from odradek.base.prng import seeded
from odradek.broker.context import BrokerState
from odradek.broker.internal_topics import InternalTopics
from odradek.broker.offsets_log import OffsetsLog
from odradek.broker.partitions import PartitionTable
from odradek.broker.settings import coordinator_config
from odradek.broker.topics import TopicKeeper
from odradek.coordinator.group_coordinator import GroupCoordinator
from odradek.log.manager import LogManager
from odradek.metadata.broker_config import BrokerConfig
from odradek.metadata.controller import Controller
from odradek.metadata.image import BrokerImage, TopicImage
from odradek.metadata.memory_store import MemoryStore
from odradek.metadata.topics import NewTopic
from odradek.records.batch import parse_header
from odradek.records.record import NewRecord, build_batch
from odradek.replication.partition import Partition

NODE = 1
NOW = 1_700_000_000_000


class KeptStore(MemoryStore):
    """Metadata that outlives the broker, as a file would."""

    async def close(self) -> None:
        pass


class Rooms:
    """What is open, and what tests do with it most."""

    def __init__(self, state: BrokerState, keeper: TopicKeeper, disk: MemoryStorage, store: KeptStore) -> None:
        self.state = state
        self.keeper = keeper
        self.disk = disk
        self.store = store

    async def make(self, name: str, partitions: int = 1, **configs: str) -> TopicImage:
        """A new topic, with its partitions open."""
        given: dict[str, str | None] = {key.replace("_", "."): value for key, value in configs.items()}
        [made] = await self.state.controller.create_topics([NewTopic(name, partitions, 1, (), given)])
        if not isinstance(made, TopicImage):
            raise made
        return made

    async def delete(self, topic: TopicImage) -> None:
        [gone] = await self.state.controller.delete_topics([topic.topic_id])
        assert gone == topic

    def partition(self, topic: str, index: int = 0) -> Partition:
        return self.state.partitions.by_name(topic, index)

    def served(self) -> list[tuple[str, int]]:
        """The partitions in the table."""
        return sorted((partition.topic, partition.index) for partition in self.state.partitions)

    async def directories(self) -> list[str]:
        """Those of partitions on the disk."""
        entries = [entry.name async for entry in self.disk.list_directory("/data")]
        return sorted(name for name in entries if name[-1].isdigit() and "-" in name)


def records(*values: bytes) -> bytearray:
    """One batch."""
    return build_batch([NewRecord(b"k", value, NOW) for value in values])


async def put(partition: Partition, *values: bytes) -> None:
    """Append one batch."""
    batch = records(*values)
    await partition.append(batch, parse_header(batch), NOW)


@asynccontextmanager
async def rooms(disk: MemoryStorage | None = None, store: KeptStore | None = None, /, **settings: str) -> AsyncIterator[Rooms]:
    """The rooms of one broker."""
    disk, store = disk or MemoryStorage(), store or KeptStore()
    state = BrokerState()
    state.config = BrokerConfig({name.replace("_", "."): value for name, value in settings.items()})
    state.clock, state.prng, state.partitions = ManualClock(NOW), seeded(1), PartitionTable()
    state.log_manager = LogManager(disk, "/data", clock=state.clock, prng=state.prng, node_id=NODE)
    await state.log_manager.start()
    state.cluster_id, state.node_id = "cluster", NODE
    state.controller = await Controller.open(
        store, cluster_id=state.cluster_id, node_id=NODE, config=state.config, prng=state.prng
    )
    state.config = state.controller.config
    log = OffsetsLog(state.partitions, state.clock)
    state.groups = GroupCoordinator(log, state.clock, state.prng, coordinator_config(state.config))
    state.internal_topics = InternalTopics(state)
    keeper = TopicKeeper(state)
    state.internal_topics.note_partition_count()
    await keeper.open_all()
    state.controller.listeners.append(keeper.on_change)
    await state.controller.register_broker(BrokerImage(NODE, {}))
    try:
        yield Rooms(state, keeper, disk, store)
    finally:
        await state.groups.close()
        keeper.retire_all()
        await state.controller.close()
        await state.log_manager.close()


def tell(story: Callable[[Rooms], Awaitable[None]], **settings: str) -> None:
    """Run a story in fresh rooms."""

    async def run() -> None:
        async with rooms(**settings) as opened:
            await story(opened)

    asyncio.run(run())
