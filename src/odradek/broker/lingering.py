"""The end of a connection whose peer is still sending: it gets what was written to it all the same.

A close over bytes that nobody has read resets the connection (RFC 1122, 4.2.2.13), and the kernel drops what it still had to
send. A producer that sends ahead would so lose answers to what is stored, and send it again. So the broker says that it has
finished (FIN), reads on and forgets what comes, and closes when the peer does; who never does is cut off by the server.
"""

from __future__ import annotations

import asyncio
import fcntl
import termios
from collections.abc import Callable
from struct import Struct
from typing import Final

_ROOM: Final = 16 * 1024
_number = Struct("i")


class Lingering(asyncio.BufferedProtocol):
    """Takes a transport over for the rest of its life; `lost` is told of the end."""

    __slots__ = ("_lost", "_room")

    def __init__(self, lost: Callable[[Exception | None], None]) -> None:
        self._lost = lost
        self._room = bytearray(_ROOM)

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        """Nobody will look at it."""

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost(exc)


def linger(transport: asyncio.Transport, lost: Callable[[Exception | None], None]) -> bool:
    """Whether the peer's bytes are waiting, so that a close would cost it answers: then the transport ends by itself."""
    if transport.is_closing() or not unread_size(transport):
        return False
    transport.set_protocol(Lingering(lost))
    transport.write_eof()
    transport.resume_reading()
    return True


def unread_size(transport: asyncio.Transport) -> int:
    """Bytes that have arrived and were not read from the socket (FIONREAD of ioctl_tty(2), tcp(7))."""
    try:
        answer = fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.FIONREAD, bytes(_number.size))
    except OSError:
        return 0
    return int(_number.unpack(answer)[0])
