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
from struct import Struct
from typing import Final, NamedTuple

from odradek.records.crc import crc32c
from odradek.records.errors import CorruptMessage

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

MIN_BATCH_LENGTH: Final = HEADER_SIZE - LOG_OVERHEAD
MIN_LEGACY_LENGTH: Final = 14  # the smallest length field of any message format Kafka ever had
MAX_INT32: Final = 0x7FFFFFFF

_HEADER: Final = Struct(">qiibIhiqqqhii")
unpack_header: Final = _HEADER.unpack_from
_INT64: Final = Struct(">q")
_INT32: Final = Struct(">i")
_UINT32: Final = Struct(">I")
_INT16: Final = Struct(">h")


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
    return (sequence + increment) & MAX_INT32


def decrement_sequence(sequence: int, decrement: int) -> int:
    """`sequence - decrement` on the ring 0 .. 2^31-1 (before 0 comes the largest)."""
    return (sequence - decrement) & MAX_INT32


def parse_header(buf: Buffer, pos: int = 0) -> BatchHeader:
    """The header at `pos`, unchecked; `buf` must hold 61 bytes from there (`struct.error` otherwise)."""
    return tuple.__new__(BatchHeader, unpack_header(buf, pos))


def batch_crc(buf: Buffer, pos: int, size: int) -> int:
    """CRC-32C of the batch of `size` bytes at `pos`, as its header should carry it."""
    return crc32c(memoryview(buf)[pos + ATTRIBUTES_POSITION : pos + size])


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
        if header.batch_length < MIN_BATCH_LENGTH:
            raise CorruptMessage(
                f"batch length is {header.batch_length} at position {pos}, the header alone needs {MIN_BATCH_LENGTH}"
            )
        following = pos + LOG_OVERHEAD + header.batch_length
        if following > end:
            return
        yield pos, header
        pos = following
