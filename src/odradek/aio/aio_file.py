"""A file whose flushes and cold reads the kernel carries by itself.

What is hot is as in `ThreadFile`: appends into the page cache, reads out of it. Two things don't go to threads here:

* **a flush** is a request in the kernel's queue: no thread is woken, none waits for the disk;
* **a large read of what is not cached** goes past the page cache, from the disk into aligned memory: it wakes no thread, and
  does not push the log's tail out of the cache for bytes that are read once. It opens the file anew for direct I/O, by its
  descriptor and so whatever its name is by now: microseconds beside the milliseconds of the read, and no second descriptor
  is kept. Bytes that are still dirty are read by a thread (the engine sees to that), and so is all that is small.

Where a cold read ended the next one begins. `read_now` there looks first whether the bytes are in the cache: to ask for them
would make the kernel fetch them into it, and the disk would read them twice (see `linux.cachestat`).
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Final, Protocol

from odradek.aio import posix
from odradek.aio.aligned import ALIGNMENT
from odradek.aio.block_io import BlockIo, Machinery
from odradek.aio.io_queue import Priority
from odradek.aio.storage import WOULD_BLOCK, Operation, WouldBlock
from odradek.aio.thread_file import ThreadFile
from odradek.aio.thread_pool import ThreadPool

DIRECT_MIN: Final = 64 * 1024
"""Smaller reads go through the page cache: what lies around an index entry will be asked for again."""


class Direct(Protocol):
    """What a storage lends its files."""

    @property
    def cold(self) -> Priority:
        """The class of reads that nobody wrote lately."""

    def machinery(self) -> Machinery | None:
        """None where there is no native asynchronous I/O."""

    def is_cached(self, fd: int, position: int, size: int) -> bool | None:
        """Whether a range is in the page cache; None where that can't be told."""

    def refused(self, path: str, error: OSError) -> None:
        """`path` could not be opened for direct I/O."""


class AioFile(ThreadFile):
    """An open regular file of one `AioStorage`."""

    __slots__ = ("_cold_end", "_direct", "_may_direct")

    def __init__(
        self, path: str, fd: int, size: int, pool: ThreadPool, forget: Callable[[ThreadFile], None], direct: Direct
    ) -> None:
        super().__init__(path, fd, size, pool, forget)
        self._direct = direct
        self._may_direct = True
        self._cold_end = -1

    def read_now(self, position: int, size: int) -> bytes | bytearray | WouldBlock:
        """See `File.read_now`."""
        if position == self._cold_end:
            size = min(size, self.size - position)
            if size > 0 and self._direct.is_cached(self._fd, position, size) is False:
                return WOULD_BLOCK
        return ThreadFile.read_now(self, position, size)

    def _start_sync(self, begin: Callable[[], None]) -> asyncio.Future[None]:
        machinery = self._direct.machinery()
        if machinery is None:
            return super()._start_sync(begin)
        self._pool.count(Operation.FLUSH)
        return asyncio.ensure_future(_sync(machinery, self._fd, begin))

    async def read(self, position: int, size: int) -> bytes | bytearray:
        """See `File.read`."""
        size = min(size, self.size - position)
        machinery = self._direct.machinery() if size >= DIRECT_MIN and self._may_direct else None
        if machinery is None:
            return await super().read(position, max(size, 0))
        self._gate.enter()
        try:
            fd = self._open_direct()
            if fd is None:
                return await super().read(position, size)
            try:
                self._pool.count(Operation.READ)
                io = BlockIo(fd, ALIGNMENT, self.size, machinery, self._direct.cold)
                data = bytearray(size)
                with memoryview(data) as target:
                    found = await io.read_into(position, target)
                del data[found:]  # the file was cut shorter meanwhile
                self._cold_end = position + found
                return data
            finally:
                os.close(fd)
        except OSError as error:
            raise posix.with_path(error, self.path, f"reading {size} bytes at {position}") from error
        finally:
            self._gate.leave()

    def _open_direct(self) -> int | None:
        """The same file once more, past the page cache."""
        try:
            return os.open(f"/proc/self/fd/{self._fd}", os.O_RDONLY | os.O_DIRECT | os.O_CLOEXEC)
        except OSError as error:
            self._may_direct = False
            self._direct.refused(self.path, error)
            return None


async def _sync(machinery: Machinery, fd: int, begin: Callable[[], None]) -> None:
    begin()
    await machinery.engine.sync(fd)
