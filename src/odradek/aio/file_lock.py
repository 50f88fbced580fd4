"""One process at a time: a lock on a file that goes away with its holder.

flock(2) is the lock: it belongs to the open file, so two openings exclude each other within one process too. Kafka locks its
`.lock` file with a POSIX record lock (Java's FileChannel.lock), which does not see flock, so that one is taken as well: a
directory that a running Apache Kafka has open is refused. A POSIX lock is lost when its process closes *any* descriptor of the
file, therefore a second attempt in the holding process is turned away before it opens the file.

A child that the holder forks shares flock's lock, though not the POSIX one: it gives its copy up at once (`forks`), and the
holder unlocks before it closes, so that a child which could not cannot keep the directory.

The holder writes its process id into the file, for the message to whoever comes second. Releasing leaves the file there.
"""

from __future__ import annotations

import errno
import fcntl
import os

from odradek.aio.errors import LockedError
from odradek.aio.forks import keep_from_children

_BUSY = (errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK)
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_held: set[str] = set()
"""Real paths that this process has locked. Touched under the interpreter's lock only: `set` operations are atomic."""
os.register_at_fork(after_in_child=_held.clear)


class ThreadFileLock:
    """A lock that is held, by the process that made it with `acquire`."""

    __slots__ = ("_fd", "_key", "_pid", "path")

    def __init__(self, path: str, key: str, fd: int) -> None:
        self.path = path
        self._key = key
        self._fd = fd
        self._pid = os.getpid()

    def release(self) -> None:
        """May be repeated; in a forked child it does nothing, for the lock is the parent's."""
        if self._pid != os.getpid():
            return
        fd, self._fd = self._fd, -1
        if fd >= 0:
            try:
                os.ftruncate(fd, 0)
            except OSError:
                pass  # the disk has failed: a process id that stays in the file locks nobody out
            fcntl.flock(fd, fcntl.LOCK_UN)  # closing alone would not, while a child has the descriptor, too
            os.close(fd)
            _held.discard(self._key)


def acquire(path: str) -> ThreadFileLock:
    """Take the lock or raise `LockedError` at once (blocking only as open(2) does)."""
    key = os.path.realpath(path)
    if key in _held:
        raise LockedError(path, os.getpid())
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        keep_from_children(fd)
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _sign(fd)
    except OSError as error:
        holder = _holder(fd)
        os.close(fd)
        if error.errno in _BUSY:
            raise LockedError(path, holder) from error
        raise
    _held.add(key)
    return ThreadFileLock(path, key, fd)


def _sign(fd: int) -> None:
    line = b"%d\n" % os.getpid()
    try:
        os.pwrite(fd, line, 0)
        os.ftruncate(fd, len(line))
    except OSError as error:  # the lock is ours all the same, and a full disk must be startable to be cleared
        if error.errno not in _NO_SPACE:
            raise


def _holder(fd: int) -> int | None:
    text = os.pread(fd, 32, 0).strip()
    return int(text) if text.isdigit() else None
