"""The records of a produced batch, walked: do they make sense, and does the topic take each of them?

Only for batches whose records are looked at anyway (decision 5): of compacted topics, and those that another codec packs. The
walk costs half of reading the records, which is most of what recompressing a batch costs. What makes no sense is
`InvalidRecord` at once; records that break a topic's rule are all named (KIP-467), up to a number that is enough to refuse the
batch. A record without a key is told for that alone, and one bad timestamp makes the whole refusal one of timestamps: Kafka's
`LogValidator` does so.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from odradek.records.batch import NO_TIMESTAMP, BatchHeader
from odradek.records.errors import NAMED_RECORDS_MAX, InvalidRecord, InvalidTimestamp, KeysMissing, RecordError
from odradek.records.record import cut_record, decode_headers, left_over, long_record, odd_record, read_varint
from odradek.records.timestamps import out_of_bounds

_FOREVER: Final = 1 << 80  # beyond what a varint can tell


class RecordRules(NamedTuple):
    """What a topic asks of each record: a key, since without one compaction could never tell what a record replaces, and a
    timestamp (epoch ms) between two, both included, or none at all (-1)."""

    require_keys: bool = False
    oldest: int = -_FOREVER
    newest: int = _FOREVER


NO_RULES: Final = RecordRules()


def check_records(block: bytes, header: BatchHeader, rules: RecordRules = NO_RULES) -> None:
    """Raise `InvalidRecord` unless the block holds what the header announces, offset deltas counting up from 0.

    Raises `KeysMissing` or `InvalidTimestamp` where `rules` are broken; `block` is unpacked.
    """
    require_keys, oldest, newest = rules
    base = header.base_timestamp
    lowest, highest = oldest - base, newest - base
    keyless: list[int] = []
    late: list[RecordError] = []
    position = 0
    try:
        for index in range(header.record_count):
            position, delta, has_key = _check_record(block, position, index)
            if lowest <= delta <= highest and (has_key or not require_keys):
                continue
            if require_keys and not has_key:
                keyless.append(index)
            elif base + delta != NO_TIMESTAMP:
                late.append(out_of_bounds(index, base + delta, oldest, newest))
            if len(keyless) + len(late) == NAMED_RECORDS_MAX:
                raise _refusal(keyless, late, header, rules)
    except IndexError:
        raise cut_record(block) from None
    if position != len(block):
        raise left_over(block, position, header)
    if keyless or late:
        raise _refusal(keyless, late, header, rules)


def _refusal(
    keyless: list[int], late: list[RecordError], header: BatchHeader, rules: RecordRules
) -> InvalidRecord | InvalidTimestamp:
    missing = KeysMissing(keyless, header.record_count) if keyless else None
    if missing is not None and not late:
        return missing
    return InvalidTimestamp(
        f"{len(late)} of the batch's {header.record_count} records have timestamps outside [{rules.oldest}, {rules.newest}] "
        "(message.timestamp.before.max.ms, message.timestamp.after.max.ms)",
        tuple(sorted([*late, *(missing.record_errors if missing else ())])),
    )


def _check_record(block: bytes, position: int, index: int) -> tuple[int, int, bool]:
    """The `index`-th record, which begins at `position`: where it ends, its timestamp's delta, and whether it has a key.

    `IndexError` when the block ends first.
    """
    length, position = read_varint(block, position)
    end = position + length
    if end > len(block) or length < 0:
        raise long_record(block, position, length)
    timestamp_delta, position = read_varint(block, position + 1)
    offset_delta, position = read_varint(block, position)
    if offset_delta != index:
        raise InvalidRecord(f"record {index} has offset delta {offset_delta}")
    key_size, position = read_varint(block, position)
    if key_size > 0:
        position += key_size
    elif key_size < -1:
        raise InvalidRecord(f"a field of {key_size} bytes at byte {position}")
    size, position = read_varint(block, position)
    if size > 0:
        position += size
    elif size < -1:
        raise InvalidRecord(f"a field of {size} bytes at byte {position}")
    header_count, position = read_varint(block, position)
    if header_count:
        _, position = decode_headers(block, position, end, header_count)
    if position != end:
        raise odd_record(length, position - end + length)
    return end, timestamp_delta, key_size >= 0
