"""Split a byte stream into frames: `length int32, that many bytes`, without I/O and without copying.

A splitter reads into memory that it borrows (`receive_buffers.py`) by `get_buffer` and `buffer_updated`, the two halves of
asyncio.BufferedProtocol, and hands out frames as views of that memory (`next_frame`). Rules:

- Bytes come into the loop's common buffer. A splitter of which nothing is unfinished holds no memory at all.
- A frame stays valid as long as somebody holds it. Memory is never written again where a held frame lies.
- What is unfinished stays in the common buffer only until somebody else reads, or when it does not fit there. Then its
  beginning moves to a buffer of its own, which is filled to the frame's end and not further, and given back with its frame.
- A length is checked against the limit before memory is made for it, and memory is made as bytes come, not when they are
  announced: four times what has come, at least `FIRST_SIZE`. So a third of a large frame is copied once more, unless a
  buffer for the whole of it lies ready.

When the first bytes of a connection make no length, they are looked at once more: a TLS hello or an HTTP request to a
plain port is the most usual cause, and then the error says so.
"""

from __future__ import annotations

import enum
from struct import Struct
from typing import Final, Literal, TypeAlias

from odradek.wire.errors import WireError
from odradek.wire.receive_buffers import BUFFER_SIZE, ReceiveBuffers, is_free

MAX_FRAME_SIZE: Final = 100 * 1024 * 1024
"""Kafka's default of `socket.request.max.bytes`."""

FIRST_SIZE: Final = 16 * 1024
"""The least memory for a frame of which little has come, unless it needs less."""

_GROWTH: Final = 4
_HELD_ROOM: Final = 4096  # for what comes while whole frames wait to be looked at

_length = Struct(">i")
_HTTP_VERBS: Final = (b"GET ", b"POST", b"PUT ", b"HEAD", b"DELE", b"OPTI", b"PATC", b"CONN", b"TRAC", b"PRI ")
_TLS_HANDSHAKE: Final = b"\x16\x03"
_NO_BUFFER: Final = bytearray()


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

    `max_frame_size` in bytes, the length prefix not counted. `memory`: what its loop reads into; its own where it is alone.
    """

    __slots__ = ("_buffer", "_end", "_frames", "_max_frame_size", "_memory", "_owned", "_start")

    def __init__(self, max_frame_size: int = MAX_FRAME_SIZE, memory: ReceiveBuffers | None = None) -> None:
        self._memory = ReceiveBuffers() if memory is None else memory
        self._buffer = _NO_BUFFER
        self._owned = False  # `_buffer` is for this connection's unfinished frame alone
        self._start = 0  # of what has not been handed out
        self._end = 0  # of what has arrived
        self._frames = 0
        self._max_frame_size = max_frame_size

    def get_buffer(self, size_hint: int = -1) -> memoryview:
        """Where the next bytes go; never empty. They are to be put there before anybody else of this loop asks."""
        if self._start != self._end:
            return self._room_behind()
        memory = self._memory
        self._start = self._end = memory.common_for(self)
        self._buffer = memory.common
        return memoryview(self._buffer)[self._end :]

    def buffer_updated(self, size: int) -> None:
        """`size` bytes have been put into the buffer."""
        self._end = end = self._end + size
        if not self._owned:
            self._memory.used = end

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Put bytes in by copying them: for callers whose bytes come from elsewhere than a socket."""
        position = 0
        while position < len(data):
            target = self.get_buffer()
            size = min(len(target), len(data) - position)
            target[:size] = data[position : position + size]
            target.release()
            self.buffer_updated(size)
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
        self._frames += 1
        frame = memoryview(self._buffer)[body:end]
        self._start = end
        if self._owned and end == self._end:
            self._give_back()
        return frame

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
        """Memory that this connection alone holds for what is still to come, in bytes."""
        return len(self._buffer) if self._owned else 0

    def leave_common(self) -> None:
        """Somebody else reads now: what is unfinished moves to a buffer of its own."""
        if self._owned:
            return
        if self._start == self._end:
            self._buffer, self._start, self._end = _NO_BUFFER, 0, 0
        else:
            self._move_to_own()

    def close(self) -> None:
        """The stream is over: drop what is unfinished. Frames that somebody holds stay."""
        if self._owned:
            self._give_back()
        self._start = self._end
        self._memory.forget(self)

    def _room_behind(self) -> memoryview:
        """Room for more of what is unfinished."""
        wanted = self._wanted_end()
        size = len(self._buffer)
        if self._end == size or (wanted > size and not self._owned):
            self._move()
            wanted, size = self._wanted_end(), len(self._buffer)
        return memoryview(self._buffer)[self._end : min(wanted, size) if self._owned else size]

    def _wanted_end(self) -> int:
        """Where in the buffer that which comes next ends: a length, its frame, or some room where whole frames wait."""
        start, end = self._start, self._end
        if end - start < 4:
            return start + 4
        frame_end: int = start + 4 + _length.unpack_from(self._buffer, start)[0]
        return frame_end if frame_end > end else end + _HELD_ROOM

    def _move(self) -> None:
        """What is unfinished does not fit where it is: to the front of the common buffer, or to a buffer of its own."""
        start, end = self._start, self._end
        if not self._owned and start and self._wanted_end() - start <= BUFFER_SIZE and is_free(self._buffer):
            self._buffer[: end - start] = self._buffer[start:end]
            self._start, self._end = 0, end - start
        else:
            self._move_to_own()

    def _move_to_own(self) -> None:
        start, end = self._start, self._end
        pending, whole = end - start, self._wanted_end() - start
        target = self._memory.lend(whole, min(whole, max(_GROWTH * pending, FIRST_SIZE)))
        with memoryview(self._buffer) as old:
            target[:pending] = old[start:end]
        self._buffer, self._owned, self._start, self._end = target, True, 0, pending

    def _give_back(self) -> None:
        self._memory.take_back(self._buffer)
        self._buffer, self._owned, self._start, self._end = _NO_BUFFER, False, 0, 0

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
