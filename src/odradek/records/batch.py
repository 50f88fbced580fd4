"""The record batch (magic 2): its header, the checks that need nothing else, and the two patches a broker makes.

Layout (big endian), as in KIP-98 and Kafka's `DefaultRecordBatch`; offsets in bytes from the batch's start:

     0 base_offset int64          27 base_timestamp int64
     8 batch_length int32         35 max_timestamp int64      attributes: bits 0-2 codec, 3 timestamps are LogAppendTime,
    12 leader_epoch int32         43 producer_id int64                    4 transactional, 5 control,
    16 magic int8                 51 producer_epoch int16                 6 base_timestamp is a delete horizon
    17 crc uint32                 53 base_sequence int32
    21 attributes int16           57 record_count int32
    23 last_offset_delta int32    61 records, compressed as one block when the codec is not 0

`batch_length` counts what follows it, so a batch takes `12 + batch_length` bytes. The CRC-32C covers bytes 21 to the end: the
leader sets `base_offset` and `leader_epoch` in place without touching it; LogAppendTime changes bytes under it.

The header is a tuple (one `unpack_from` and one allocation make it, in a third of a microsecond), because a broker makes one
for every produced batch and looks at most of its fields once.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from struct import Struct
from typing import Final, NamedTuple

from crc32c import crc32c

from odradek.base.errors import check
from odradek.records.errors import (
    CorruptMessage,
    InvalidRecord,
    InvalidTimestamp,
    MessageTooLarge,
    RecordsError,
    UnsupportedCompressionType,
)

Buffer = bytes | bytearray | memoryview

HEADER_SIZE: Final = 61
LOG_OVERHEAD: Final = 12  # base_offset and batch_length: what batch_length does not count
MAGIC: Final = 2
MAGIC_POSITION: Final = 16
CRC_POSITION: Final = 17
ATTRIBUTES_POSITION: Final = 21  # where the checksummed bytes begin
MAX_TIMESTAMP_POSITION: Final = 35

CODEC_MASK: Final = 0x07
LOG_APPEND_TIME: Final = 0x08
TRANSACTIONAL: Final = 0x10
CONTROL: Final = 0x20
DELETE_HORIZON: Final = 0x40

NO_TIMESTAMP: Final = -1
NO_PRODUCER_ID: Final = -1
NO_PRODUCER_EPOCH: Final = -1
NO_SEQUENCE: Final = -1

_ZSTD: Final = 4
_ZSTD_PRODUCE_VERSION: Final = 7
_MIN_BATCH_LENGTH: Final = HEADER_SIZE - LOG_OVERHEAD
_MIN_LEGACY_LENGTH: Final = 14  # the smallest length field of any message format Kafka ever had
_MAX_INT32: Final = 0x7FFFFFFF

_HEADER: Final = Struct(">qiibIhiqqqhii")
_unpack_header: Final = _HEADER.unpack_from
_INT64: Final = Struct(">q")
_INT32: Final = Struct(">i")
_UINT32: Final = Struct(">I")
_INT16: Final = Struct(">h")
_INT8: Final = Struct(">b")
_ZERO_HEADER: Final = bytes(HEADER_SIZE)


class BatchHeader(NamedTuple):
    """The header's fields, in the order they lie in the file. Timestamps in epoch milliseconds, sizes in bytes."""

    base_offset: int
    batch_length: int
    leader_epoch: int
    magic: int
    crc: int
    attributes: int
    last_offset_delta: int
    base_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    record_count: int

    @property
    def size(self) -> int:
        """Bytes of the whole batch, header included."""
        return LOG_OVERHEAD + self.batch_length

    @property
    def last_offset(self) -> int:
        return self.base_offset + self.last_offset_delta

    @property
    def next_offset(self) -> int:
        """The offset after this batch."""
        return self.base_offset + self.last_offset_delta + 1

    @property
    def last_sequence(self) -> int:
        """The last record's sequence number; -1 where the producer numbers nothing."""
        if self.base_sequence == NO_SEQUENCE:
            return NO_SEQUENCE
        return increment_sequence(self.base_sequence, self.last_offset_delta)

    @property
    def codec(self) -> int:
        """The compression codec's number: see `compression.Codec`."""
        return self.attributes & CODEC_MASK

    @property
    def is_log_append_time(self) -> bool:
        return self.attributes & LOG_APPEND_TIME != 0

    @property
    def is_transactional(self) -> bool:
        return self.attributes & TRANSACTIONAL != 0

    @property
    def is_control(self) -> bool:
        return self.attributes & CONTROL != 0

    @property
    def has_delete_horizon(self) -> bool:
        return self.attributes & DELETE_HORIZON != 0

    @property
    def has_producer_id(self) -> bool:
        return self.producer_id > NO_PRODUCER_ID


def increment_sequence(sequence: int, increment: int) -> int:
    """`sequence + increment` on the ring 0 .. 2^31-1 (after the largest comes 0)."""
    return (sequence + increment) & _MAX_INT32


