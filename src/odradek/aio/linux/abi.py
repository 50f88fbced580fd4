"""Linux's native asynchronous I/O as the kernel has it: four system calls and two structures, through ctypes.

libaio is not needed: it is little more than these calls. What the structures hold (linux/aio_abi.h, io_submit(2)):

    struct iocb      64 bytes: data, key, rw_flags, opcode, priority, descriptor, buffer, size, position, -, flags, eventfd
    struct io_event  32 bytes: data, iocb, result, -

`data` comes back as it was given: here it is the number of the request's slot. `result` is a count of bytes, or minus an
errno. A context belongs to an address space: a forked child has none, and its parent's number means nothing to it.

`key` and `rw_flags` change places with the byte order; only little-endian machines are known here.
"""

from __future__ import annotations

import ctypes
import enum
import errno
import os
import platform
import struct
import sys
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

IOCB: Final = struct.Struct("<QIiHhIQQqQII")
_EVENT: Final = struct.Struct("<QQqq")
_COUNT_IN_EVENTFD: Final = 1 << 0  # IOCB_FLAG_RESFD


class Opcode(enum.IntEnum):
    """IOCB_CMD_*."""

    PREAD = 0
    PWRITE = 1
    FSYNC = 2
    FDSYNC = 3
    PREADV = 7
    PWRITEV = 8


class _Numbers(NamedTuple):
    """System calls, by architecture (syscalls(2))."""

    setup: int
    destroy: int
    getevents: int
    submit: int


_GENERIC: Final = _Numbers(setup=0, destroy=1, getevents=4, submit=2)
_NUMBERS: Final = {
    "x86_64": _Numbers(setup=206, destroy=207, getevents=208, submit=209),
    "aarch64": _GENERIC,
    "riscv64": _GENERIC,
}


class Context:
    """An io_context and the memory through which the kernel is spoken to: `depth` slots for requests."""

    __slots__ = ("_addresses", "_call", "_events", "_id", "_iocbs", "_numbers", "_order", "_order_at", "_results", "depth")

    def __init__(self, depth: int) -> None:
        """Raises OSError: EAGAIN when fs.aio-max-nr is used up; ENOSYS, EPERM where there is no such I/O."""
        numbers = _NUMBERS.get(platform.machine()) if sys.platform == "linux" and sys.byteorder == "little" else None
        if numbers is None:
            raise OSError(errno.ENOSYS, f"no native asynchronous I/O on {sys.platform}, {platform.machine()}")
        self.depth = depth
        self._numbers = numbers
        self._call = ctypes.CDLL(None, use_errno=True).syscall
        self._call.argtypes, self._call.restype = [ctypes.c_long] * 6, ctypes.c_long
        identity = ctypes.c_ulong(0)
        self._checked(numbers.setup, depth, ctypes.addressof(identity))
        self._id = identity.value
        self._iocbs = (ctypes.c_char * (IOCB.size * depth))()
        start = ctypes.addressof(self._iocbs)
        self._addresses = [start + IOCB.size * slot for slot in range(depth)]
        self._order = (ctypes.c_uint64 * depth)()
        self._order_at = ctypes.addressof(self._order)
        self._results = (ctypes.c_char * (_EVENT.size * depth))()
        self._events = ctypes.addressof(self._results)

    def _checked(self, number: int, *args: int) -> int:
        done: int = self._call(number, *args, *(0,) * (5 - len(args)))
        if done < 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))
        return done

    def put(self, slot: int, opcode: int, fd: int, address: int, size: int, position: int, flags: int, eventfd: int) -> None:
        """Write a request into `slot`; its completion is counted in `eventfd`, its result comes back with the slot's number."""
        IOCB.pack_into(
            *(self._iocbs, IOCB.size * slot, slot, 0, flags, opcode, 0, fd, address, size, position, 0),
            *(_COUNT_IN_EVENTFD, eventfd),
        )

    def submit(self, slots: Sequence[int]) -> int:
        """Hand over the requests in `slots` (at most `depth`); returns how many went, from the first on.

        Raises OSError about the first: EAGAIN when the kernel takes no more for now; EINVAL, EBADF, EFAULT when it is refused.
        """
        addresses = self._addresses
        self._order[: len(slots)] = [addresses[slot] for slot in slots]
        return self._checked(self._numbers.submit, self._id, len(slots), self._order_at)

    def reap(self) -> Iterator[tuple[int, int, int, int]]:
        """What has ended since, without waiting: (slot, address, result, 0) of each."""
        count = self._checked(self._numbers.getevents, self._id, 0, self.depth, self._events, 0)
        return _EVENT.iter_unpack(memoryview(self._results)[: count * _EVENT.size])

    def destroy(self) -> None:
        """Give the context back; returns when the kernel has ended all its requests and uses no buffer any more."""
        if self._id:
            identity, self._id = self._id, 0
            self._checked(self._numbers.destroy, identity)
