"""Whole blocks between a descriptor and aligned memory: the lower half of a direct file.

Here requests wait for their turn at the disk, short ones are completed, and writes of parts of blocks read the rest first.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from odradek.aio.aligned import SIZE_MAX, AlignedBuffer, BufferPool
from odradek.aio.disk_rates import Direction
from odradek.aio.engine import Engine
from odradek.aio.io_queue import IoQueue, Priority
from odradek.aio.one_at_a_time import OneAtATime
from odradek.aio.thread_pool import ThreadPool
from odradek.aio.windows import Window, windows

T = TypeVar("T")

PIECES_MAX: Final = 4
"""Pieces of one large request that are under way together."""


@dataclass(frozen=True, slots=True)
class Machinery:
    """What the direct files of one loop share."""

    engine: Engine
    buffers: BufferPool
    threads: ThreadPool
    queue: IoQueue


class BlockIo:
    """One descriptor; positions and sizes are multiples of `block`."""

    __slots__ = ("_machinery", "_turns", "block", "fd", "priority", "reached")

    def __init__(self, fd: int, block: int, length: int, machinery: Machinery, priority: Priority | None) -> None:
        self.fd = fd
        self.block = block
        self.priority = priority
        self.reached = length  # the file is at most so long on the disk
        self._machinery = machinery
        self._turns = OneAtATime[int]()

    async def lend(self, size: int) -> AlignedBuffer:
        return await self._machinery.buffers.lend(size)

    def give_back(self, buffer: AlignedBuffer) -> None:
        self._machinery.buffers.give_back(buffer)

    async def fetch(self, window: Window, into: memoryview) -> int:
        """The wanted part of a window; returns its size, less than `into` only at the end of the file."""
        lent = await self.lend(window.size)
        try:
            found = await self.fill(lent, 0, window.start, window.size)
            wanted = min(window.wanted, max(0, found - window.skip))
            into[:wanted] = lent.view[window.skip : window.skip + wanted]
            return wanted
        finally:
            self.give_back(lent)

    async def read_into(self, position: int, target: memoryview) -> int:
        """Bytes at any position; returns how many, less than `target` only at the end of the file."""

        def fetch(window: Window) -> Coroutine[Any, Any, int]:
            at = window.start + window.skip - position
            return self.fetch(window, target[at : at + window.wanted])

        todo = list(windows(position, len(target), self.block, SIZE_MAX))
        found = 0
        for window, count in zip(todo, await few_at_a_time(fetch, todo), strict=True):
            found += count
            if count < window.wanted:
                break
        return found

    async def put(self, window: Window, part: memoryview) -> None:
        """Write a window; the rest of a block of which `part` has only some is read first."""
        cut = window.cut_blocks(self.block)
        lent = await self.lend(window.size)
        try:
            async with AsyncExitStack() as turns:
                for position in cut:  # in ascending order, as everybody takes them
                    await turns.enter_async_context(self._turns.turn(position))
                for position in cut:
                    await self._load_block(lent, position - window.start, position)
                lent.view[window.skip : window.skip + window.wanted] = part
                await self.drain(lent, window.start, window.size)
        finally:
            self.give_back(lent)

    async def _load_block(self, lent: AlignedBuffer, offset: int, position: int) -> None:
        """A block as it is on the disk, zeros behind the file's end."""
        found = await self.fill(lent, offset, position, self.block) if position < self.reached else 0
        lent.view[offset + found : offset + self.block] = bytes(self.block - found)

    async def fill(self, buffer: AlignedBuffer, offset: int, position: int, size: int) -> int:
        """Read `size` bytes of whole blocks; returns the count, less only at the end of the file."""
        engine, done = self._machinery.engine, 0
        while done < size:
            turn = self._turn_at_disk(Direction.READ, size - done)
            if turn is not None:
                await turn
            try:
                count = await engine.read(self.fd, buffer, offset + done, size - done, position + done)
            finally:
                if turn is not None:
                    self._machinery.queue.leave()
            done += count
            if count == 0 or count % self.block:
                break
        return done

    async def drain(self, buffer: AlignedBuffer, position: int, size: int) -> None:
        """Write the first `size` bytes of the buffer: whole blocks."""
        engine, done = self._machinery.engine, 0
        self.reached = max(self.reached, position + size)
        while done < size:
            turn = self._turn_at_disk(Direction.WRITE, size - done)
            if turn is not None:
                await turn
            try:
                count = await engine.write(self.fd, buffer, done, size - done, position + done)
            finally:
                if turn is not None:
                    self._machinery.queue.leave()
            if count < self.block:
                raise OSError(errno.EIO, f"only {count} of {size - done} bytes were written, and no reason was told")
            done += count - count % self.block

    def _turn_at_disk(self, direction: Direction, size: int) -> Coroutine[Any, Any, None] | None:
        """To be awaited, and left again: until the request has ended it counts as one that is under way. None: no turns."""
        if self.priority is None:
            return None
        return self._machinery.queue.enter(self.priority, direction, size)

    async def sync(self) -> None:
        await self._machinery.engine.sync(self.fd)


async def few_at_a_time(work: Callable[[Window], Coroutine[Any, Any, T]], todo: list[Window]) -> list[T]:
    """The outcomes in order, with a few under way; when it raises, none is under way any more."""
    if len(todo) == 1:
        return [await work(todo[0])]
    outcomes: dict[Window, T] = {}
    rest: Iterator[Window] = iter(todo)

    async def one_after_the_other() -> None:
        for window in rest:
            outcomes[window] = await work(window)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(PIECES_MAX, len(todo))):
                group.create_task(one_after_the_other())
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from None
    return [outcomes[window] for window in todo]
