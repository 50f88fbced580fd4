"""Standard streams that the caller closed (`odradek ... >&-`, some supervisors): their descriptors are taken at once.

The problem: with one of 0, 1 and 2 closed, the next file that is opened gets its number. A data file as descriptor 2 would take
whatever a library writes to standard error, and uvloop ends the process when it finds a descriptor of its own among the three.
Python for its part sets `sys.stdout` to None, on which every print fails in its own way.

The rule: each missing descriptor becomes /dev/null, the wrong way round for input and output (as gnulib's `stdopen`), so that
reading and writing fail with "Bad file descriptor" and no answer is lost silently. Standard error takes everything: what is
told there is not the answer.
"""

from __future__ import annotations

import os
import sys


def occupy() -> None:
    """Open what of 0, 1 and 2 is closed, and give Python streams for it."""
    for number, flags in enumerate((os.O_WRONLY, os.O_RDONLY, os.O_WRONLY)):
        if _is_closed(number):
            taken = os.open(os.devnull, flags)
            if taken != number:
                os.dup2(taken, number)
                os.close(taken)
            os.set_inheritable(number, True)
    if sys.stdin is None:
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
    if sys.stdout is None:
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)  # noqa: SIM115


def _is_closed(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return True
    return False
