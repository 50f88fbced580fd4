"""The memory that sockets are read into, shared by all connections of one loop: an idle connection holds none of it.

A loop reads one socket at a time: `get_buffer`, the read and `buffer_updated` follow each other without anything in
between (asyncio's and uvloop's BufferedProtocol, plain and TLS). So one buffer is enough, lent to whoever reads:

- `common_for(reader)` lends it. Whoever had it before is told (`leave_common`), and takes what it has not finished to a
  buffer of its own; most have nothing there, since whole frames were handed out in the turn in which they came.
- What somebody holds a view of is not written again: reading goes on behind it, or in another buffer where room is short.
- `lend(whole, least)` gives a buffer for one unfinished frame. New memory is `least` bytes, which grow as bytes come; but
  where a buffer for the whole frame lies here unused, it is lent at once, since memory that is there costs nothing more.
- `take_back(buffer)` keeps a few large buffers for the next large frames: making 1 MiB anew costs more than reading it.
  They may still be looked at when they come back; whether anybody does is asked when they are lent again.

Python itself knows whether a buffer has views: a bytearray that has one cannot be resized, so a resize either succeeds or
raises `BufferError`.
"""

from __future__ import annotations

from collections import deque
from typing import Final, Protocol

BUFFER_SIZE: Final = 64 * 1024
"""What one read of a socket can bring into the common buffer."""

KEEP_SIZE: Final = 1024 * 1024 + BUFFER_SIZE
"""The largest buffer to use again: a batch of Kafka's default max.message.bytes and its request fit."""

KEPT_SIZE: Final = 4 * KEEP_SIZE
"""Of all buffers that are kept together; the oldest go first."""

_MIN_ROOM: Final = BUFFER_SIZE // 4


class Reader(Protocol):
    """Who reads into the common buffer."""

    def leave_common(self) -> None:
        """Move out of the common buffer whatever is unfinished there."""


class ReceiveBuffers:
    """A loop's receive memory, sizes in bytes. Not for sharing between threads."""

    __slots__ = ("_kept", "_reader", "common", "kept_size", "used")

    def __init__(self) -> None:
        self.common = allocate(BUFFER_SIZE)
        self.used = 0  # where in `common` the last bytes end that were read into it; the reader tells
        self.kept_size = 0
        self._reader: Reader | None = None
        self._kept: deque[bytearray] = deque()

    def common_for(self, reader: Reader) -> int:
        """Lend `common` to `reader`, which has nothing there; returns where its bytes are to begin."""
        before = self._reader
        if before is not reader:
            if before is not None:
                before.leave_common()
            self._reader = reader
        if is_free(self.common):
            return 0
        if BUFFER_SIZE - self.used < _MIN_ROOM:
            self.common = allocate(BUFFER_SIZE)
            return 0
        return self.used

    def forget(self, reader: Reader) -> None:
        """`reader` reads no more."""
        if self._reader is reader:
            reader.leave_common()
            self._reader = None

    def lend(self, whole: int, least: int) -> bytearray:
        """A buffer for a frame of `whole` bytes: of so many, or else of at least `least`."""
        if whole > BUFFER_SIZE and self._kept:
            fitting = [kept for kept in self._kept if len(kept) >= whole and is_free(kept)]
            if fitting:
                best = min(fitting, key=len)
                self._drop(next(i for i, kept in enumerate(self._kept) if kept is best))
                return best
        return allocate(least)

    def take_back(self, buffer: bytearray) -> None:
        """What was lent is not written any more."""
        size = len(buffer)
        if not BUFFER_SIZE < size <= KEEP_SIZE:
            return
        self._kept.append(buffer)
        self.kept_size += size
        while self.kept_size > KEPT_SIZE:
            self._drop(0)

    def _drop(self, index: int) -> None:
        self.kept_size -= len(self._kept[index])
        del self._kept[index]


def allocate(size: int) -> bytearray:
    """A buffer with one byte of slack behind, so that `is_free` never moves it."""
    buffer = bytearray(size + 1)
    buffer.pop()
    return buffer


def is_free(buffer: bytearray) -> bool:
    """Whether nobody holds a view of `buffer`. A change of size is what Python refuses while somebody does."""
    try:
        buffer.append(0)
    except BufferError:
        return False
    buffer.pop()
    return True
