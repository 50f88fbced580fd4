"""What a failing disk means: for one partition, or for all in the directory.

No space (ENOSPC, a quota, a file size limit) is about what was being written: the file has been cut back, what was
acknowledged is intact, the partition can be read and may write again when there is room. Everything that says "this
disk cannot be relied upon" (EIO, a failed fdatasync, a file system gone read-only) takes the whole directory offline:
after a failed fdatasync nobody knows which pages reached the disk. Other errors (a missing file, no permission) are
about one partition.
"""

from __future__ import annotations

import errno
from enum import Enum
from typing import Final

from odradek.aio.errors import FlushFailedError

_NO_SPACE: Final = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
_DIRECTORY: Final = frozenset((errno.EIO, errno.EROFS, errno.ENODEV, errno.ENXIO))
_PASSING: Final = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN))


class Reach(Enum):
    """How far a failure reaches."""

    REQUEST = "request"  # the process is short of something: fail this call, change nothing
    NO_SPACE = "no space"
    PARTITION = "partition"
    DIRECTORY = "directory"


def reach(error: OSError) -> Reach:
    """How far `error`, met while using a partition's files, reaches."""
    if isinstance(error, FlushFailedError) or error.errno in _DIRECTORY:
        return Reach.DIRECTORY
    if error.errno in _NO_SPACE:
        return Reach.NO_SPACE
    if error.errno in _PASSING:
        return Reach.REQUEST
    return Reach.PARTITION


def describe(error: OSError, doing: str) -> str:
    """One sentence with the operation, the system's words and the path."""
    where = f" ({error.filename})" if error.filename else ""
    return f"{doing}: {error.strerror or error}{where}"
