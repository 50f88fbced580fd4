"""Where direct files come from: the engine that was chosen, its memory, its queue to the disk.

The engine is chosen once, when this is made: Linux's native asynchronous I/O where it is to be had, threads elsewhere. Three
things are fallen back from, each with one line in the log that says what is missing:

| missing | then |
|---|---|
| `io_setup` (a container forbids it, another system) | threads carry the requests |
| room in fs.aio-max-nr, which all processes of the machine share | the same; the line has the limit, its use, the need |
| O_DIRECT on a file system (shared folders, some network file systems) | its files are buffered ones, on threads |

One loop's. What opens here is for bulk: cold reads, compaction, copying. A log's tail is written through the page cache.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
import sys
from dataclasses import dataclass
from typing import Final

from odradek.aio import posix
from odradek.aio.aligned import ALIGNMENT, AlignedBuffer, BufferPool, BufferPoolStatistics
from odradek.aio.block_io import Machinery
from odradek.aio.direct_file import DirectFile
from odradek.aio.disk_rates import DiskRates
from odradek.aio.engine import Engine, EngineStatistics, ThreadEngine
from odradek.aio.io_queue import IoQueue, IoQueueStatistics, Priority
from odradek.aio.storage import Operation
from odradek.aio.thread_pool import ThreadPool
from odradek.base.clock import Clock

log = logging.getLogger(__name__)

DEPTH: Final = 128
"""Requests with the kernel at a time. Disks gain nothing beyond; fs.aio-max-nr, 65536 on most machines, is all processes'."""

MEMORY: Final = 32 * 1024 * 1024
"""Bytes of aligned buffers, lent and kept together."""

_AIO_MAX_NR: Final = "/proc/sys/fs/aio-max-nr"
_AIO_NR: Final = "/proc/sys/fs/aio-nr"
_O_DIRECT: Final[int] = getattr(os, "O_DIRECT", 0)


@dataclass(frozen=True, slots=True)
class DirectStorageStatistics:
    """A view of all parts."""

    engine: EngineStatistics
    buffers: BufferPoolStatistics
    queue: IoQueueStatistics
    open_files: int


class DirectStorage:
    """Opens direct files in one running loop. Lifecycle: made, used, `close()`."""

    __slots__ = ("_buffered", "_files", "_machinery", "_refused", "_threads")

    def __init__(
        self, clock: Clock, *, rates: DiskRates | None = None, depth: int = DEPTH, memory: int = MEMORY, threads_max: int = 8
    ) -> None:
        self._threads = ThreadPool("direct", threads_max)
        on_threads = ThreadEngine(self._threads)
        queue = IoQueue("direct", depth, clock, rates)
        buffers = BufferPool(memory)
        self._machinery = Machinery(choose_engine(depth, self._threads), buffers, self._threads, queue)
        self._buffered = Machinery(on_threads, buffers, self._threads, queue)
        self._files: set[DirectFile] = set()
        self._refused: set[int] = set()  # devices of file systems that have no O_DIRECT

    @property
    def engine(self) -> str:
        """Its name: "linux_aio" or "threads"."""
        return self._machinery.engine.name

    def add_class(self, name: str, shares: int) -> Priority:
        """A priority class of this disk, for `open`."""
        return self._machinery.queue.add_class(name, shares)

    async def lend(self, size: int) -> AlignedBuffer:
        """An aligned buffer of at least `size` bytes, for `read_aligned` and `write_aligned`; to be given back."""
        return await self._machinery.buffers.lend(size)

    def give_back(self, buffer: AlignedBuffer) -> None:
        self._machinery.buffers.give_back(buffer)

    async def open(
        self,
        path: str,
        *,
        create: bool = False,
        exclusive: bool = False,
        read_only: bool = False,
        truncate: bool = False,
        priority: Priority | None = None,
    ) -> DirectFile:
        """Open a regular file or a block device. Requests of a file without `priority` don't stand in the queue."""
        flags = posix.open_flags(create=create, exclusive=exclusive, read_only=read_only, truncate=truncate)
        opened = await self._threads.run(Operation.OPEN, _open, path, flags, dispose=_Opened.close)
        if not opened.direct and opened.device not in self._refused:
            self._refused.add(opened.device)
            log.warning("%s: its file system has no direct I/O (O_DIRECT): files there go through the page cache", path)
        machinery = self._machinery if opened.direct else self._buffered
        file = DirectFile(
            path,
            opened.fd,
            opened.size,
            opened.block,
            machinery,
            fixed=opened.fixed,
            priority=priority,
            forget=self._files.discard,
        )
        self._files.add(file)
        return file

    async def close(self) -> None:
        """Close what is open, wait for what is under way, give everything back."""
        for file in tuple(self._files):
            await file.close()
        self._machinery.queue.close()
        await self._machinery.engine.close()
        await self._threads.close()

    def statistics(self) -> DirectStorageStatistics:
        """See `DirectStorageStatistics`."""
        made = self._machinery
        return DirectStorageStatistics(
            made.engine.statistics(), made.buffers.statistics(), made.queue.statistics(), len(self._files)
        )


