"""Split a byte stream into frames: `length int32, that many bytes`, without I/O and without copying.

A splitter owns one buffer into which the socket is read (`get_buffer` and `buffer_updated`, the two halves of
asyncio.BufferedProtocol) and hands out frames as views of it (`next_frame`). Rules:

- A frame stays valid as long as somebody holds it. The buffer is never written again where a held frame lies: what
  arrives later goes behind it, or into a new buffer. Python frees the old one with the last frame.
- A buffer of which no frame is held is used again from its front. Python itself knows whether one is: a bytearray
  with a view cannot be resized, so a resize either succeeds or raises `BufferError`.
- Only the beginning of an unfinished frame is ever moved, to a place at least four times its size (or where the
  whole frame fits): a third of a large frame is copied once more, and a small one only where a buffer ends.
- A length is checked against the limit before memory is made for it, and memory is made as bytes come, not when they are
  announced: a connection costs about four times what it has sent, and 64 KiB when it is idle.

When the first bytes of a connection make no length, they are looked at once more: a TLS hello or an HTTP request to a
plain port is the most usual cause, and then the error says so.
"""

from __future__ import annotations

import enum
from struct import Struct
from typing import Final, Literal, TypeAlias

from odradek.wire.errors import WireError

MAX_FRAME_SIZE: Final = 100 * 1024 * 1024
"""Kafka's default of `socket.request.max.bytes`."""

BUFFER_SIZE: Final = 64 * 1024
"""What one read of a socket can bring, and what an idle connection holds."""

KEEP_SIZE: Final = 1024 * 1024 + BUFFER_SIZE
"""The largest buffer to use again: a batch of Kafka's default max.message.bytes and its request fit."""

_MIN_ROOM: Final = BUFFER_SIZE // 4
_GROWTH: Final = 4

_length = Struct(">i")
_HTTP_VERBS: Final = (b"GET ", b"POST", b"PUT ", b"HEAD", b"DELE", b"OPTI", b"PATC", b"CONN", b"TRAC", b"PRI ")
_TLS_HANDSHAKE: Final = b"\x16\x03"


class NeedData(enum.Enum):
    """The type of `NEED_DATA`."""

    NEED_DATA = "need data"


NEED_DATA: Final = NeedData.NEED_DATA
"""`next_frame`'s answer while the next frame has not arrived whole."""

Frame: TypeAlias = memoryview | Literal[NeedData.NEED_DATA]


class FrameError(WireError):
    """The stream is no sequence of frames, so the connection can only be closed."""


class FrameSplitter:
    """The frames of one connection. Belongs to that connection's loop; not for sharing.

    `max_frame_size` in bytes, the length prefix not counted.
    """

    __slots__ = ("_buffer", "_end", "_frames", "_max_frame_size", "_start")

    def __init__(self, max_frame_size: int = MAX_FRAME_SIZE) -> None:
        self._buffer = _allocate(BUFFER_SIZE)
        self._start = 0  # of what has not been handed out
        self._end = 0  # of what has arrived
        self._frames = 0
        self._max_frame_size = max_frame_size

    def get_buffer(self, size_hint: int = -1) -> memoryview:
        """Where the next bytes go; never empty."""
        if self._start == self._end:
            self._start_again()
        elif self._end == len(self._buffer):
            self._move_unfinished()
        return memoryview(self._buffer)[self._end :]

    def buffer_updated(self, size: int) -> None:
        """`size` bytes have been put into the buffer."""
        self._end += size

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Put bytes in by copying them: for callers whose bytes come from elsewhere than a socket."""
        position = 0
        while position < len(data):
            target = self.get_buffer()
            size = min(len(target), len(data) - position)
            target[:size] = data[position : position + size]
            target.release()
            self._end += size
            position += size

    def next_frame(self) -> Frame:
        """The next frame, without its length; NEED_DATA until it is all there. Raises `FrameError`.

        The view is of the splitter's own memory: it may be kept, and while it is kept the memory is too.
        """
        start = self._start
        body = start + 4
        if body > self._end:
            return NEED_DATA
        (size,) = _length.unpack_from(self._buffer, start)
        if not 0 <= size <= self._max_frame_size:
            raise self._error(size)
        end = body + size
        if end > self._end:
            return NEED_DATA
        self._start = end
        self._frames += 1
        return memoryview(self._buffer)[body:end]

    @property
    def pending_bytes(self) -> int:
        """Bytes that have arrived and are not handed out."""
        return self._end - self._start

    @property
    def unfinished_size(self) -> int:
        """Bytes of the whole frame that has begun to arrive, its length included; 0 while not even its length is there."""
        if self._end - self._start < 4:
            return 0
        (size,) = _length.unpack_from(self._buffer, self._start)
        return int(size) + 4

    @property
    def buffer_size(self) -> int:
        """Memory held for what is still to come, in bytes."""
        return len(self._buffer)

    def _start_again(self) -> None:
        """Nothing is pending: go back to the front, of this buffer or of a new one."""
        used, size = self._end, len(self._buffer)
        if not used:
            return
        if size > BUFFER_SIZE and (used <= BUFFER_SIZE or size > KEEP_SIZE):
            self._buffer = _allocate(BUFFER_SIZE)  # large frames have stopped coming, or are too large to be ready for
        elif not _is_free(self._buffer):
            if size - used >= _MIN_ROOM:
                return
            self._buffer = _allocate(size)
        self._start = self._end = 0

    def _move_unfinished(self) -> None:
        """The buffer is full and its last frame unfinished: move that frame's beginning to where there is room."""
        pending = self._end - self._start
        target = _allocate(self._wanted_size(pending))
        with memoryview(self._buffer) as old:
            target[:pending] = old[self._start : self._end]
        self._buffer, self._start, self._end = target, 0, pending

    def _wanted_size(self, pending: int) -> int:
        """Room for the unfinished frame of which `pending` bytes have come, but not for much more than those."""
        if pending < 4:
            return BUFFER_SIZE
        size: int = _length.unpack_from(self._buffer, self._start)[0]
        if size + 4 <= pending:  # whole frames (or a bad length) that the caller has not asked for yet
            return pending + BUFFER_SIZE
        return max(BUFFER_SIZE, min(size + 4, _GROWTH * max(pending, BUFFER_SIZE)))

    def _error(self, size: int) -> FrameError:
        """What to say of a length that cannot be."""
        head = bytes(self._buffer[self._start : self._start + 4])
        if not self._frames and head[:2] == _TLS_HANDSHAKE:
            return FrameError("a TLS handshake came to a listener without TLS: check the client's security.protocol")
        if not self._frames and head in _HTTP_VERBS:
            return FrameError(f"an HTTP request ({head.decode().strip()}...) came to a Kafka listener")
        if size < 0:
            return FrameError(f"frame length {size} is negative: the peer does not speak Kafka's protocol")
        return FrameError(f"frame length {size} is above the limit of {self._max_frame_size} bytes (socket.request.max.bytes)")


def _allocate(size: int) -> bytearray:
    """A buffer with one byte of slack behind, so that `_is_free` never moves it."""
    buffer = bytearray(size + 1)
    buffer.pop()
    return buffer


def _is_free(buffer: bytearray) -> bool:
    """Whether nobody holds a view of `buffer`. A change of size is what Python refuses while somebody does."""
    try:
        buffer.append(0)
    except BufferError:
        return False
    buffer.pop()
    return True
