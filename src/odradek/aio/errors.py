"""What aio raises beside the system's own errors.

A failure of the operating system stays what it is, an `OSError` with its number and path (`FileNotFoundError`,
`PermissionError`, ENOSPC, EIO): callers must tell these apart, and wrapping would hide them. The types below name what the
system has no number for. `FlushFailedError` is an `OSError` too, so that one `except OSError` sees every failing disk.
"""

from __future__ import annotations

from odradek.base.errors import OdradekError


class AioError(OdradekError):
    """A failure that aio names itself."""


class GateClosedError(AioError):
    """Something was asked of an object that is closing or closed."""


class FileClosedError(GateClosedError):
    """An operation on a file after `close()`."""


class LockedError(AioError):
    """The lock is held by somebody else; `pid` is the holder's, or None where it could not be found out."""

    def __init__(self, path: str, pid: int | None) -> None:
        self.path = path
        self.pid = pid
        holder = "another process" if pid is None else f"process {pid}"
        super().__init__(f"{path} is locked by {holder}: one process at a time may use its directory")


class FlushFailedError(OSError, AioError):
    """An fdatasync failed, now or earlier.

    The kernel marks the pages clean all the same, so a second fdatasync would report success for data that is not on the
    disk (Rebello et al., "Can applications recover from fsync failures?", USENIX ATC 2020). The file is therefore never
    flushed again: what is on the disk beyond the last successful flush is unknown until the file is opened and read anew.
    """

    def __init__(self, path: str, cause: OSError) -> None:
        super().__init__(cause.errno, f"fdatasync failed ({cause.strerror}); it is never retried", path)
