"""The engine "linux_aio": requests go to the kernel's queue, and to a thread when they would block the loop there.

`io_submit` is asynchronous only as far as the file system lets it be: it waits for dirty pages of the same range to be written,
for a lock on the file, for blocks to be allocated to a file that grows. So each request says RWF_NOWAIT first, and the kernel
ends those with EAGAIN that it would have had to wait for; they are made by a thread then. Where the flag is not known for a
descriptor (EOPNOTSUPP, EINVAL: block devices of old kernels) it is left out from then on.
"""

from __future__ import annotations

import errno
import os

from odradek.aio.aligned import AlignedBuffer
from odradek.aio.engine import EngineStatistics, ThreadEngine
from odradek.aio.linux.abi import Opcode
from odradek.aio.linux.kernel_queue import KernelQueue
from odradek.aio.thread_pool import ThreadPool


class LinuxAioEngine:
    """One kernel queue, and the threads beside it."""

    name = "linux_aio"

    __slots__ = ("_queue", "_threads")

    def __init__(self, depth: int, pool: ThreadPool) -> None:
        """In a running loop. Raises what `KernelQueue` raises: OSError where there is no such I/O, or no more of it."""
        self._queue = KernelQueue(depth)
        self._threads = ThreadEngine(pool)

    async def read(self, fd: int, buffer: AlignedBuffer, offset: int, size: int, position: int) -> int:
        """See `Engine.read`."""
        try:
            return await self._queue.run(Opcode.PREAD, fd, buffer.address + offset, size, position, buffer, os.RWF_NOWAIT)
        except OSError as error:
            if error.errno not in _WOULD_BLOCK:
                raise
        return await self._threads.read(fd, buffer, offset, size, position)

    async def write(self, fd: int, buffer: AlignedBuffer, offset: int, size: int, position: int) -> int:
        """See `Engine.write`."""
        try:
            return await self._queue.run(Opcode.PWRITE, fd, buffer.address + offset, size, position, buffer, os.RWF_NOWAIT)
        except OSError as error:
            if error.errno not in _WOULD_BLOCK:
                raise
        return await self._threads.write(fd, buffer, offset, size, position)

    async def sync(self, fd: int) -> None:
        """See `Engine.sync`."""
        try:
            await self._queue.run(Opcode.FDSYNC, fd, 0, 0, 0, None)
        except OSError as error:
            if error.errno != errno.EINVAL:  # kernels before 4.18 have no such request
                raise
            await self._threads.sync(fd)

    async def close(self) -> None:
        """See `Engine.close`."""
        await self._queue.close()

    def statistics(self) -> EngineStatistics:
        """See `EngineStatistics`."""
        on_threads = self._threads.statistics().requests
        return EngineStatistics(self.name, self._queue.requests, on_threads)


_WOULD_BLOCK = (errno.EAGAIN, errno.EOPNOTSUPP)
"""What a request is answered with whose RWF_NOWAIT can't be kept, now or on this file."""
