"""Producer state as a file (`.snapshot`), so that a restart need not read the whole log.

The name is the offset up to which it holds (not including it), as 20 digits: a log whose segments begin at 0 and 5000
has `00000000000000005000.snapshot`, written when the second segment began, and after a clean end one more at the
log's end. Loading: take the newest sound one, then replay the batches from its offset on.

Version 1, big endian (Kafka's `ProducerSnapshot.json`):

     0 version int16 = 1
     2 crc uint32: CRC-32C of all bytes from 6 on
     6 count int32, then per producer 46 bytes:
       producer_id int64, epoch int16, last_sequence int32, last_offset int64, offset_delta int32, timestamp int64,
       coordinator_epoch int32, transaction_first_offset int64

Of the five remembered batches only the last is kept (none: -1, -1, 0); after a restart, `recall` looks for the others in
the log when one of them is sent again. A worked entry, producer 7 epoch 0, sequences 3-5 at offsets 10-12 at time 1000:
`00..07 00 00 | 00 00 00 05 | 00..0c | 00 00 00 02 | 00..03 e8 | ff ff ff ff | ff..ff`. There is a checksum because a wrong
snapshot, unlike a wrong index, would not be noticed: it would silently accept duplicates.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from struct import Struct
from typing import Final

from odradek.base.errors import OdradekError
from odradek.log.producer_state import NO_TRANSACTION, BatchMetadata, ProducerEntry
from odradek.records.crc import crc32c

VERSION: Final = 1
_HEAD: Final = Struct(">hIi")
_ENTRY: Final = Struct(">qhiqiqiq")
_CHECKED_FROM: Final = 6
_NO_BATCH: Final = BatchMetadata(-1, -1, 0, -1)


class CorruptSnapshot(OdradekError):
    """A snapshot that is cut, damaged or of an unknown version. An older one, or the log itself, still has the state."""


def encode(entries: Iterable[ProducerEntry]) -> bytes:
    """The file for these producers."""
    body = b"".join(_encode_entry(entry) for entry in entries)
    out = bytearray(_HEAD.pack(VERSION, 0, len(body) // _ENTRY.size) + body)
    _HEAD.pack_into(out, 0, VERSION, crc32c(memoryview(out)[_CHECKED_FROM:]), len(body) // _ENTRY.size)
    return bytes(out)


def _encode_entry(entry: ProducerEntry) -> bytes:
    last = entry.last_batch or _NO_BATCH
    return _ENTRY.pack(
        entry.producer_id,
        entry.epoch,
        last.last_sequence,
        last.last_offset,
        last.offset_delta,
        entry.last_timestamp,
        entry.coordinator_epoch,
        entry.transaction_first_offset,
    )


def decode(data: bytes) -> list[ProducerEntry]:
    """The producers in a snapshot; raises `CorruptSnapshot`."""
    if len(data) < _HEAD.size:
        raise CorruptSnapshot(f"{len(data)} bytes, an empty snapshot has {_HEAD.size}")
    version, stored, count = _HEAD.unpack_from(data)
    if version != VERSION:
        raise CorruptSnapshot(f"version {version}, known is {VERSION}")
    computed = crc32c(memoryview(data)[_CHECKED_FROM:])
    if computed != stored:
        raise CorruptSnapshot(f"checksum {stored:#010x} stored, the bytes give {computed:#010x}")
    if count < 0 or len(data) != _HEAD.size + count * _ENTRY.size:
        raise CorruptSnapshot(f"{len(data)} bytes cannot hold exactly {count} producers")
    return [_decode_entry(fields) for fields in _ENTRY.iter_unpack(memoryview(data)[_HEAD.size :])]


def _decode_entry(fields: tuple[int, ...]) -> ProducerEntry:
    producer_id, epoch, last_sequence, last_offset, delta, timestamp, coordinator_epoch, transaction = fields
    last = BatchMetadata(last_sequence, last_offset, delta, timestamp) if last_offset >= 0 else None
    return ProducerEntry(
        producer_id,
        epoch,
        coordinator_epoch=coordinator_epoch,
        last_timestamp=timestamp,
        transaction_first_offset=max(transaction, NO_TRANSACTION),
        batches=[last] if last is not None else [],
        abridged=last is not None and last.first_sequence != 0,
    )


def usable(snapshots: Iterable[int], log_start_offset: int, log_end_offset: int) -> list[int]:
    """Which snapshots (by offset) can serve a log with these bounds, the newest first: try them in this order."""
    return sorted((offset for offset in snapshots if log_start_offset < offset <= log_end_offset), reverse=True)


def strays(snapshots: Collection[int], segment_base_offsets: Collection[int]) -> list[int]:
    """Which snapshots no segment owns and may be removed; the newest stays if it lies beyond all segments (the log's end)."""
    unowned = sorted(set(snapshots) - set(segment_base_offsets))
    if unowned and unowned[-1] > max(segment_base_offsets, default=-1):
        unowned.pop()
    return unowned
