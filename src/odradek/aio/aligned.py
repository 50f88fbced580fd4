"""Memory for direct I/O: aligned, lent and given back, bounded.

With O_DIRECT the device reads and writes the caller's memory itself, and asks that it begin at a multiple of its block size.
Python's own buffers begin anywhere, so such memory comes from here: anonymous mappings, which begin at a page, in sizes that
are powers of two. A buffer that is given back is kept for the next one of its size, as long as `limit` allows; the limit
bounds what is lent and what is kept together, and who finds all of it lent waits in order.

The mappings are shared ones (`MAP_SHARED`): after a fork(2) with requests under way, a private page would belong to parent
and child in turn, and the device's bytes might reach only one of them (open(2), NOTES on O_DIRECT).
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from typing import Final

from odradek.base.errors import check
from odradek.sync import Semaphore

ALIGNMENT: Final = mmap.PAGESIZE
SIZE_MAX: Final = 1 << 20
"""The largest buffer. Larger requests go in pieces: beyond this a device gains nothing, and memory gets scarce."""


class AlignedBuffer:
    """`size` bytes at `address`; `view` is their memory. To be given back to its pool exactly once."""

    __slots__ = ("address", "lent", "size", "view")

    def __init__(self, size: int) -> None:
        import ctypes  # whoever never reads past the page cache doesn't wait for it at start

        mapped = mmap.mmap(-1, size)
        self.size = size
        self.view = memoryview(mapped)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(mapped))
        self.lent = True


@dataclass(frozen=True, slots=True)
class BufferPoolStatistics:
    """Bytes, but for `waiting`: how many wait for them."""

    limit: int
    lent: int
    kept: int  # not lent, and not given back to the system
    waiting: int


class BufferPool:
    """The aligned buffers of one loop."""

    __slots__ = ("_bytes", "_kept", "_kept_bytes")

    def __init__(self, limit: int) -> None:
        if limit < SIZE_MAX:
            raise ValueError(f"a pool of aligned buffers holds at least one of {SIZE_MAX} bytes, not {limit}")
        self._bytes = Semaphore("bytes of aligned buffers", limit)
        self._kept: dict[int, list[AlignedBuffer]] = {}
        self._kept_bytes = 0

    async def lend(self, size: int) -> AlignedBuffer:
        """A buffer of at least `size` bytes (at most `SIZE_MAX`), with whatever was left in it."""
        rounded = rounded_size(size)
        if not self._bytes.try_acquire(rounded):
            await self._bytes.acquire(rounded)
        kept = self._kept.get(rounded)
        if kept:
            buffer = kept.pop()
            self._kept_bytes -= rounded
            buffer.lent = True
            return buffer
        self._make_room(rounded)
        try:
            return AlignedBuffer(rounded)
        except BaseException:  # no memory for it
            self._bytes.release(rounded)
            raise

    def give_back(self, buffer: AlignedBuffer) -> None:
        """Nobody uses it any more, the kernel least of all."""
        check(buffer.lent, "a buffer is given back once", size=buffer.size)
        buffer.lent = False
        self._kept.setdefault(buffer.size, []).append(buffer)
        self._kept_bytes += buffer.size
        self._bytes.release(buffer.size)

    def _make_room(self, size: int) -> None:
        """Let kept buffers of other sizes go, the largest first, so that lent and kept together stay within the limit."""
        lent = self._bytes.units - self._bytes.available
        while self._kept_bytes and lent + self._kept_bytes > self._bytes.units:
            largest = max(size for size, kept in self._kept.items() if kept)
            self._kept[largest].pop()
            self._kept_bytes -= largest

    def statistics(self) -> BufferPoolStatistics:
        taken = self._bytes.statistics()
        return BufferPoolStatistics(taken.units, taken.units - taken.available, self._kept_bytes, taken.waiting)


def rounded_size(size: int) -> int:
    """The size of the buffer that is lent for `size` bytes: a power of two, at least a page."""
    check(0 < size <= SIZE_MAX, "a buffer's size", size=size, limit=SIZE_MAX)
    return max(ALIGNMENT, 1 << (size - 1).bit_length())
