"""Topics made, deleted and made again under the same name, with the power cut at every boundary of the disk.

A partition whose checkpoint lines have no directory is offline (`log/missing.py`). So whatever moment a crash chooses, lines
must never speak of a directory that a deletion took away, or that is yet to be made: each start must find every topic that the
metadata has, online, with all that was acknowledged under its id. The metadata is a table here, changed in the broker's order:
a topic is in it before its logs are made, and out of it before they go.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import pytest
from power_cut_story import DIRECTORY, append, make_batch, manager_on

from odradek.aio.memory_storage import MemoryStorage
from odradek.aio.storage import Operation
from odradek.base.clock import ManualClock
from odradek.base.prng import Prng, seeded
from odradek.log.config import LogConfig
from odradek.log.manager import LogManager
from odradek.metadata import leaders
from odradek.metadata.image import Image, PartitionImage, TopicChange, TopicImage
from odradek.metadata.leaders import FoundTopic

NODE = 1
PARTITIONS = 2
CONFIG = LogConfig(segment_bytes=1 << 20, file_delete_delay_ms=0)
NAMES = ("orders", "t" * 240)  # the second one's name is cut where its directory is deleted


@dataclass
class Metadata:
    """What is written down of topics, and how many records of each partition were acknowledged."""

    ids: dict[str, bytes] = field(default_factory=dict)
    removed: set[bytes] = field(default_factory=set)
    acknowledged: dict[tuple[bytes, int], int] = field(default_factory=dict)

    def copy(self) -> Metadata:
        return Metadata(dict(self.ids), set(self.removed), dict(self.acknowledged))


class Life:
    """A random life of a few topics; each boundary of the disk leaves a crash behind."""

    def __init__(self, seed: int) -> None:
        self.prng = seeded(seed)
        self.clock = ManualClock()
        self.storage = MemoryStorage(seed=seed)
        self.metadata = Metadata()
        self.crashes: list[tuple[str, MemoryStorage, Metadata]] = []

    async def tell(self, deeds: int) -> None:
        self.storage.on_boundary = self._crash
        manager = manager_on(self.storage, self.clock, CONFIG)
        await manager.start()
        await manager.opened_all()
        for _ in range(deeds):
            name = self.prng.choice(NAMES)
            if name not in self.metadata.ids:
                await self._make(manager, name)
            elif self.prng.random() < 0.5:
                await self._delete(manager, name)
            else:
                await self._append(manager, name)
            if self.prng.random() < 0.5:
                await manager.checkpoint()
            if self.prng.random() < 0.3:
                await manager.housekeeping._surroundings.deletions.run_due()
        await manager.close()

    def _crash(self, operation: Operation, path: str) -> None:
        number = len(self.crashes)
        left = self.storage.power_cut(number) if number % 2 else self.storage.process_kill()
        self.crashes.append((f"{number}: {operation} of {path}", left, self.metadata.copy()))

    async def _make(self, manager: LogManager, name: str) -> None:
        self.metadata.ids[name] = topic_id = self.prng.getrandbits(128).to_bytes(16, "big")
        for partition in range(PARTITIONS):
            await manager.open_or_create(name, partition, topic_id, CONFIG)

    async def _delete(self, manager: LogManager, name: str) -> None:
        topic_id = self.metadata.ids.pop(name)
        self.metadata.removed.add(topic_id)
        await manager.delete(name, *range(PARTITIONS))
        self.metadata.removed.discard(topic_id)

    async def _append(self, manager: LogManager, name: str) -> None:
        partition = self.prng.randrange(PARTITIONS)
        log = manager.logs[name, partition]
        await append(log, make_batch(self.prng, name, self.clock.now_ms(), -1, -1), 0, self.clock.now_ms())
        await log.flush()
        self.metadata.acknowledged[self.metadata.ids[name], partition] = log.log_end_offset


async def start_again(storage: MemoryStorage, metadata: Metadata, prng: Prng) -> None:
    """As the node does it: what was deleted goes, what belongs to an older topic is set aside, everything known is opened."""
    clock = ManualClock()
    clock.advance(1_000_000)
    manager = manager_on(storage, clock, CONFIG)
    await manager.start()
    image = Image("cluster", NODE)
    partitions = (PartitionImage((NODE,), (NODE,), NODE, 0),) * PARTITIONS
    for name, topic_id in metadata.ids.items():
        image.apply(TopicChange(None, TopicImage(name, topic_id, partitions, {})))
    found: dict[tuple[str, bytes], dict[int, int]] = {}
    for (name, index), log in manager.logs.items():
        found.setdefault((name, log.topic_id), {})[index] = log.latest_epoch
    topics = [FoundTopic(name, topic_id if any(topic_id) else None, epochs) for (name, topic_id), epochs in found.items()]
    _, strays = leaders.adopt(image, topics, NODE, lambda: prng.getrandbits(128).to_bytes(16, "big"), removed=metadata.removed)
    for stray in strays:
        for index in stray.topic.partitions:
            await (manager.delete if stray.is_removed else manager.set_aside)(stray.topic.name, index)
    for name, topic_id in metadata.ids.items():
        for index in range(PARTITIONS):
            log = await manager.open_or_create(name, index, topic_id, CONFIG)
            assert log.offline_reason is None
            assert log.log_end_offset >= metadata.acknowledged.get((topic_id, index), 0)
    await manager.opened_all()
    await manager.close()


@pytest.mark.parametrize(
    ("seed", "deeds"), [(0, 5), (1, 5), *(pytest.param(seed, 15, marks=pytest.mark.conformance) for seed in range(2, 8))]
)
def test_no_crash_makes_a_topic_miss_what_it_never_had_or_lose_what_it_has(seed: int, deeds: int):
    async def story() -> None:
        life = Life(seed)
        await life.tell(deeds)
        assert len(life.crashes) > 50
        for where, left, metadata in life.crashes:
            try:
                await start_again(left, metadata, seeded(seed))
                await start_again(left, metadata, seeded(seed))  # closed in order meanwhile
            except Exception as error:
                error.add_note(f"seed {seed}, crash {where} in {DIRECTORY}")
                raise

    asyncio.run(story())
