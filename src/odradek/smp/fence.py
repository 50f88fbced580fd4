"""The full fence between "I am going to sleep" and "is there really nothing for me?".

A sleeper stores its flag and then looks at the queues; a sender stores a message and then looks at the flag. x86-64
lets a load pass an earlier store to another address (the store waits in the core's buffer), so both may look too early:
the sleeper sees no message, the sender no sleeper, and the wake-up is lost. A full fence between store and load on both
sides forbids it, and Python has none.

`membarrier(2)` makes one side enough. `MEMBARRIER_CMD_GLOBAL_EXPEDITED` returns after every running thread of every
process that registered has passed a full fence. The sleeper, which has time, calls it between its store and its look;
the sender, which has not, pays nothing. After the call, each sender either has made its look before the fence, and then
its message was stored before too and the sleeper sees it, or looks later, and then it sees the flag. (Seastar's
`systemwide_memory_barrier` is the same idea.) `tests/smp/test_no_lost_wakeup.py` walks through every interleaving,
store buffers included, with the fence and without.

Where the kernel has no membarrier (before 4.16, or a container that forbids it) there is no fence: shards then never
claim to be awake, and each batch of messages costs its sender a write to the eventfd. Shards of one mesh all have a
fence or all have none, since it reaches only those that have registered.
"""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Callable
from typing import Final

_NUMBERS: Final = {"x86_64": 324, "aarch64": 283, "riscv64": 283}
_QUERY: Final = 0
_GLOBAL_EXPEDITED: Final = 1 << 1
_REGISTER_GLOBAL_EXPEDITED: Final = 1 << 2


def global_fence() -> Callable[[], bool] | None:
    """A call that fences all registered threads, this process being registered by it; None where there is none.

    The call says whether it did: the kernel may have no memory for it (`ENOMEM`, see membarrier(2)).
    """
    number = _NUMBERS.get(platform.machine())
    if not sys.platform.startswith("linux") or number is None:
        return None
    call = ctypes.CDLL(None).syscall
    call.argtypes, call.restype = [ctypes.c_long] * 4, ctypes.c_long
    supported = call(number, _QUERY, 0, 0)
    if supported < 0 or not supported & _GLOBAL_EXPEDITED or call(number, _REGISTER_GLOBAL_EXPEDITED, 0, 0) != 0:
        return None

    def fence() -> bool:
        return bool(call(number, _GLOBAL_EXPEDITED, 0, 0) == 0)

    return fence
