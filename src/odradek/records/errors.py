"""What can be wrong with a record batch, with the Kafka error code that a client will see.

Two families matter to a client. `CORRUPT_MESSAGE` says that bytes were damaged on the way: clients send the same batch again.
The others say that the batch, intact, is not acceptable: sending it again cannot help, so clients give up and tell the
application. Hence a batch whose checksum holds but whose records make no sense is `INVALID_RECORD`, never corrupt.
"""

from __future__ import annotations

from typing import ClassVar

from odradek.base.errors import OdradekError


class RecordsError(OdradekError):
    """A record batch that cannot be accepted or read; `code` is Kafka's error code for it."""

    code: ClassVar[int] = -1


class CorruptMessage(RecordsError):
    """Damaged on the way: impossible length, unknown magic, checksum mismatch (CORRUPT_MESSAGE, retriable)."""

    code: ClassVar[int] = 2


class MessageTooLarge(RecordsError):
    """The batch exceeds `max.message.bytes` (MESSAGE_TOO_LARGE)."""

    code: ClassVar[int] = 10


class InvalidTimestamp(RecordsError):
    """A timestamp out of the topic's bounds, or of a type that a producer may not set (INVALID_TIMESTAMP)."""

    code: ClassVar[int] = 32


class UnsupportedCompressionType(RecordsError):
    """A codec that the request's version does not allow, or that does not exist (UNSUPPORTED_COMPRESSION_TYPE)."""

    code: ClassVar[int] = 76


class InvalidRecord(RecordsError):
    """Intact bytes that break a rule of the format or of the topic (INVALID_RECORD)."""

    code: ClassVar[int] = 87


class KeysMissing(InvalidRecord):
    """Records without a key in a batch for a compacted topic; `record_indexes` are their places in it (KIP-467)."""

    def __init__(self, record_indexes: list[int], record_count: int) -> None:
        super().__init__(
            f"{len(record_indexes)} of the batch's {record_count} records have no key, the first is record "
            f"{record_indexes[0]}; the topic is compacted (cleanup.policy) and needs one"
        )
        self.record_indexes = record_indexes


class DecompressedTooLarge(MessageTooLarge):
    """Unpacking a batch would exceed the bound: a decompression bomb, or a bound set too low for the topic."""
