"""The engines of direct I/O: who carries one request between aligned memory and a descriptor.

Both do the same, to the same rules: the address, the size and the position are aligned; the count that comes back may be short;
a cancellation is raised only when the memory is the caller's again. `linux.linux_aio` has the other one.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Protocol

from odradek.aio.aligned import AlignedBuffer
from odradek.aio.posix import sync_data
from odradek.aio.storage import Operation
from odradek.aio.thread_pool import ThreadPool


@dataclass(frozen=True, slots=True)
class EngineStatistics:
    """Requests by the way that they went."""

    name: str
    requests: int
    on_threads: int  # carried out by a thread: all of them, or those that would have blocked the loop


class Engine(Protocol):
    """Reads and writes for one loop."""

    name: str

    async def read(self, fd: int, buffer: AlignedBuffer, offset: int, size: int, position: int) -> int:
        """Up to `size` bytes at `position` into the buffer from its `offset` on; 0 at the end of the file."""

    async def write(self, fd: int, buffer: AlignedBuffer, offset: int, size: int, position: int) -> int:
        """Up to `size` bytes of the buffer from its `offset` on to `position`."""

    async def sync(self, fd: int) -> None:
        """fdatasync(2)."""

    async def close(self) -> None:
        """Wait for what is under way."""

    def statistics(self) -> EngineStatistics: ...


class ThreadEngine:
    """Requests on threads: anywhere."""

    name = "threads"

    __slots__ = ("_pool", "_requests")

    def __init__(self, pool: ThreadPool) -> None:
        """`pool` stays its owner's, who closes it."""
        self._pool = pool
        self._requests = 0

    async def read(self, fd: int, buffer: AlignedBuffer, offset: int, size: int, position: int) -> int:
        """See `Engine.read`."""
        self._requests += 1
        return await self._pool.run(Operation.READ, os.preadv, fd, [buffer.view[offset : offset + size]], position)

    async def write(self, fd: int, buffer: AlignedBuffer, offset: int, size: int, position: int) -> int:
        """See `Engine.write`."""
        self._requests += 1
        return await self._pool.run(Operation.WRITE, os.pwrite, fd, buffer.view[offset : offset + size], position)

    async def sync(self, fd: int) -> None:
        """See `Engine.sync`."""
        self._requests += 1
        await self._pool.run(Operation.FLUSH, sync_data, fd)

    async def close(self) -> None:
        """Nothing of its own to close."""

    def statistics(self) -> EngineStatistics:
        """See `EngineStatistics`."""
        return EngineStatistics(self.name, self._requests, self._requests)
