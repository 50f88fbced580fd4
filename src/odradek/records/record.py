"""The records inside a batch: read where a topic or a tool asks for them, built where a broker writes its own.

A record of a version-2 batch (varints are zigzag-encoded, as in Protocol Buffers):

    length varint; then attributes int8 (unused), timestamp delta varlong, offset delta varint,
    key length varint (-1: null), key, value length varint (-1: null), value,
    header count varint, and for each header: key length varint, key (UTF-8), value length varint (-1: null), value

Deltas count from the batch's base timestamp and base offset. With LogAppendTime all records have the batch's max timestamp.

A worked record, the first of its batch, key `k`, value `hi`, no headers, 9 bytes after the length:
`12 | 00 00 00 | 02 6b | 04 68 69 | 00`.

Reading trusts nothing: every length is checked against what is left, so that a batch with a sound checksum and senseless
records is `InvalidRecord`, not a surprise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from struct import Struct
from typing import Final, NamedTuple

from odradek.base.errors import check
from odradek.records.batch import (
    ATTRIBUTES_POSITION,
    CONTROL,
    CRC_POSITION,
    HEADER_SIZE,
    LOG_APPEND_TIME,
    LOG_OVERHEAD,
    MAGIC,
    NO_PRODUCER_EPOCH,
    NO_PRODUCER_ID,
    NO_SEQUENCE,
    NO_TIMESTAMP,
    TRANSACTIONAL,
    BatchHeader,
    Buffer,
    batch_crc,
)
from odradek.records.compression import DECOMPRESSED_SIZE_MAX, Codec, compress, decompress
from odradek.records.errors import InvalidRecord

Headers = tuple[tuple[str, bytes | None], ...]

_HEADER: Final = Struct(">qiibIhiqqqhii")
_INT32: Final = Struct(">i")
_INT16: Final = Struct(">h")
_UINT32: Final = Struct(">I")
_VARINT_BITS_MAX: Final = 63  # the shift of a tenth byte, the last that 64 bits can need


class Record(NamedTuple):
    """A record as it lies in the log. `timestamp` in epoch milliseconds, -1 for none."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class NewRecord(NamedTuple):
    """A record on its way in: it has no offset yet."""

    key: bytes | None
    value: bytes | None
    timestamp: int = NO_TIMESTAMP
    headers: Headers = ()


def read_records(batch: Buffer, header: BatchHeader, *, limit: int = DECOMPRESSED_SIZE_MAX) -> Iterator[Record]:
    """The records of `batch` (one whole batch, header included), unpacked to at most `limit` bytes.

    Raises `InvalidRecord` where they are malformed, `DecompressedTooLarge` past the limit.
    """
    return decode_records(records_block(batch, header, limit=limit), header)


def records_block(batch: Buffer, header: BatchHeader, *, limit: int = DECOMPRESSED_SIZE_MAX) -> bytes:
    """The bytes of all records of `batch`, decompressed."""
    return decompress(header.codec, memoryview(batch)[HEADER_SIZE : header.size], limit=limit)


def decode_records(block: bytes, header: BatchHeader) -> Iterator[Record]:
    """The records in a decompressed block; the header says how many, and from where their deltas count."""
    position = 0
    try:
        for _ in range(header.record_count):
            record, position = _decode_record(block, position, header)
            yield record
    except IndexError:
        raise cut_record(block) from None
    if position != len(block):
        raise left_over(block, position, header)


def read_timestamps(batch: Buffer, header: BatchHeader, *, limit: int = DECOMPRESSED_SIZE_MAX) -> Iterator[int]:
    """The timestamps of `batch`'s records as their producer set them (epoch ms), at a quarter of what reading them costs.

    Raises as `read_records` does, but looks at nothing else of a record than its length.
    """
    block = records_block(batch, header, limit=limit)
    position, size, first = 0, len(block), header.base_timestamp
    try:
        for _ in range(header.record_count):
            length, position = read_varint(block, position)
            if length < 0 or length > size - position:
                raise long_record(block, position, length)
            yield first + read_varint(block, position + 1)[0]
            position += length
    except IndexError:
        raise cut_record(block) from None


def _decode_record(block: bytes, position: int, header: BatchHeader) -> tuple[Record, int]:
    """The record at `position` and where it ends. `IndexError` when the block ends first."""
    length, position = read_varint(block, position)
    end = position + length
    if end > len(block) or length < 0:
        raise long_record(block, position, length)
    timestamp_delta, position = read_varint(block, position + 1)
    offset_delta, position = read_varint(block, position)
    key, position = _nullable(block, position, end)
    value, position = _nullable(block, position, end)
    header_count, position = read_varint(block, position)
    headers: Headers = ()
    if header_count:
        headers, position = decode_headers(block, position, end, header_count)
    if position != end:
        raise odd_record(length, position - end + length)
    timestamp = header.max_timestamp if header.attributes & LOG_APPEND_TIME else header.base_timestamp + timestamp_delta
    return Record(header.base_offset + offset_delta, timestamp, key, value, headers), end


