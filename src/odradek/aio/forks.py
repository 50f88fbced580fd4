"""Descriptors that a forked child must not keep.

fork(2) copies the table of descriptors, not what they stand for. While the child lives, a socket that its parent has closed
goes on listening, the peer of a closed connection sees no end, and a lock of flock(2) stays held. So what was given to
`keep_from_children` is replaced as soon as the child runs, by a socket that is connected to nothing. Replaced and not
closed: objects in the child still own the number, and would close whatever the child had opened under it since.

A number is remembered with the identity of what it stood for, so nothing has to be taken back when it is closed: under
another identity it is left alone, and there are never more entries than numbers.

No hook runs when C code forks by itself, and none between fork and exec of a program (all our descriptors are closed by
the exec). For those moments the owners do more: a lock is unlocked and a listening socket shut down before it is closed.
"""

from __future__ import annotations

import os
import socket

_kept: dict[int, tuple[int, int]] = {}
"""Number -> (device, inode). Touched under the interpreter's lock only: `dict` operations are atomic."""


def keep_from_children(fd: int) -> None:
    """`fd` is open and this process's own: children that are forked while it is open do not get it."""
    status = os.fstat(fd)
    _kept[fd] = (status.st_dev, status.st_ino)


def _let_go() -> None:
    """In the child, before anything else of ours runs there."""
    kept = [fd for fd, identity in _kept.items() if _identity(fd) == identity]
    _kept.clear()
    if not kept:
        return
    with socket.socket(socket.AF_UNIX) as nothing:
        for fd in kept:
            os.dup2(nothing.fileno(), fd, inheritable=False)


def _identity(fd: int) -> tuple[int, int] | None:
    try:
        status = os.fstat(fd)
    except OSError:  # closed since
        return None
    return status.st_dev, status.st_ino


os.register_at_fork(after_in_child=_let_go)
