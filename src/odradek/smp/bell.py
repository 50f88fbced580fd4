"""How a sleeping shard is woken: an eventfd that its loop watches.

Other shards write to it after they have found its sleep word set (`poller.py`); one write wakes it, however many were
meant. Where there is no eventfd (macOS), a pipe does the same. In one process and one loop no bell is needed: see
`inline.py`.
"""

from __future__ import annotations

import os
import sys
from typing import Final

_EVENTFD: Final = sys.platform.startswith("linux")
_ONE: Final = (1).to_bytes(8, sys.byteorder)


class Bell:
    """A pair of descriptors: `read_fd` for the one who sleeps, `write_fd` for those who ring (the same, for an eventfd)."""

    __slots__ = ("read_fd", "write_fd")

    def __init__(self, fds: tuple[int, int] | None = None) -> None:
        """A new bell, or the one behind descriptors that were inherited."""
        self.read_fd, self.write_fd = _make() if fds is None else fds

    @property
    def fds(self) -> tuple[int, int]:
        return self.read_fd, self.write_fd

    def ring(self) -> None:
        """Wake the sleeper. Never blocks: a bell that is ringing already is enough. One that is closed wakes nobody."""
        if self.write_fd < 0:
            return
        try:
            os.write(self.write_fd, _ONE)
        except (BlockingIOError, BrokenPipeError):  # ringing already; or a pipe whose sleeper has died
            pass

    def silence(self) -> None:
        """Heard: it can be rung again. (To be called before the queues are looked at, or what came between is missed.)"""
        if self.read_fd < 0:
            return
        try:
            os.read(self.read_fd, 8 if _EVENTFD else 4096)
        except BlockingIOError:
            pass

    def close(self) -> None:
        """Give the descriptors back; may be repeated."""
        for fd in {self.read_fd, self.write_fd}:
            if fd >= 0:
                os.close(fd)
        self.read_fd = self.write_fd = -1


def _make() -> tuple[int, int]:
    if _EVENTFD:
        fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        return fd, fd
    read_fd, write_fd = os.pipe()
    os.set_blocking(read_fd, False)
    os.set_blocking(write_fd, False)
    return read_fd, write_fd