def decode_headers(block: bytes, position: int, end: int, count: int) -> tuple[Headers, int]:
    if count < 0:
        raise InvalidRecord(f"a record with {count} headers")
    headers = []
    for _ in range(count):
        key, position = _nullable(block, position, end)
        if key is None:
            raise InvalidRecord(f"a header without a key at byte {position}")
        value, position = _nullable(block, position, end)
        headers.append((key.decode(errors="replace"), value))
    return tuple(headers), position


def _nullable(block: bytes, position: int, end: int) -> tuple[bytes | None, int]:
    """The length-prefixed bytes at `position`, within a record that ends at `end`."""
    byte = block[position]
    if byte < 0x80:  # most keys and values are shorter than 64 bytes: no call for them
        length, position = (byte >> 1) ^ -(byte & 1), position + 1
    else:
        length, position = read_varint(block, position)
    if length < 0:
        if length != -1:
            raise InvalidRecord(f"a field of {length} bytes at byte {position}")
        return None, position
    if length > end - position:
        raise InvalidRecord(f"a field of {length} bytes at byte {position}, its record ends at {end}")
    return block[position : position + length], position + length


def read_varint(block: bytes, position: int) -> tuple[int, int]:
    """The zigzag varint at `position` and where it ends."""
    byte = block[position]
    position += 1
    if byte < 0x80:
        return (byte >> 1) ^ -(byte & 1), position
    value, shift = byte & 0x7F, 7
    while True:
        byte = block[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), position
        shift += 7
        if shift > _VARINT_BITS_MAX:
            raise InvalidRecord(f"a number at byte {position} takes more than ten bytes")


def cut_record(block: bytes) -> InvalidRecord:
    return InvalidRecord(f"the batch's {len(block)} bytes of records end inside a record")


def left_over(block: bytes, position: int, header: BatchHeader) -> InvalidRecord:
    return InvalidRecord(
        f"{len(block) - position} bytes are left after the {header.record_count} records that the batch announces"
    )


def long_record(block: bytes, position: int, length: int) -> InvalidRecord:
    return InvalidRecord(f"a record of {length} bytes at byte {position}, {len(block) - position} are left")


def odd_record(length: int, used: int) -> InvalidRecord:
    return InvalidRecord(f"a record of {length} bytes holds {used} bytes of fields")


def build_batch(
    records: Iterable[NewRecord | Record],
    *,
    base_offset: int = 0,
    codec: int = Codec.NONE,
    level: int | None = None,
    leader_epoch: int = -1,
    producer_id: int = NO_PRODUCER_ID,
    producer_epoch: int = NO_PRODUCER_EPOCH,
    base_sequence: int = NO_SEQUENCE,
    is_transactional: bool = False,
    is_control: bool = False,
) -> bytearray:
    """A batch of these records, at least one, at consecutive offsets from `base_offset` (whatever offsets they had)."""
    block = bytearray()
    timestamps = []
    for record in records:
        timestamps.append(record.timestamp)
        _encode_record(block, record, record.timestamp - timestamps[0], len(timestamps) - 1)
    check(timestamps, "a batch holds at least one record")
    attributes = codec | (TRANSACTIONAL if is_transactional else 0) | (CONTROL if is_control else 0)
    out = bytearray(
        _HEADER.pack(
            base_offset,
            0,
            leader_epoch,
            MAGIC,
            0,
            attributes,
            len(timestamps) - 1,
            timestamps[0],
            max(timestamps),
            producer_id,
            producer_epoch,
            base_sequence,
            len(timestamps),
        )
    )
    out += compress(codec, block, level) if codec else block
    seal(out)
    return out


def with_block(batch: Buffer, block: bytes, codec: int) -> bytearray:
    """A copy of `batch` whose records are `block`, compressed as `codec` says; the rest of its header stays."""
    out = bytearray(memoryview(batch)[:HEADER_SIZE])
    attributes = _INT16.unpack_from(out, ATTRIBUTES_POSITION)[0]
    _INT16.pack_into(out, ATTRIBUTES_POSITION, attributes & ~7 | codec)
    out += block
    seal(out)
    return out


def seal(batch: bytearray) -> None:
    """Write the length and the checksum that the rest of the batch calls for."""
    _INT32.pack_into(batch, 8, len(batch) - LOG_OVERHEAD)
    _UINT32.pack_into(batch, CRC_POSITION, batch_crc(batch, 0, len(batch)))


def _encode_record(block: bytearray, record: NewRecord | Record, timestamp_delta: int, offset_delta: int) -> None:
    body = bytearray(1)
    _put_varint(body, timestamp_delta)
    _put_varint(body, offset_delta)
    _put_nullable(body, record.key)
    _put_nullable(body, record.value)
    _put_varint(body, len(record.headers))
    for key, value in record.headers:
        _put_nullable(body, key.encode())
        _put_nullable(body, value)
    _put_varint(block, len(body))
    block += body


def _put_nullable(out: bytearray, data: bytes | None) -> None:
    if data is None:
        out.append(1)
        return
    _put_varint(out, len(data))
    out += data


def _put_varint(out: bytearray, value: int) -> None:
    value = value << 1 if value >= 0 else (-value << 1) - 1
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
