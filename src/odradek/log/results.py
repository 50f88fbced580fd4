"""The small values that a log hands out.

`NEEDS_ROLL` is the named answer of `append_now` when the append cannot be done in this turn of the loop (a new
segment is due, a file must be opened, others wait in line): the caller then awaits `append`. `WOULD_BLOCK` (from aio)
is the same for reads.
"""

from __future__ import annotations

import enum
from typing import Final, NamedTuple

from odradek.aio.storage import WOULD_BLOCK, File, WouldBlock

__all__ = [
    "EMPTY_SLICE",
    "NEEDS_ROLL",
    "WOULD_BLOCK",
    "AppendResult",
    "FoundTimestamp",
    "NeedsRoll",
    "RecoveryReport",
    "Slice",
    "WouldBlock",
]


class NeedsRoll(enum.Enum):
    """The type of `NEEDS_ROLL`."""

    NEEDS_ROLL = "needs roll"


NEEDS_ROLL: Final = NeedsRoll.NEEDS_ROLL


class AppendResult(NamedTuple):
    """Where a batch went. A duplicate (an idempotent producer's retry) names where the first copy lies; nothing was written."""

    first_offset: int
    last_offset: int
    append_time_ms: int  # the broker's time for LogAppendTime topics, -1 otherwise; a duplicate's largest timestamp as stored
    log_start_offset: int
    duplicate: bool = False


class FoundTimestamp(NamedTuple):
    """The first record at or after a timestamp, as ListOffsets answers it."""

    offset: int
    timestamp: int
    leader_epoch: int  # -1 when unknown


class Slice:
    """Whole batches, somewhere in a segment's file: what a fetch sends.

    Good within the turn of the loop in which it was made: start `read_now`, `read` or a send there. Whoever keeps it
    longer calls `hold()` and afterwards `release()`; until then the file stays open and its bytes in place. An empty
    slice has no file.
    """

    __slots__ = ("_lease", "file", "position", "size")

    def __init__(self, file: File | None, position: int, size: int, lease: Lease | None = None) -> None:
        self.file = file
        self.position = position
        self.size = size
        self._lease = lease

    def read_now(self) -> bytes | bytearray | WouldBlock:
        """The bytes, if the page cache has them all."""
        if self.file is None or self.size == 0:
            return b""
        return self.file.read_now(self.position, self.size)

    async def read(self) -> bytes | bytearray:
        """The bytes, however long the disk takes."""
        if self.file is None or self.size == 0:
            return b""
        self.hold()
        try:
            return await self.file.read(self.position, self.size)
        finally:
            self.release()

    def hold(self) -> None:
        if self._lease is not None:
            self._lease.holders += 1

    def release(self) -> None:
        if self._lease is not None:
            self._lease.holders -= 1


class Lease:
    """How many slices hold a segment's file open."""

    __slots__ = ("holders",)

    def __init__(self) -> None:
        self.holders = 0


EMPTY_SLICE: Final = Slice(None, 0, 0)


class RecoveryReport(NamedTuple):
    """What opening one log took. `clean` is false after a crash: the leader epoch must then be bumped (KIP-320)."""

    topic: str
    partition: int
    clean: bool
    scanned_bytes: int
    truncated_bytes: int
    truncated_reason: str  # "" when nothing was cut
