"""How much of a range of a file is in the page cache: cachestat(2), Linux 6.5 and later.

It only looks. Asking with preadv2(RWF_NOWAIT) tells too, but the kernel takes the question for the beginning of a read and
fetches what is missing, as much as was asked for: whoever then reads past the cache has the disk do it twice.
"""

from __future__ import annotations

import ctypes
import mmap
import platform
import struct
import sys
from typing import Final

_NUMBER: Final = 451
"""The same on all architectures."""

_MACHINES: Final = ("x86_64", "aarch64", "riscv64")
_RANGE: Final = struct.Struct("=QQ")
_ANSWER: Final = struct.Struct("=QQQQQ")  # pages cached, dirty, under writeback, evicted, recently evicted


class CacheStat:
    """The call, with the memory through which it is made; one loop's."""

    __slots__ = ("_answer", "_answer_at", "_call", "_range", "_range_at")

    def __init__(self) -> None:
        self._range = ctypes.create_string_buffer(_RANGE.size)
        self._answer = ctypes.create_string_buffer(_ANSWER.size)
        self._range_at, self._answer_at = ctypes.addressof(self._range), ctypes.addressof(self._answer)
        self._call = ctypes.CDLL(None, use_errno=True).syscall
        self._call.restype, self._call.argtypes = ctypes.c_long, [ctypes.c_long] * 5

    def is_cached(self, fd: int, position: int, size: int) -> bool | None:
        """Whether all of the range is in the page cache; None where the kernel doesn't tell."""
        if sys.platform != "linux" or platform.machine() not in _MACHINES:
            return None
        first = position - position % mmap.PAGESIZE
        pages = -(-(position + size - first) // mmap.PAGESIZE)
        _RANGE.pack_into(self._range, 0, first, pages * mmap.PAGESIZE)
        if self._call(_NUMBER, fd, self._range_at, self._answer_at, 0) != 0:
            return None
        return bool(_ANSWER.unpack_from(self._answer)[0] >= pages)
