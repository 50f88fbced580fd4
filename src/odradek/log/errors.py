"""What a log can refuse, with the Kafka error code that a client will see.

`LogOffline` is the answer while a partition or its whole directory cannot be trusted or written: clients take it for
"try again, perhaps elsewhere" (KAFKA_STORAGE_ERROR is retriable and makes them refresh their metadata).
"""

from __future__ import annotations

from typing import ClassVar

from odradek.base.errors import OdradekError


class LogError(OdradekError):
    """A log cannot do what was asked; `code` is Kafka's error code."""

    code: ClassVar[int] = -1


class OffsetOutOfRange(LogError):
    """An offset below the log's start or beyond its end (OFFSET_OUT_OF_RANGE)."""

    code: ClassVar[int] = 1

    def __init__(self, name: str, offset: int, start: int, end: int) -> None:
        super().__init__(f"{name}: offset {offset} is outside [{start}, {end}] (log start, log end)")
        self.offset = offset
        self.start = start
        self.end = end


class LogOffline(LogError):
    """The partition is offline, with the reason (KAFKA_STORAGE_ERROR)."""

    code: ClassVar[int] = 56

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name} is offline: {reason}")
        self.reason = reason


class BatchLargerThanSegment(LogError):
    """One batch that no segment can hold (RECORD_LIST_TOO_LARGE)."""

    code: ClassVar[int] = 18


class InconsistentDirectory(LogError):
    """A data directory that belongs to another node or cluster, or a partition directory of another topic id."""


class DamagedSegment(LogError):
    """Bytes of a segment that cannot be batches, found while reading (KAFKA_STORAGE_ERROR)."""

    code: ClassVar[int] = 56

    def __init__(self, path: str, position: int, reason: str) -> None:
        super().__init__(f"{path} is damaged at position {position}: {reason} (see `odradek log verify`)")
        self.path = path
        self.position = position
        self.reason = reason