def choose_engine(depth: int, threads: ThreadPool) -> Engine:
    """The best engine that is to be had; where it isn't the best there is, the log says why."""
    if sys.platform != "linux":
        return ThreadEngine(threads)
    from odradek.aio.linux.linux_aio import LinuxAioEngine  # ctypes is loaded only where it is needed

    try:
        return LinuxAioEngine(depth, threads)
    except OSError as error:
        log.warning("no native asynchronous file I/O, threads carry it: %s", _why(error, depth))
        return ThreadEngine(threads)


def _why(error: OSError, depth: int) -> str:
    if error.errno != errno.EAGAIN:
        return f"io_setup: {error.strerror}"
    limit, used = _number_in(_AIO_MAX_NR), _number_in(_AIO_NR)
    return f"fs.aio-max-nr is {limit}, {used} are in use, {used + depth} are needed: sysctl -w fs.aio-max-nr=N raises it"


def _number_in(path: str) -> int:
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0


@dataclass(slots=True)
class _Opened:
    fd: int
    size: int
    block: int
    fixed: bool
    direct: bool
    device: int

    def close(self) -> None:
        os.close(self.fd)


def _open(path: str, flags: int) -> _Opened:
    """On a thread: the descriptor, direct where that can be had."""
    fd, direct = _open_direct(path, flags)
    try:
        status = os.fstat(fd)
        if stat.S_ISBLK(status.st_mode):
            size, fixed = os.lseek(fd, 0, os.SEEK_END), True
        elif stat.S_ISREG(status.st_mode):
            size, fixed = status.st_size, False
        else:
            raise OSError(errno.EINVAL, "neither a regular file nor a block device", path)
        block = _block_of(fd, fixed) if direct else ALIGNMENT if not fixed else 512
        return _Opened(fd, size, block, fixed, direct, status.st_dev)
    except BaseException:
        os.close(fd)
        raise


def _open_direct(path: str, flags: int) -> tuple[int, bool]:
    """The descriptor, and whether it is a direct one."""
    flags |= os.O_CLOEXEC
    if _O_DIRECT:
        try:
            return os.open(path, flags | _O_DIRECT, 0o644), True
        except OSError as error:
            if error.errno != errno.EINVAL:  # open(2): the file system does not support O_DIRECT
                raise
        flags &= ~os.O_EXCL  # it was made by the attempt
    return os.open(path, flags, 0o644), False


def _block_of(fd: int, fixed: bool) -> int:
    """A page for files: smaller writes are read-modify-write inside most disks. A device's end may lie within a page."""
    from odradek.aio.linux.statx import direct_alignment

    told = direct_alignment(fd)
    least = told.position if told and told.position else 512
    return least if fixed else max(least, ALIGNMENT)