def decrement_sequence(sequence: int, decrement: int) -> int:
    """`sequence - decrement` on the ring 0 .. 2^31-1 (before 0 comes the largest)."""
    return (sequence - decrement) & _MAX_INT32


def parse_header(buf: Buffer, pos: int = 0) -> BatchHeader:
    """The header at `pos`, unchecked; `buf` must hold 61 bytes from there (`struct.error` otherwise)."""
    return tuple.__new__(BatchHeader, _unpack_header(buf, pos))


def batch_crc(buf: Buffer, pos: int, size: int) -> int:
    """CRC-32C of the batch of `size` bytes at `pos`, as its header should carry it."""
    return crc32c(memoryview(buf)[pos + ATTRIBUTES_POSITION : pos + size])


def check_produced(buf: Buffer, *, max_batch_size: int, produce_version: int) -> BatchHeader:
    """The header of the one batch that `buf` holds, if a producer may send it; nothing of the records is decoded.

    `max_batch_size` is the topic's `max.message.bytes`, `produce_version` the Produce request's version. Raises a
    `RecordsError` whose `code` is what Kafka's `ProduceRequest`, `UnifiedLog` and `LogValidator` would answer. Timestamps are
    the topic's business: see `check_timestamps`.
    """
    if len(buf) < HEADER_SIZE:
        raise _fault(buf, max_batch_size, produce_version)
    header = tuple.__new__(BatchHeader, _unpack_header(buf))
    offset, length, _, magic, crc, attributes, delta, _, _, producer_id, epoch, sequence, count = header
    codec = attributes & CODEC_MASK
    if (
        magic == MAGIC
        and length == len(buf) - LOG_OVERHEAD
        and length <= max_batch_size - LOG_OVERHEAD
        and offset == 0
        and delta + 1 == count > 0
        and not attributes & (CONTROL | LOG_APPEND_TIME)
        and (codec < _ZSTD or (codec == _ZSTD and produce_version >= _ZSTD_PRODUCE_VERSION))
        and ((sequence >= 0 and epoch >= 0) if producer_id > NO_PRODUCER_ID else not attributes & TRANSACTIONAL)
        and crc32c(memoryview(buf)[ATTRIBUTES_POSITION:]) == crc
    ):
        return header
    raise _fault(buf, max_batch_size, produce_version)


def _fault(buf: Buffer, max_batch_size: int, produce_version: int) -> RecordsError:
    """Which rule `check_produced` found broken: the first one in Kafka's own order, so that the codes agree with Kafka's."""
    return (
        _envelope_fault(buf)
        or _header_fault(parse_header(buf), len(buf), max_batch_size, produce_version)
        or _checksum_fault(buf)
        or _content_fault(parse_header(buf))
    )


def _envelope_fault(buf: Buffer) -> RecordsError | None:
    """Faults that keep Kafka from seeing a whole version-2 batch at all."""
    have = len(buf)
    if have < LOG_OVERHEAD:
        return InvalidRecord(f"no record batch: {have} bytes of records, a batch needs {HEADER_SIZE} at least")
    length = _INT32.unpack_from(buf, 8)[0]
    if length < _MIN_LEGACY_LENGTH:
        return CorruptMessage(f"batch length is {length}, less than any message needs ({_MIN_LEGACY_LENGTH})")
    if have > MAGIC_POSITION:
        magic = _INT8.unpack_from(buf, MAGIC_POSITION)[0]
        if magic not in (0, 1, MAGIC):
            return CorruptMessage(f"magic is {magic}; known are 0, 1 and {MAGIC}")
    if have < LOG_OVERHEAD + length:
        return InvalidRecord(f"incomplete record batch: {have} bytes of records, the batch says it has {LOG_OVERHEAD + length}")
    if magic != MAGIC:
        return InvalidRecord(f"magic is {magic}; only record batches of magic {MAGIC} can be produced")
    if length < _MIN_BATCH_LENGTH:
        return CorruptMessage(f"batch length is {length}, the header alone needs {_MIN_BATCH_LENGTH}")
    return None


def _header_fault(h: BatchHeader, have: int, max_batch_size: int, produce_version: int) -> RecordsError | None:
    if h.codec == _ZSTD and produce_version < _ZSTD_PRODUCE_VERSION:
        return UnsupportedCompressionType(
            f"zstd needs Produce version {_ZSTD_PRODUCE_VERSION} at least, this is {produce_version}"
        )
    if h.size != have:
        return InvalidRecord(f"a partition takes exactly one record batch: {have - h.size} bytes follow a batch of {h.size}")
    if h.base_offset != 0:
        return InvalidRecord(f"base offset is {h.base_offset}; a produced batch counts its offsets from 0")
    if h.size > max_batch_size:
        return MessageTooLarge(f"record batch has {h.size} bytes, the limit is {max_batch_size} (max.message.bytes)")
    return None


def _checksum_fault(buf: Buffer) -> RecordsError | None:
    stored, computed = _UINT32.unpack_from(buf, CRC_POSITION)[0], batch_crc(buf, 0, len(buf))
    if stored != computed:
        return CorruptMessage(f"checksum mismatch: the batch says {stored:#010x}, its bytes give {computed:#010x}")
    return None


