"""A real file, with threads for what blocks.

`write_now` and `read_now` are the broker's hottest calls, one system call each and little around it: buffered writes copy into
the page cache, RWF_NOWAIT reads copy out of it. All else goes to the pool, inside the file's gate, so that the descriptor
outlives every call that uses it.

Where RWF_NOWAIT is refused (EOPNOTSUPP: overlay, some network file systems) the file finds out once and answers WOULD_BLOCK
from then on, except on memory file systems (tmpfs refuses it too), where an ordinary read never waits for a device.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Sequence
from typing import TypeVar, TypeVarTuple

from odradek.aio import posix
from odradek.aio.errors import FileClosedError
from odradek.aio.gate import Gate
from odradek.aio.posix import IOV_MAX, RWF_NOWAIT
from odradek.aio.shared_flush import SharedFlush
from odradek.aio.storage import BUFFER_TYPES, WOULD_BLOCK, Buffer, Operation, WouldBlock
from odradek.aio.thread_pool import ThreadPool

Args = TypeVarTuple("Args")
T = TypeVar("T")

_MEMORY_FILE_SYSTEMS = ("tmpfs", "ramfs")
_NO_WAIT, _PLAIN, _NEVER = "RWF_NOWAIT", "plain", "never"  # how read_now reads


class ThreadFile:
    """An open regular file of one `ThreadStorage`; one loop's, one writer's at a time."""

    __slots__ = ("_broken", "_fd", "_flushes", "_forget", "_gate", "_pool", "_reads", "path", "size")

    def __init__(self, path: str, fd: int, size: int, pool: ThreadPool, forget: Callable[[ThreadFile], None]) -> None:
        self.path = path
        self.size = size
        self._fd = fd
        self._pool = pool
        self._forget = forget
        self._gate = Gate(f"file {path}", FileClosedError)
        self._flushes = SharedFlush(path, self._gate, self._start_sync)
        self._broken: OSError | None = None
        self._reads = _NO_WAIT if RWF_NOWAIT else _NEVER

    @property
    def closed(self) -> bool:
        return self._gate.closed

    @property
    def flushes(self) -> SharedFlush:
        """For statistics."""
        return self._flushes

    def fileno(self) -> int:
        """The descriptor; -1 once closed."""
        return self._fd

    def write_now(self, parts: Buffer | Sequence[Buffer], position: int) -> None:
        """See `File.write_now`."""
        if self._broken is not None:
            raise self._broken
        try:
            if isinstance(parts, BUFFER_TYPES):
                size = len(parts)
                written = os.pwrite(self._fd, parts, position)
            else:
                size = sum(map(len, parts))
                written = os.pwritev(self._fd, parts[:IOV_MAX], position)
            if written != size:
                listed = [parts] if isinstance(parts, BUFFER_TYPES) else parts
                posix.write_rest(self._pwrite, listed, position, written)
        except OSError as error:
            raise self._write_failed(error, position) from error
        if position + size > self.size:
            self.size = position + size

    def _pwrite(self, data: Buffer, position: int) -> int:
        return os.pwrite(self._fd, data, position)

    def _write_failed(self, error: OSError, position: int) -> Exception:
        """Cut the file back to its old size; gives the error to raise."""
        if self._fd < 0:
            return self._closed_error()
        try:
            os.ftruncate(self._fd, self.size)
        except OSError as failure:
            self._broken = posix.with_path(failure, self.path, f"cutting a failed write back to {self.size} bytes")
        return posix.with_path(error, self.path, f"writing at {position}")

    def _closed_error(self) -> FileClosedError:
        return FileClosedError(f"{self._gate.name} is closed")

    def read_now(self, position: int, size: int) -> bytes | bytearray | WouldBlock:
        """See `File.read_now`."""
        if size > self.size - position:
            size = self.size - position
        if size <= 0:
            return b""
        if self._reads is not _NO_WAIT:
            return os.pread(self._fd, size, position) if self._reads is _PLAIN else WOULD_BLOCK
        buffer = bytearray(size)
        try:
            count = os.preadv(self._fd, (buffer,), position, RWF_NOWAIT)
        except BlockingIOError:
            return WOULD_BLOCK
        except OSError as error:
            return self._without_nowait(error, position, size)
        return buffer if count == size else WOULD_BLOCK

    def _without_nowait(self, error: OSError, position: int, size: int) -> bytes | bytearray | WouldBlock:
        """RWF_NOWAIT was refused: find out, once, what this file can do instead."""
        if self._fd < 0:
            raise self._closed_error() from error
        if error.errno not in (errno.EOPNOTSUPP, errno.ENOSYS):
            raise posix.with_path(error, self.path, f"reading {size} bytes at {position}") from error
        in_memory = posix.file_system_type(f"/proc/self/fd/{self._fd}") in _MEMORY_FILE_SYSTEMS
        self._reads = _PLAIN if in_memory else _NEVER
        return self.read_now(position, size)

    async def _run(self, operation: Operation, function: Callable[[int, *Args], T], *args: *Args) -> T:
        """`function(descriptor, *args)` on a thread, inside the gate."""
        self._gate.enter()
        try:
            return await self._pool.run(operation, function, self._fd, *args)
        except OSError as error:
            raise posix.with_path(error, self.path, operation.value) from error
        finally:
            self._gate.leave()

    async def read(self, position: int, size: int) -> bytes | bytearray:
        """See `File.read`."""
        return await self._run(Operation.READ, posix.read_full, position, size)

    async def read_into(self, position: int, buffer: bytearray | memoryview) -> int:
        """See `File.read_into`."""
        return await self._run(Operation.READ, posix.read_into, position, buffer)

    async def write(self, position: int, data: Buffer) -> None:
        """See `File.write`."""
        if self._broken is not None:
            raise self._broken
        size_before = self.size
        try:
            await self._run(Operation.WRITE, posix.write_all, data, position)
        except OSError as error:
            if self.size == size_before:  # else somebody appended meanwhile: cutting would take their bytes
                self._write_failed(error, position)
            raise
        self.size = max(self.size, position + len(data))

    async def flush(self) -> None:
        """See `File.flush`."""
        if self._gate.closed:
            raise self._closed_error()
        await self._flushes.wait()

    def _start_sync(self, begin: Callable[[], None]) -> asyncio.Future[None]:
        return self._pool.submit(Operation.FLUSH, _begin_and_sync, begin, self._fd)

    def truncate_now(self, size: int) -> None:
        """See `File.truncate_now`."""
        if self._fd < 0:
            raise self._closed_error()
        os.ftruncate(self._fd, size)
        self.size = size

    async def truncate(self, size: int) -> None:
        """See `File.truncate`."""
        await self._run(Operation.TRUNCATE, os.ftruncate, size)
        self.size = size

    async def allocate(self, position: int, size: int) -> None:
        """See `File.allocate`."""
        await self._run(Operation.ALLOCATE, posix.allocate, position, size)
        self.size = max(self.size, position + size)

    async def discard(self, position: int, size: int) -> None:
        """See `File.discard`."""
        await self._run(Operation.DISCARD, posix.discard, position, size)

    async def close(self) -> None:
        """See `File.close`."""
        await self._gate.close()
        fd, self._fd = self._fd, -1
        if fd >= 0:
            self._forget(self)
            await self._pool.run(Operation.CLOSE, os.close, fd)


def _begin_and_sync(begin: Callable[[], None], fd: int) -> None:
    begin()
    posix.sync_data(fd)
