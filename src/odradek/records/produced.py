"""What a producer may send, judged from the batch's header alone.

One condition holds everything that a good batch fulfils, so that the good case costs a microsecond. Only when it fails is the
batch looked at again, rule by rule in the order in which Kafka would come upon them (`ProduceRequest.validateRecords`, then
`UnifiedLog`, then `LogValidator`), so that the error code is Kafka's and the message says what was wrong. Kafka also walks the
records of every batch; here only topics that ask for it do that (see `recompress`).

Stricter than Kafka on purpose, where no client ever goes: bytes behind the batch, a producer id without an epoch, and the
LogAppendTime bit are refused (Kafka ignores or mends them).
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from odradek.base.errors import check
from odradek.records.crc import crc32c
from odradek.records.errors import (
    CorruptMessage,
    InvalidRecord,
    InvalidTimestamp,
    MessageTooLarge,
    RecordsError,
    UnsupportedCompressionType,
)
from odradek.records.header import (
    ATTRIBUTES_POSITION,
    CODEC_MASK,
    CONTROL,
    CRC_POSITION,
    HEADER_SIZE,
    LOG_APPEND_TIME,
    LOG_OVERHEAD,
    MAGIC,
    MAGIC_POSITION,
    MIN_BATCH_LENGTH,
    MIN_LEGACY_LENGTH,
    NO_PRODUCER_ID,
    NO_TIMESTAMP,
    TRANSACTIONAL,
    BatchHeader,
    Buffer,
    batch_crc,
    parse_header,
    unpack_header,
)

_ZSTD: Final = 4
_ZSTD_PRODUCE_VERSION: Final = 7
_INT32: Final = Struct(">i")
_UINT32: Final = Struct(">I")
_INT8: Final = Struct(">b")


def check_produced(buf: Buffer, *, max_batch_size: int, produce_version: int) -> BatchHeader:
    """The header of the one batch that `buf` holds, if a producer may send it; nothing of the records is decoded.

    `max_batch_size` is the topic's `max.message.bytes`, `produce_version` the Produce request's version. Raises a
    `RecordsError` whose `code` is what Kafka's `ProduceRequest`, `UnifiedLog` and `LogValidator` would answer. Timestamps are
    the topic's business: see `check_timestamps`.
    """
    if len(buf) < HEADER_SIZE:
        raise _fault(buf, max_batch_size, produce_version)
    header = tuple.__new__(BatchHeader, unpack_header(buf))
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
    if length < MIN_LEGACY_LENGTH:
        return CorruptMessage(f"batch length is {length}, less than any message needs ({MIN_LEGACY_LENGTH})")
    if have > MAGIC_POSITION:
        magic = _INT8.unpack_from(buf, MAGIC_POSITION)[0]
        if magic not in (0, 1, MAGIC):
            return CorruptMessage(f"magic is {magic}; known are 0, 1 and {MAGIC}")
    if have < LOG_OVERHEAD + length:
        return InvalidRecord(f"incomplete record batch: {have} bytes of records, the batch says it has {LOG_OVERHEAD + length}")
    if magic != MAGIC:
        return InvalidRecord(f"magic is {magic}; only record batches of magic {MAGIC} can be produced")
    if length < MIN_BATCH_LENGTH:
        return CorruptMessage(f"batch length is {length}, the header alone needs {MIN_BATCH_LENGTH}")
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
