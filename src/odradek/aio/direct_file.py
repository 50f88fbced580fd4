"""A file that is read and written past the page cache, at any position and of any size.

The device takes whole blocks from aligned memory. Callers don't: a read fetches the blocks that hold what was asked and gives
out the part; a write that begins or ends within a block reads that block first and writes it whole. Who has an aligned
buffer and aligned positions passes them as they are (`read_aligned`, `write_aligned`) and nothing is copied.

Rules:
* **Writes that meet in a block take turns**, so neither undoes the other; blocks that are written whole need none. Writes of
  the same bytes at the same moment are the caller's mistake here as anywhere.
* **The size is the caller's.** The last block is written whole, so for a moment the file is longer than what was put into it;
  it is cut to its size when no write is under way. Reads end at `size`, whatever lies behind.
* **A request waits for its turn in the `IoQueue`** of its disk, if it was given a priority class, and for memory in the pool.
* **A buffer is free when the await is over**, cancelled or not: the engine's rule.

Durable is what a `flush` that began later has covered, as for every file. Bytes that others hold dirty in the page cache are
written back by the kernel before a direct read of them, and dropped by a direct write.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar, TypeVarTuple

from odradek.aio import posix
from odradek.aio.aligned import SIZE_MAX, AlignedBuffer
from odradek.aio.block_io import BlockIo, Machinery, few_at_a_time
from odradek.aio.errors import FileClosedError
from odradek.aio.gate import Gate
from odradek.aio.io_queue import Priority
from odradek.aio.shared_flush import SharedFlush
from odradek.aio.storage import Buffer, Operation
from odradek.aio.to_the_end import to_the_end
from odradek.aio.windows import Window, windows

Args = TypeVarTuple("Args")
T = TypeVar("T")


class DirectFile:
    """An open file or block device; one loop's."""

    __slots__ = ("_fixed", "_flushes", "_forget", "_gate", "_io", "_machinery", "_settling", "_writing", "path", "size")

    def __init__(
        self,
        path: str,
        fd: int,
        size: int,
        block: int,
        machinery: Machinery,
        *,
        fixed: bool = False,
        priority: Priority | None = None,
        forget: Callable[[DirectFile], None] | None = None,
    ) -> None:
        """`block` is what positions and sizes are multiples of for this descriptor; `fixed`: the size can't be changed."""
        self.path = path
        self.size = size
        self._fixed = fixed
        self._machinery = machinery
        self._forget = forget
        self._gate = Gate(f"file {path}", FileClosedError)
        self._io = BlockIo(fd, block, size, machinery, priority)
        self._flushes = SharedFlush(path, self._gate, self._start_sync)
        self._writing = 0
        self._settling: asyncio.Future[None] | None = None

    @property
    def block(self) -> int:
        """What positions and sizes of `read_aligned` and `write_aligned` are multiples of."""
        return self._io.block

    @property
    def closed(self) -> bool:
        return self._gate.closed

    def fileno(self) -> int:
        """The descriptor; -1 once closed."""
        return self._io.fd

    async def read(self, position: int, size: int) -> bytes | bytearray:
        """`size` bytes at `position`, fewer only at the end of the file."""
        size = min(size, self.size - position)
        if size <= 0:
            return b""
        gathered = bytearray(size)
        await self.read_into(position, gathered)
        return gathered

    async def read_into(self, position: int, buffer: bytearray | memoryview) -> int:
        """Fill `buffer` from `position`; returns the count, less than the buffer only at the end of the file."""
        target = memoryview(buffer)
        size = min(len(target), self.size - position)
        if size <= 0:
            return 0

        with self._inside(f"reading {size} bytes at {position}"):
            return await self._io.read_into(position, target[:size])

    async def read_aligned(self, position: int, buffer: AlignedBuffer, size: int) -> int:
        """`size` bytes into an aligned buffer, without a copy; returns the count, less only at the end of the file.

        `position` and `size` are multiples of `block`.
        """
        self._check_aligned(position, buffer, size)
        self._gate.enter()  # written out: this is the path of those who count microseconds
        try:
            count = await self._io.fill(buffer, 0, position, size)
        except OSError as error:
            raise posix.with_path(error, self.path, f"reading {size} bytes at {position}") from error
        finally:
            self._gate.leave()
        return max(0, min(count, self.size - position))

    async def write(self, position: int, data: Buffer) -> None:
        """All of `data` at `position`. Raises OSError, the file then has its old size and whatever went before the error."""
        source = memoryview(data)

        def put(window: Window) -> Coroutine[Any, Any, None]:
            at = window.start + window.skip - position
            return self._io.put(window, source[at : at + window.wanted])

        if len(source):
            async with self._writer(position, len(source)):
                await few_at_a_time(put, list(windows(position, len(source), self.block, SIZE_MAX)))

    async def write_aligned(self, position: int, buffer: AlignedBuffer, size: int) -> None:
        """`size` bytes out of an aligned buffer, without a copy; `position` and `size` are multiples of `block`."""
        self._check_aligned(position, buffer, size)
        async with self._writer(position, size):
            await self._io.drain(buffer, position, size)

    def _check_aligned(self, position: int, buffer: AlignedBuffer, size: int) -> None:
        if position % self.block or size % self.block or not 0 < size <= buffer.size:
            raise ValueError(
                f"{self.path}: {size} bytes at {position}: both have to be multiples of {self.block}, "
                f"and the size at most the buffer's {buffer.size}"
            )

    @contextmanager
    def _inside(self, doing: str) -> Iterator[None]:
        """Inside the gate, so that the descriptor stays; errors of the system say what was being done."""
        self._gate.enter()
        try:
            yield
        except OSError as error:
            raise posix.with_path(error, self.path, doing) from error
        finally:
            self._gate.leave()

    @asynccontextmanager
    async def _writer(self, position: int, size: int) -> AsyncIterator[None]:
        """A write is under way; behind the last one the file is cut to its size."""
        with self._inside(f"writing {size} bytes at {position}"):
            while self._settling is not None:
                await asyncio.shield(self._settling)
            self._writing += 1
            try:
                yield
                self.size = max(self.size, position + size)
            finally:
                self._writing -= 1
                if not self._writing and self._io.reached > self.size and not self._fixed:
                    self._settling = asyncio.get_running_loop().create_future()
                    await to_the_end(self._settle(self._settling))

    async def _settle(self, settled: asyncio.Future[None]) -> None:
        """Cut what whole blocks put behind the end. Nobody writes meanwhile: it would be cut off too."""
        try:
            await self._machinery.threads.run(Operation.TRUNCATE, os.ftruncate, self._io.fd, self.size)
            self._io.reached = self.size
        finally:
            self._settling = None
            settled.set_result(None)

    async def flush(self) -> None:
        """Make the bytes written so far durable, shared with whoever else waits. Raises `FlushFailedError`."""
        if self._gate.closed:
            raise FileClosedError(f"{self._gate.name} is closed")
        await self._flushes.wait()

    def _start_sync(self, begin: Callable[[], None]) -> asyncio.Future[None]:
        async def sync() -> None:
            begin()
            await self._io.sync()

        return asyncio.ensure_future(sync())

    async def _run(self, operation: Operation, function: Callable[[int, *Args], T], *args: *Args) -> T:
        """`function(descriptor, *args)` on a thread."""
        with self._inside(operation.value):
            return await self._machinery.threads.run(operation, function, self._io.fd, *args)

    async def stat(self) -> os.stat_result:
        """fstat(2)."""
        return await self._run(Operation.STAT, os.fstat)

    async def truncate(self, size: int) -> None:
        """Set the size; growing leaves a hole that reads as zeros. Not while writes are under way."""
        await self._run(Operation.TRUNCATE, os.ftruncate, size)
        self.size = self._io.reached = size

    async def allocate(self, position: int, size: int) -> None:
        """Reserve space for a range, growing the file with zeros when the range ends behind its end.

        Writes into reserved space need no blocks to be found for them, so they don't have to go to a thread.
        """
        await self._run(Operation.ALLOCATE, posix.allocate, position, size)
        self.size = max(self.size, position + size)
        self._io.reached = max(self._io.reached, self.size)

    async def discard(self, position: int, size: int) -> None:
        """Give the space of a range back; it then reads as zeros. The size stays."""
        size = min(size, self.size - position)
        if size <= 0 or await self._run(Operation.DISCARD, posix.punch_hole, position, size):
            return
        for window in windows(position, size, self.block, SIZE_MAX):
            await self.write(window.start + window.skip, bytes(window.wanted))

    async def close(self) -> None:
        """Refuse new operations, wait for those under way, give the descriptor back. May be repeated."""
        await self._gate.close()
        fd, self._io.fd = self._io.fd, -1
        if fd >= 0:
            if self._forget is not None:
                self._forget(self)
            await self._machinery.threads.run(Operation.CLOSE, os.close, fd)
