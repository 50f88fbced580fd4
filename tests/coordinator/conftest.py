"""A log in memory with a gate and failures, and a coordinator on virtual time."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from odradek.base.clock import ManualClock
from odradek.base.errors import OdradekError
from odradek.base.prng import seeded
from odradek.coordinator.config import ClientInfo, CoordinatorConfig
from odradek.coordinator.group_coordinator import GroupCoordinator
from odradek.coordinator.timers import ManualTimers

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))  # group_story


class AppendError(OdradekError):
    def __init__(self, code):
        super().__init__(f"append failed with {code}")
        self.code = code


class MemoryLog:
    """Partitions as lists of records. `hold()` keeps appends under way until `release()`; `fail_with` refuses them."""

    def __init__(self):
        self.partitions = {}
        self.batches = []
        self.fail_with = None
        self._open = asyncio.Event()
        self._open.set()

    def hold(self):
        self._open.clear()

    def release(self):
        self._open.set()

    async def append(self, partition, records):
        await self._open.wait()
        if self.fail_with is not None:
            raise AppendError(self.fail_with)
        self.batches.append((partition, records))
        self.partitions.setdefault(partition, []).extend(records)

    async def load(self, partition):
        for record in list(self.partitions.get(partition, [])):
            yield record


class World:
    """A coordinator of four partitions with its log, clock and timers; rebalances begin at once."""

    def __init__(self, log=None, **settings):
        self.log = log or MemoryLog()
        self.clock = ManualClock()
        self.timers = ManualTimers(self.clock)
        settings = {"offsets_topic_num_partitions": 4, "group_initial_rebalance_delay_ms": 0, **settings}
        self.config = CoordinatorConfig(**settings)
        self.groups = GroupCoordinator(self.log, self.clock, seeded(7), self.config, self.timers)

    async def load_all(self):
        for partition in range(4):
            await self.groups.load(partition)
        return self

    def client(self, version=9):
        return ClientInfo("tester", "/127.0.0.1", version)

    async def advance(self, ms):
        """Let virtual time pass, then let what has become ready run."""
        await asyncio.sleep(0)
        self.timers.advance(ms)
        await turns()


async def turns(count=20):
    """Give every task that is ready a few turns."""
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.fixture
def world():
    """Makes a `World`; call it inside the running loop."""
    return World


@pytest.fixture
def memory_log():
    return MemoryLog
