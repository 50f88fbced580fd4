"""What can be wrong with a record batch, with the Kafka error code that a client will see.

Two families matter to a client. `CORRUPT_MESSAGE` says that bytes were damaged on the way: clients send the same batch again.
The others say that the batch, intact, is not acceptable: sending it again cannot help, so clients give up and tell the
application. Hence a batch whose checksum holds but whose records make no sense is `INVALID_RECORD`, never corrupt.
"""

from __future__ import annotations

from typing import ClassVar, Final, NamedTuple

from odradek.base.errors import OdradekError

# A batch of a megabyte may hold a hundred thousand bad records. Clients fail the whole batch whichever are named; so many
# names are enough for whoever looks for the reason, and cost little memory.
NAMED_RECORDS_MAX: Final = 1_000


class RecordError(NamedTuple):
    """One record that made its batch be refused (KIP-467): its place in the batch, and what is wrong with it."""

    place: int
    message: str


class RecordsError(OdradekError):
    """A record batch that cannot be accepted or read; `code` is Kafka's error code for it.

    `record_errors` names the records to blame, `NAMED_RECORDS_MAX` at most; empty where it isn't the records, or not known.
    """

    code: ClassVar[int] = -1

    def __init__(self, message: str, record_errors: tuple[RecordError, ...] = ()) -> None:
        super().__init__(message)
        self.record_errors = record_errors


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


class NotOneBatch(InvalidRecord):
    """The bytes are not exactly one whole batch of version 2: refused before any partition's log is asked."""


class KeysMissing(InvalidRecord):
    """Records without a key in a batch for a compacted topic."""

    def __init__(self, record_indexes: list[int], record_count: int) -> None:
        count = len(record_indexes)
        super().__init__(
            f"{count}{' or more' if count == NAMED_RECORDS_MAX else ''} of the batch's {record_count} records have no key, "
            f"the first is record {record_indexes[0]}; "
            "the topic is compacted (cleanup.policy) and needs one",
            tuple(RecordError(index, "no key") for index in record_indexes),
        )


class DecompressedTooLarge(MessageTooLarge):
    """Unpacking a batch would exceed the bound: a decompression bomb, or a bound set too low for the topic."""
