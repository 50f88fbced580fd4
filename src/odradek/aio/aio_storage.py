"""Real files on Linux, with its native asynchronous I/O beside the threads: the engine "linux_aio".

Names, small files and all that can only block stay with the threads of `ThreadStorage`; flushes and cold reads of open files
go to the kernel's queue, through one `IoQueue` with the broker's priority classes (`PRIORITIES`). The queue is made when it
is first needed: a broker in a test that never waits for the disk doesn't pay for it. Where there is none to be had, or a file
system knows no direct I/O, threads do the same, and one line in the log says so.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from odradek.aio.aio_file import AioFile
from odradek.aio.aligned import BufferPool
from odradek.aio.block_io import Machinery
from odradek.aio.direct_storage import DEPTH, MEMORY, choose_engine
from odradek.aio.disk_rates import DiskRates
from odradek.aio.io_queue import IoQueue, Priority
from odradek.aio.storage import StorageStatistics
from odradek.aio.thread_pool import THREADS_MAX
from odradek.aio.thread_storage import ThreadStorage
from odradek.base.clock import Clock
from odradek.base.errors import check

if TYPE_CHECKING:
    from odradek.aio.linux.cachestat import CacheStat

log = logging.getLogger(__name__)

PRIORITIES: Final = {"produce": 1000, "consume": 500, "replication": 500, "recovery": 200, "compaction": 100}
"""Shares of a disk, by who asks."""


class AioStorage(ThreadStorage):
    """The disk as one loop sees it; see `ThreadStorage` for its life."""

    engine = "linux_aio"

    __slots__ = ("_cache_stat", "_clock", "_cold", "_depth", "_machinery", "_memory", "_rates", "_refused", "_tried")

    def __init__(
        self,
        clock: Clock,
        threads_max: int = THREADS_MAX,
        *,
        lasting: bool = True,
        rates: DiskRates | None = None,
        depth: int = DEPTH,
        memory: int = MEMORY,
    ) -> None:
        super().__init__(threads_max, lasting=lasting)
        self._clock = clock
        self._rates = rates
        self._depth = depth
        self._memory = memory
        self._machinery: Machinery | None = None
        self._cold: Priority | None = None
        self._cache_stat: CacheStat | None = None
        self._tried = False
        self._refused = False

    def _file(self, path: str, fd: int, size: int) -> AioFile:
        return AioFile(path, fd, size, self._pool, self._forget, self)

    @property
    def cold(self) -> Priority:
        """The class of reads that nobody wrote lately; there once `machinery` has given something."""
        check(self._cold is not None, "the machinery is there before its classes are asked for")
        return self._cold  # type: ignore[return-value]

    def machinery(self) -> Machinery | None:
        """Engine, memory and queue; None where threads have to do."""
        if not self._tried:
            self._tried = True
            self._make_machinery()
        return self._machinery

    def _make_machinery(self) -> None:
        engine = choose_engine(self._depth, self._pool)
        if engine.name == "threads":
            return
        queue = IoQueue("aio", self._depth, self._clock, self._rates)
        classes = {name: queue.add_class(name, shares) for name, shares in PRIORITIES.items()}
        self._cold = classes["consume"]
        self._machinery = Machinery(engine, BufferPool(self._memory), self._pool, queue)

    def is_cached(self, fd: int, position: int, size: int) -> bool | None:
        """See `CacheStat.is_cached`; only where there is machinery, that is, on Linux."""
        if self._cache_stat is None:
            from odradek.aio.linux.cachestat import CacheStat

            self._cache_stat = CacheStat()
        return self._cache_stat.is_cached(fd, position, size)

    def refused(self, path: str, error: OSError) -> None:
        """Said once: it is the file system that refuses, not one file."""
        if not self._refused:
            self._refused = True
            log.warning("%s: no direct I/O there (%s): cold reads go through the page cache, by threads", path, error.strerror)

    async def close(self) -> None:
        """See `Storage.close`."""
        for file in tuple(self._files):
            await file.close()
        if self._machinery is not None:
            self._machinery.queue.close()
            await self._machinery.engine.close()
        await super().close()

    def statistics(self) -> StorageStatistics:
        """See `StorageStatistics`; `engine` is the one that is at work."""
        fallen_back = self._tried and self._machinery is None
        return replace(super().statistics(), engine="threads" if fallen_back else self.engine)