def _content_fault(h: BatchHeader) -> RecordsError:
    if h.last_offset_delta + 1 != h.record_count or h.record_count <= 0:
        return InvalidRecord(
            f"record count is {h.record_count} with a last offset delta of {h.last_offset_delta}; "
            "offsets must run from 0 to count - 1"
        )
    if h.is_control:
        return InvalidRecord("control batches are written by brokers only")
    if h.has_producer_id and (h.base_sequence < 0 or h.producer_epoch < 0):
        return InvalidRecord(
            f"producer {h.producer_id} sent sequence {h.base_sequence} with epoch {h.producer_epoch}; both begin at 0"
        )
    if h.is_transactional and not h.has_producer_id:
        return InvalidRecord("a transactional batch needs a producer id")
    if h.is_log_append_time:
        return InvalidTimestamp("a producer may not set the timestamp type to LogAppendTime")
    check(h.codec > _ZSTD, "a refused batch has a reason", header=h)
    return UnsupportedCompressionType(f"codec {h.codec} does not exist; known are 0 to {_ZSTD}")


def check_timestamps(header: BatchHeader, *, now_ms: int, before_max_ms: int, after_max_ms: int) -> None:
    """Raise `InvalidTimestamp` unless the batch's first and largest timestamp lie within the topic's bounds around `now_ms`.

    For topics whose `message.timestamp.type` is CreateTime. Kafka looks at every record; the header's two bound them all but
    for records older than the first one, and looking costs nothing. A batch without timestamps (-1) passes, as in Kafka.
    """
    first, largest = header.base_timestamp, header.max_timestamp
    if first >= now_ms - before_max_ms and largest <= now_ms + after_max_ms and first <= largest:
        return
    for name, timestamp in (("first", first), ("largest", largest)):
        if timestamp == NO_TIMESTAMP:
            continue
        if not now_ms - before_max_ms <= timestamp <= now_ms + after_max_ms:
            raise InvalidTimestamp(
                f"the batch's {name} timestamp {timestamp} is outside [{now_ms - before_max_ms}, {now_ms + after_max_ms}] "
                "(message.timestamp.before.max.ms, message.timestamp.after.max.ms)"
            )


def patch(buf: bytearray | memoryview, pos: int, base_offset: int, leader_epoch: int) -> None:
    """Give the batch at `pos` its place in the log. Both fields lie outside the checksum."""
    _INT64.pack_into(buf, pos, base_offset)
    _INT32.pack_into(buf, pos + 12, leader_epoch)


def stamp_append_time(buf: bytearray | memoryview, now_ms: int) -> None:
    """Make `buf`, one whole batch, carry the broker's time: every record then reads as `now_ms`. Recomputes the checksum.

    The records stay untouched: with the attribute's bit set, readers take the header's max timestamp for all of them.
    """
    attributes = _INT16.unpack_from(buf, ATTRIBUTES_POSITION)[0]
    _INT16.pack_into(buf, ATTRIBUTES_POSITION, attributes | LOG_APPEND_TIME)
    _INT64.pack_into(buf, MAX_TIMESTAMP_POSITION, now_ms)
    _UINT32.pack_into(buf, CRC_POSITION, batch_crc(buf, 0, len(buf)))


def scan(buf: Buffer, pos: int = 0) -> Iterator[tuple[int, BatchHeader]]:
    """The position and header of every whole batch from `pos` on, checksums unread; stops before an incomplete one.

    For bytes that were checked when they came in (fetch slices, replay of internal topics). Raises `CorruptMessage` on a
    length that cannot be: going on would read garbage.
    """
    end = len(buf)
    while pos + HEADER_SIZE <= end:
        header = parse_header(buf, pos)
        if header.batch_length < _MIN_BATCH_LENGTH:
            raise CorruptMessage(
                f"batch length is {header.batch_length} at position {pos}, the header alone needs {_MIN_BATCH_LENGTH}"
            )
        following = pos + LOG_OVERHEAD + header.batch_length
        if following > end:
            return
        yield pos, header
        pos = following


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


def check_stored(buf: Buffer, pos: int = 0, *, max_batch_size: int = _MAX_INT32) -> StoredBatch:
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
    if header.magic in (0, 1) and header.batch_length >= _MIN_LEGACY_LENGTH:
        return StoredBatch(Verdict.OLD_MAGIC, header, 0, f"message of magic {header.magic}, written before Kafka 0.11")
    if header.batch_length == 0 and bytes(buf[pos : pos + HEADER_SIZE]) == _ZERO_HEADER:
        return StoredBatch(Verdict.ZEROS, header, 0, "zeros where a batch should be")
    if header.batch_length < _MIN_BATCH_LENGTH or size > max_batch_size:
        return StoredBatch(
            Verdict.BAD_LENGTH,
            header,
            0,
            f"batch of {size} bytes; possible are {HEADER_SIZE} to {max_batch_size}",
        )
    if header.magic != MAGIC:
        return StoredBatch(Verdict.BAD_MAGIC, header, 0, f"magic is {header.magic}, not {MAGIC}")
    return None
