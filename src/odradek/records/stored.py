"""What recovery may find in a log file: a sound batch, or one of the ways in which it is not one.

The judgement is of one position only and never raises. Whether a fault is a torn tail, to be cut, or damage, to be kept and
shown, depends on what lies behind it: the log's recovery decides that.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple

from odradek.records.header import (
    HEADER_SIZE,
    LOG_OVERHEAD,
    MAGIC,
    MAX_INT32,
    MIN_BATCH_LENGTH,
    MIN_LEGACY_LENGTH,
    BatchHeader,
    Buffer,
    batch_crc,
    parse_header,
)

_ZERO_HEADER: Final = bytes(HEADER_SIZE)


class Verdict(Enum):
    """What `check_stored` says of the bytes at a position of a log file."""

    WHOLE = "whole"
    NEED_MORE = "need more"  # the batch goes beyond the bytes given; at a file's end: torn
    ZEROS = "zeros"  # where a header should be there is nothing: a hole that a lost write left, or a preallocated tail
    BAD_LENGTH = "bad length"
    BAD_MAGIC = "bad magic"
    OLD_MAGIC = "old magic"  # a message of a format before Kafka 0.11: sound perhaps, but not for us
    BAD_CRC = "bad checksum"


class StoredBatch(NamedTuple):
    """`size`: for WHOLE and BAD_CRC the batch's bytes, for NEED_MORE how many bytes it needs from its position on, else 0."""

    verdict: Verdict
    header: BatchHeader | None
    size: int
    reason: str


def check_stored(buf: Buffer, pos: int = 0, *, max_batch_size: int = MAX_INT32) -> StoredBatch:
    """Judge the batch at `pos` of a log file by length, magic and checksum. Never raises: recovery decides what follows.

    `max_batch_size` bounds how much more may be asked for, so that a flipped length cannot make a reader swallow the file.
    """
    have = len(buf) - pos
    if have < HEADER_SIZE:
        return StoredBatch(Verdict.NEED_MORE, None, HEADER_SIZE, f"{have} of a header's {HEADER_SIZE} bytes")
    header = parse_header(buf, pos)
    size = LOG_OVERHEAD + header.batch_length
    fault = _stored_header_fault(buf, pos, header, size, max_batch_size)
    if fault is not None:
        return fault
    if size > have:
        return StoredBatch(Verdict.NEED_MORE, header, size, f"{have} of a batch's {size} bytes")
    computed = batch_crc(buf, pos, size)
    if computed != header.crc:
        return StoredBatch(
            Verdict.BAD_CRC, header, size, f"checksum {header.crc:#010x} stored, the bytes give {computed:#010x}"
        )
    return StoredBatch(Verdict.WHOLE, header, size, "")


def _stored_header_fault(buf: Buffer, pos: int, header: BatchHeader, size: int, max_batch_size: int) -> StoredBatch | None:
    if header.magic in (0, 1) and header.batch_length >= MIN_LEGACY_LENGTH:
        return StoredBatch(Verdict.OLD_MAGIC, header, 0, f"message of magic {header.magic}, written before Kafka 0.11")
    if header.batch_length == 0 and bytes(buf[pos : pos + HEADER_SIZE]) == _ZERO_HEADER:
        return StoredBatch(Verdict.ZEROS, header, 0, "zeros where a batch should be")
    if header.batch_length < MIN_BATCH_LENGTH or size > max_batch_size:
        return StoredBatch(
            Verdict.BAD_LENGTH,
            header,
            0,
            f"batch of {size} bytes; possible are {HEADER_SIZE} to {max_batch_size}",
        )
    if header.magic != MAGIC:
        return StoredBatch(Verdict.BAD_MAGIC, header, 0, f"magic is {header.magic}, not {MAGIC}")
    return None
