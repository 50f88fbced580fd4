"""What a producer may send, judged from the batch's header alone.

One condition holds everything that a good batch fulfils, so that the good case costs a microsecond. Only when it fails is the
batch looked at again, rule by rule in the order in which Kafka would come upon them (`ProduceRequest.validateRecords`, then
`UnifiedLog`, then `LogValidator`), so that the error code is Kafka's and the message says what was wrong. Kafka also walks the
records of every batch; here only topics that ask for it do that (see `recompress`).

Stricter than Kafka on purpose, where no client ever goes: bytes behind the batch, a producer id without an epoch, and the
LogAppendTime bit are refused (Kafka ignores or mends them). What a walk would find and the header tells too is found here: more
records than their bytes could hold, which would take as many offsets.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from odradek.base.errors import check
from odradek.records.crc import crc32c
from odradek.records.errors import (
    NAMED_RECORDS_MAX,
    CorruptMessage,
    InvalidRecord,
    InvalidTimestamp,
    MessageTooLarge,
    NotOneBatch,
    RecordError,
    RecordsError,
    UnsupportedCompressionType,
)
from odradek.records.header import (
    ATTRIBUTES_POSITION,
    CODEC_MASK,
    CONTROL,
    HEADER_SIZE,
    LOG_APPEND_TIME,
    LOG_OVERHEAD,
    MAGIC,
    MAGIC_POSITION,
    MIN_BATCH_LENGTH,
    MIN_LEGACY_LENGTH,
    NO_PRODUCER_ID,
    TRANSACTIONAL,
    BatchHeader,
    Buffer,
    batch_crc,
    parse_header,
    unpack_header,
)

_RECORD_SIZE_MIN: Final = 7  # length, attributes, two deltas, null key, null value, no headers
_ZSTD: Final = 4
_ZSTD_PRODUCE_VERSION: Final = 7
_INT32: Final = Struct(">i")
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
        and (codec or count * _RECORD_SIZE_MIN <= length - MIN_BATCH_LENGTH)
        and not attributes & (CONTROL | LOG_APPEND_TIME)
        and (codec < _ZSTD or (codec == _ZSTD and produce_version >= _ZSTD_PRODUCE_VERSION))
        and ((sequence >= 0 and epoch >= 0) if producer_id > NO_PRODUCER_ID else not attributes & TRANSACTIONAL)
        and crc32c(memoryview(buf)[ATTRIBUTES_POSITION:]) == crc
    ):
        return header
    raise _fault(buf, max_batch_size, produce_version)


def _fault(buf: Buffer, max_batch_size: int, produce_version: int) -> RecordsError:
    """Which rule `check_produced` found broken: the first one in Kafka's own order, so that the codes agree with Kafka's."""
    fault = _envelope_fault(buf)
    if fault is not None:
        return fault
    header = parse_header(buf)
    return (
        _version_fault(header, produce_version)
        or _second_batch_fault(buf, header.size)
        or _header_fault(header, max_batch_size)
        or _checksum_fault(buf, header)
        or _content_fault(header, len(buf))
    )


def _start_fault(buf: Buffer, pos: int) -> RecordsError | None:
    """A length or a magic that no batch can have, where one should begin, as far as there are bytes to see it."""
    have = len(buf) - pos
    if have < LOG_OVERHEAD:
        return None
    length = _INT32.unpack_from(buf, pos + 8)[0]
    if length < MIN_LEGACY_LENGTH:
        return CorruptMessage(f"batch length is {length}, less than any message needs ({MIN_LEGACY_LENGTH})")
    if have > MAGIC_POSITION:
        magic = _INT8.unpack_from(buf, pos + MAGIC_POSITION)[0]
        if magic not in (0, 1, MAGIC):
            return CorruptMessage(f"magic is {magic}; known are 0, 1 and {MAGIC}")
    return None


def _envelope_fault(buf: Buffer) -> RecordsError | None:
    """Faults that keep Kafka from seeing a whole version-2 batch at all."""
    have = len(buf)
    if have < LOG_OVERHEAD:
        return NotOneBatch(f"no record batch: {have} bytes of records, a batch needs {HEADER_SIZE} at least")
    fault = _start_fault(buf, 0)
    if fault is not None:
        return fault
    length = _INT32.unpack_from(buf, 8)[0]
    if have < LOG_OVERHEAD + length:
        return NotOneBatch(f"incomplete record batch: {have} bytes of records, the batch says it has {LOG_OVERHEAD + length}")
    magic = _INT8.unpack_from(buf, MAGIC_POSITION)[0]
    if magic != MAGIC:
        return NotOneBatch(f"magic is {magic}; only record batches of magic {MAGIC} can be produced")
    if length < MIN_BATCH_LENGTH:
        return CorruptMessage(f"batch length is {length}, the header alone needs {MIN_BATCH_LENGTH}")
    return None


def _version_fault(h: BatchHeader, produce_version: int) -> RecordsError | None:
    if h.codec == _ZSTD and produce_version < _ZSTD_PRODUCE_VERSION:
        return UnsupportedCompressionType(
            f"zstd needs Produce version {_ZSTD_PRODUCE_VERSION} at least, this is {produce_version}"
        )
    return None


def _second_batch_fault(buf: Buffer, pos: int) -> RecordsError | None:
    """What lies behind the batch is another one, or cannot be. Less than a batch is `_content_fault`'s: a length that was
    damaged on the way leaves such a rest too, and then the checksum tells that it is worth sending again."""
    fault = _start_fault(buf, pos)
    have = len(buf) - pos
    if fault is None and have > MAGIC_POSITION and have >= LOG_OVERHEAD + _INT32.unpack_from(buf, pos + 8)[0]:
        return NotOneBatch(f"a partition takes exactly one record batch: a second one follows the first of {pos} bytes")
    return fault


def _header_fault(h: BatchHeader, max_batch_size: int) -> RecordsError | None:
    if h.base_offset != 0:
        return InvalidRecord(f"base offset is {h.base_offset}; a produced batch counts its offsets from 0")
    if h.size > max_batch_size:
        return MessageTooLarge(f"record batch has {h.size} bytes, the limit is {max_batch_size} (max.message.bytes)")
    return None


def _checksum_fault(buf: Buffer, h: BatchHeader) -> RecordsError | None:
    computed = batch_crc(buf, 0, h.size)
    if h.crc != computed:
        return CorruptMessage(f"checksum mismatch: the batch says {h.crc:#010x}, its bytes give {computed:#010x}")
    return None


def _content_fault(h: BatchHeader, have: int) -> RecordsError:
    if h.size != have:
        return NotOneBatch(f"a partition takes exactly one record batch: {have - h.size} bytes follow a batch of {h.size}")
    if h.last_offset_delta + 1 != h.record_count or h.record_count <= 0:
        return InvalidRecord(
            f"record count is {h.record_count} with a last offset delta of {h.last_offset_delta}; "
            "offsets must run from 0 to count - 1"
        )
    block_size = h.size - HEADER_SIZE
    if not h.codec and h.record_count * _RECORD_SIZE_MIN > block_size:
        return InvalidRecord(
            f"record count is {h.record_count}; {block_size} bytes hold {block_size // _RECORD_SIZE_MIN} records at most"
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
        blamed = (RecordError(place, "its timestamp's type") for place in range(min(h.record_count, NAMED_RECORDS_MAX)))
        return InvalidTimestamp("a producer may not set the timestamp type to LogAppendTime", tuple(blamed))
    check(h.codec > _ZSTD, "a refused batch has a reason", header=h)
    return UnsupportedCompressionType(f"codec {h.codec} does not exist; known are 0 to {_ZSTD}")
