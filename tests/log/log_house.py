"""A log to try things on: batches made short, a manager on any disk, everything that a log holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from odradek.aio.memory_storage import MemoryStorage
from odradek.aio.storage import Storage
from odradek.aio.thread_storage import ThreadStorage
from odradek.base.clock import ManualClock
from odradek.base.prng import seeded
from odradek.log.config import LogConfig
from odradek.log.log import Log
from odradek.log.manager import LogManager
from odradek.log.manager_settings import ManagerSettings
from odradek.log.results import NEEDS_ROLL, WOULD_BLOCK, AppendResult
from odradek.records.batch import scan
from odradek.records.produced import check_produced
from odradek.records.record import NewRecord, build_batch

TOPIC = "events"
TOPIC_ID = bytes(range(16))
NOW = 1_700_000_000_000


class Disk:
    """A place for a data directory. `storage()` opens it anew, as a new process would."""

    def __init__(self, kind: str = "memory", root: str = "", *, memory: MemoryStorage | None = None) -> None:
        self.kind = kind
        self.directory = f"{root}/data" if kind == "threads" else "/data"
        self.memory = memory or MemoryStorage()

    def storage(self) -> Storage:
        return ThreadStorage() if self.kind == "threads" else self.memory

    async def read(self, name: str, partition: int = 0) -> bytes:
        return await self._aside().read_bytes(self.path(name, partition))

    async def write(self, name: str, data: bytes, partition: int = 0) -> None:
        await self._aside().write_atomically(self.path(name, partition), data)

    async def remove(self, name: str, partition: int = 0) -> None:
        await self._aside().remove(self.path(name, partition))

    async def names(self, partition: int = 0) -> list[str]:
        entries = self._aside().list_directory(f"{self.directory}/{TOPIC}-{partition}")
        return sorted([entry.name async for entry in entries])

    async def names_of_directory(self) -> list[str]:
        return sorted([entry.name async for entry in self._aside().list_directory(self.directory)])

    def path(self, name: str, partition: int = 0) -> str:
        return f"{self.directory}/{TOPIC}-{partition}/{name}"

    def _aside(self) -> Storage:
        return ThreadStorage(1) if self.kind == "threads" else self.memory


@dataclass
class House:
    """A started manager with one log on a disk."""

    manager: LogManager
    log: Log
    clock: ManualClock
    failures: list[str] = field(default_factory=list)


@asynccontextmanager
async def a_log(
    disk: Disk, *, clean: bool = True, settings: ManagerSettings | None = None, **config: object
) -> AsyncIterator[House]:
    """A manager with the log of `events-0`; afterwards closed in order, or left as a killed process leaves it."""
    clock, failures = ManualClock(NOW), []
    log_config = LogConfig(**config)  # type: ignore[arg-type]
    storage = disk.storage()
    manager = LogManager(
        storage, disk.directory, clock=clock, prng=seeded(1), node_id=1, settings=settings, config_for=lambda _: log_config,
        on_directory_failure=failures.append,
    )  # fmt: skip
    await manager.start()
    try:
        log = await manager.open_or_create(TOPIC, 0, TOPIC_ID, log_config)
        yield House(manager, log, clock, failures)
    finally:
        if clean:
            await manager.close()
        else:
            await kill(manager)
        if disk.kind == "threads":
            await storage.close()


async def kill(manager: LogManager) -> None:
    """End a manager as SIGKILL does: nothing is written any more, the lock is gone."""
    for task in [*manager.housekeeping._tasks, *(task for log in manager.logs.values() for task in log.background)]:
        task.cancel()
    lock, manager._lock = manager._lock, None
    if lock is not None:
        lock.release()


def make_batch(*values: bytes | None, timestamp: int = NOW, key: bytes | None = b"k", **options: object) -> bytearray:
    """One batch as a producer sends it."""
    return build_batch([NewRecord(key, value, timestamp) for value in values], **options)  # type: ignore[arg-type]


async def append(log: Log, batch: bytearray, *, epoch: int = 0, now_ms: int = NOW) -> AppendResult:
    """Append as the broker does: at once if possible."""
    header = check_produced(batch, max_batch_size=1 << 30, produce_version=9)
    result = log.append_now(batch, header, leader_epoch=epoch, now_ms=now_ms)
    if result is NEEDS_ROLL:
        return await log.append(batch, header, leader_epoch=epoch, now_ms=now_ms)
    return result


async def put(log: Log, *values: bytes | None, epoch: int = 0, now_ms: int = NOW, **options: object) -> AppendResult:
    return await append(log, make_batch(*values, **options), epoch=epoch, now_ms=now_ms)


async def read(log: Log, offset: int, max_bytes: int = 1 << 20, end_offset: int | None = None, **options: bool) -> bytes:
    """A slice's bytes, by whichever way they are had."""
    end = log.log_end_offset if end_offset is None else end_offset
    found = log.read_slice(offset, max_bytes, end, **options)
    if found is WOULD_BLOCK:
        found = await log.read_slice_cold(offset, max_bytes, end, **options)
    data = found.read_now()
    return bytes(await found.read() if data is WOULD_BLOCK else data)


async def batches(log: Log) -> dict[int, bytes]:
    """Every batch from the log start on, by base offset."""
    found: dict[int, bytes] = {}
    offset = log.log_start_offset
    while offset < log.log_end_offset:
        data = await read(log, offset, 3000)
        if not data:
            break
        for position, header in scan(data):
            found[header.base_offset] = data[position : position + header.size]
            offset = header.next_offset
    return found


def extent(found: dict[int, bytes]) -> list[tuple[int, int]]:
    """(base offset, last offset) of each batch."""
    return [(header.base_offset, header.last_offset) for data in found.values() for _, header in scan(data)]
