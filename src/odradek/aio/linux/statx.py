"""What direct I/O on a descriptor must be aligned to: statx(2) with STATX_DIOALIGN, which Python doesn't have.

Kernels from 6.1 on tell it for files of the file systems that know, and for block devices.
"""

from __future__ import annotations

import ctypes
import platform
import struct
import sys
from typing import Final, NamedTuple

_NUMBERS: Final = {"x86_64": 332, "aarch64": 291, "riscv64": 291}
_AT_EMPTY_PATH: Final = 0x1000
_STATX_DIOALIGN: Final = 0x2000
_SIZE: Final = 256
_MASK: Final = struct.Struct("=I")
_DIOALIGN: Final = struct.Struct("=II")  # at 152: stx_dio_mem_align, stx_dio_offset_align


class DirectAlignment(NamedTuple):
    """Multiples of bytes, for memory and for positions and sizes; zeros: there is no direct I/O on this file."""

    memory: int
    position: int


def direct_alignment(fd: int) -> DirectAlignment | None:
    """What the kernel says; None when it doesn't."""
    number = _NUMBERS.get(platform.machine()) if sys.platform == "linux" else None
    if number is None:
        return None
    answer = ctypes.create_string_buffer(_SIZE)
    call = ctypes.CDLL(None, use_errno=True).syscall
    call.restype = ctypes.c_long
    call.argtypes = [ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p]
    if call(number, fd, b"", _AT_EMPTY_PATH, _STATX_DIOALIGN, ctypes.addressof(answer)) != 0:
        return None
    if not _MASK.unpack_from(answer, 0)[0] & _STATX_DIOALIGN:
        return None
    return DirectAlignment(*_DIOALIGN.unpack_from(answer, 152))
