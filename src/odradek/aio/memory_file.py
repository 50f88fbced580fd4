"""A file of the simulated disk: the same promises as a real one, with planned faults and seeded delays in between."""

from __future__ import annotations

import asyncio
import errno
import io
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from odradek.aio.errors import FileClosedError
from odradek.aio.gate import Gate
from odradek.aio.memory_disk import Change, Inode, Truncation, Write
from odradek.aio.posix import write_rest
from odradek.aio.power_cut import surviving_bytes
from odradek.aio.shared_flush import SharedFlush
from odradek.aio.storage import BUFFER_TYPES, WOULD_BLOCK, Buffer, Operation, WouldBlock

if TYPE_CHECKING:
    from odradek.aio.memory_storage import MemoryStorage


class MemoryFile:
    """An open file of one `MemoryStorage`."""

    __slots__ = ("_broken", "_flushes", "_gate", "_inode", "_read_only", "_storage", "path", "size")

    def __init__(self, path: str, inode: Inode, storage: MemoryStorage, *, read_only: bool) -> None:
        self.path = path
        self.size = len(inode.content)
        self._inode = inode
        self._storage = storage
        self._read_only = read_only
        self._gate = Gate(f"file {path}", FileClosedError)
        self._flushes = SharedFlush(path, self._gate, self._start_sync)
        self._broken: OSError | None = None

    @property
    def closed(self) -> bool:
        return self._gate.closed

    @property
    def flushes(self) -> SharedFlush:
        """For statistics."""
        return self._flushes

    def fileno(self) -> int:
        """See `File.fileno`."""
        raise io.UnsupportedOperation(f"{self.path} is in memory: it has no descriptor")

    def write_now(self, parts: Buffer | Sequence[Buffer], position: int) -> None:
        """See `File.write_now`."""
        self._check_open()
        self._write(parts, position)

    def _write(self, parts: Buffer | Sequence[Buffer], position: int) -> None:
        if self._broken is not None:
            raise self._broken
        data = bytes(parts) if isinstance(parts, BUFFER_TYPES) else b"".join(parts)
        try:
            write_rest(self._pwrite, [data], position)
        except OSError as error:
            self._cut_back()
            raise OSError(error.errno, f"{error.strerror} while writing at {position}", self.path) from error
        self.size = max(self.size, position + len(data))

    def _pwrite(self, data: Buffer, position: int) -> int:
        """One write as the system makes it: it may be short, it may fail half-way."""
        if self._read_only:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF), self.path)
        if position < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), self.path)
        size = len(data)
        fault = self._storage.faults.take(Operation.WRITE, self.path)
        if fault is not None:
            size = min(size, fault.keep)
        room = self._storage.disk.room()
        if room is not None:
            size = min(size, max(len(self._inode.content) + room - position, 0))
        if size:
            self._change(Write(position, bytes(data[:size])), Operation.WRITE)
        if fault is not None and fault.error:
            raise fault.os_error(self.path)
        if size == 0 and len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.path)
        return size

    def _cut_back(self) -> None:
        """After a failed write: the old size again."""
        if len(self._inode.content) <= self.size:
            return
        try:
            self._set_size(self.size)
        except OSError as failure:
            self._broken = failure

    def _change(self, change: Change, operation: Operation) -> None:
        self._storage.disk.change(self._inode, change)
        self._storage.boundary(operation, self.path)

    def _set_size(self, size: int) -> None:
        self._storage.strike(Operation.TRUNCATE, self.path)
        if self._read_only or size < 0:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), self.path)
        self._change(Truncation(size), Operation.TRUNCATE)

    def read_now(self, position: int, size: int) -> bytes | bytearray | WouldBlock:
        """See `File.read_now`."""
        self._check_open()
        if self._storage.is_cold():
            return WOULD_BLOCK
        return bytes(self._inode.content[position : position + max(size, 0)])

    async def read(self, position: int, size: int) -> bytes | bytearray:
        """See `File.read`."""
        async with self._operation(Operation.READ):
            return bytes(self._inode.content[position : position + max(size, 0)])

    async def read_into(self, position: int, buffer: bytearray | memoryview) -> int:
        """See `File.read_into`."""
        async with self._operation(Operation.READ):
            data = self._inode.content[position : position + len(buffer)]
            buffer[: len(data)] = data
            return len(data)

    async def write(self, position: int, data: Buffer) -> None:
        """See `File.write`."""
        async with self._operation(None):
            self._write(data, position)

    async def flush(self) -> None:
        """See `File.flush`."""
        self._check_open()
        await self._flushes.wait()

    def _start_sync(self, begin: Callable[[], None]) -> asyncio.Future[None]:
        return asyncio.get_running_loop().create_task(self._sync(begin))

    async def _sync(self, begin: Callable[[], None]) -> None:
        """One fdatasync. It covers what was written before it began; a failed one leaves any part of that on the disk."""
        self._storage.count(Operation.FLUSH)
        await self._storage.delay()
        begin()
        mark = self._inode.mark()
        self._storage.boundary(Operation.FLUSH, self.path)
        await self._storage.delay()
        fault = self._storage.faults.take(Operation.FLUSH, self.path)
        if fault is not None:
            covered = self._inode.covered(mark)
            self._inode.settle(mark, surviving_bytes(self._inode.stable, covered, self._storage.prng))
            raise fault.os_error(self.path)
        self._inode.settle(mark)
        self._storage.boundary(Operation.FLUSH, self.path)

    def truncate_now(self, size: int) -> None:
        """See `File.truncate_now`."""
        self._check_open()
        self._set_size(size)
        self.size = size

    async def truncate(self, size: int) -> None:
        """See `File.truncate`."""
        async with self._operation(None):
            self._set_size(size)
            self.size = size

    async def allocate(self, position: int, size: int) -> None:
        """See `File.allocate`."""
        async with self._operation(Operation.ALLOCATE):
            if position + size > self.size:
                self._change(Truncation(position + size), Operation.ALLOCATE)
                self.size = position + size

    async def discard(self, position: int, size: int) -> None:
        """See `File.discard`."""
        async with self._operation(Operation.DISCARD):
            size = min(size, self.size - position)
            if size > 0:
                self._change(Write(position, bytes(size)), Operation.DISCARD)

    async def close(self) -> None:
        """See `File.close`."""
        await self._gate.close()
        self._storage.forget(self)

    def _operation(self, operation: Operation | None) -> _FileOperation:
        return _FileOperation(self._gate, self._storage, operation, self.path)

    def _check_open(self) -> None:
        if self._gate.closed:
            raise FileClosedError(f"{self._gate.name} is closed")


class _FileOperation:
    """Inside the file's gate, after a seeded delay, unless the plan says that it fails."""

    __slots__ = ("_gate", "_operation", "_path", "_storage")

    def __init__(self, gate: Gate, storage: MemoryStorage, operation: Operation | None, path: str) -> None:
        self._gate = gate
        self._storage = storage
        self._operation = operation
        self._path = path

    async def __aenter__(self) -> None:
        self._gate.enter()
        try:
            await self._storage.delay()
            if self._operation is not None:
                self._storage.count(self._operation)
                self._storage.strike(self._operation, self._path)
        except BaseException:
            self._gate.leave()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._gate.leave()
