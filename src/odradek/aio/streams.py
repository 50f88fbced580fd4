"""Files from end to end: a reader that reads ahead, a writer that writes behind.

A disk is fast only while it has something to do. `InputStream` keeps `ahead` reads under way in front of what is being
consumed; `OutputStream` takes bytes of any size, makes large aligned writes of them, and lets `behind` of these be under way
while it takes more. Both are bounded by that, and by the buffers they hold: a consumer that stops stops the disk.

Each is one task's, from its beginning to its `close()`, which must be awaited: it waits for what is under way.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Final

from odradek.aio.aligned import SIZE_MAX
from odradek.aio.direct_file import DirectFile
from odradek.aio.storage import Buffer
from odradek.aio.to_the_end import to_the_end

PIECE: Final = SIZE_MAX
"""Bytes of one request: where disks reach their full rate."""

AHEAD: Final = 4
"""Requests under way."""


class InputStream:
    """The bytes of a file from `position` to its end (or for `size` bytes), in pieces:

    async with InputStream(file) as stream:
        async for piece in stream: ...
    """

    __slots__ = ("_ahead", "_end", "_file", "_next", "_piece", "_under_way")

    def __init__(
        self, file: DirectFile, position: int = 0, size: int | None = None, *, piece: int = PIECE, ahead: int = AHEAD
    ) -> None:
        if piece < 1 or ahead < 1:
            raise ValueError(f"{file.path}: pieces of at least a byte and at least one ahead, not {piece} and {ahead}")
        self._file = file
        self._next = position
        self._end = file.size if size is None else min(file.size, position + size)
        self._piece = piece
        self._ahead = ahead
        self._under_way: deque[asyncio.Task[bytes | bytearray]] = deque()

    async def __aenter__(self) -> InputStream:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __aiter__(self) -> AsyncIterator[bytes | bytearray]:
        return self

    async def __anext__(self) -> bytes | bytearray:
        """The next piece. Raises what the read raised; the stream is then at its end."""
        self._read_ahead()
        if not self._under_way:
            raise StopAsyncIteration
        try:
            piece = await self._under_way.popleft()
        except BaseException:
            await self.close()
            raise
        if not piece:  # the file was cut shorter meanwhile
            await self.close()
            raise StopAsyncIteration
        self._read_ahead()
        return piece

    def _read_ahead(self) -> None:
        while self._next < self._end and len(self._under_way) < self._ahead:
            # Pieces end at multiples of their size, so that no block is read twice.
            size = min(self._piece - self._next % self._piece, self._end - self._next)
            self._under_way.append(asyncio.ensure_future(self._file.read(self._next, size)))
            self._next += size

    async def close(self) -> None:
        """End the reads that are under way. May be repeated."""
        self._end = self._next
        tasks, self._under_way = list(self._under_way), deque()
        for task in tasks:
            task.cancel()
        await to_the_end(_all_of(tasks))


class OutputStream:
    """Bytes put into a file one behind the other, from `position` on:

    async with OutputStream(file) as stream:
        await stream.write(data)

    The block's end (or `close()`) has written all of it; `file.flush()` makes it durable. After an error nothing more is
    written: each `write` and the `close` raise it.
    """

    __slots__ = ("_behind", "_buffer", "_error", "_file", "_piece", "_position", "_under_way")

    def __init__(self, file: DirectFile, position: int = 0, *, piece: int = PIECE, behind: int = AHEAD) -> None:
        if piece < 1 or behind < 1:
            raise ValueError(f"{file.path}: pieces of at least a byte and at least one behind, not {piece} and {behind}")
        self._file = file
        self._position = position  # of the buffer's first byte
        self._piece = piece
        self._behind = behind
        self._buffer = bytearray()
        self._under_way: deque[asyncio.Task[None]] = deque()
        self._error: BaseException | None = None

    @property
    def position(self) -> int:
        """Where the next byte goes."""
        return self._position + len(self._buffer)

    async def __aenter__(self) -> OutputStream:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            await self.close()
        else:
            await self.abandon()

    async def write(self, data: Buffer) -> None:
        """Take `data`; waits while too much is under way. Raises the error of an earlier write."""
        rest = memoryview(data)
        while len(rest):
            room = self._piece - self.position % self._piece
            self._buffer += rest[:room]
            rest = rest[room:]
            if self.position % self._piece == 0:
                await self._write_behind()

    async def _write_behind(self) -> None:
        """Send the buffer on its way; first make room for it there."""
        while len(self._under_way) >= self._behind:
            await self._oldest()
        self._raise_error()
        if self._buffer:
            data, self._buffer = self._buffer, bytearray()
            self._under_way.append(asyncio.ensure_future(self._file.write(self._position, data)))
            self._position += len(data)

    async def _oldest(self) -> None:
        task = self._under_way[0]
        await asyncio.wait((task,))
        self._under_way.popleft()
        if self._error is None and (task.cancelled() or task.exception() is not None):
            self._error = asyncio.CancelledError() if task.cancelled() else task.exception()

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error.with_traceback(None)

    async def close(self) -> None:
        """All that was taken is in the file. May be repeated. Raises the error of an earlier write."""
        try:
            await self._write_behind()
        finally:
            while self._under_way:
                await to_the_end(self._oldest())
        self._raise_error()

    async def abandon(self) -> None:
        """Write no more; returns when nothing is under way."""
        self._buffer.clear()
        tasks, self._under_way = list(self._under_way), deque()
        await to_the_end(_all_of(tasks))


async def _all_of(tasks: list[asyncio.Task[None]] | list[asyncio.Task[bytes | bytearray]]) -> None:
    """They have ended, whatever came of them."""
    await asyncio.gather(*tasks, return_exceptions=True)
