"""A topic's bounds on its records' timestamps (`message.timestamp.before.max.ms` and `.after.max.ms`, KIP-937).

Kafka looks at every record. The header's first and largest timestamp bound them all, but for records that are older than the
first of their batch, and looking at these two costs nothing: so a good batch's records stay unread (decision 5). Only where
the header is refused are the records read, to name those that are to blame (KIP-467) as Kafka does; and since this is done in
the turn of the loop, only where that is quick for certain. The refusal is the same without names. Where a topic has its
records looked at anyway, `record_check` asks the same of each.
"""

from __future__ import annotations

from typing import Final

from odradek.records.errors import NAMED_RECORDS_MAX, InvalidTimestamp, RecordError, RecordsError
from odradek.records.header import NO_TIMESTAMP, BatchHeader, Buffer

# Two milliseconds at most, measured.
_READ_RECORDS_MAX: Final = 4_000
_UNPACKED_MAX: Final = 1 << 20


def check_timestamps(batch: Buffer, header: BatchHeader, *, now_ms: int, before_max_ms: int, after_max_ms: int) -> None:
    """Raise `InvalidTimestamp` unless the batch's first and largest timestamp lie within the topic's bounds around `now_ms`.

    For topics whose `message.timestamp.type` is CreateTime; `batch` is the whole batch of this `header`, times are
    milliseconds. A batch without timestamps (-1) passes, as in Kafka.
    """
    oldest, newest = now_ms - before_max_ms, now_ms + after_max_ms
    first, largest = header.base_timestamp, header.max_timestamp
    if oldest <= first <= largest <= newest:
        return
    for name, timestamp in (("first", first), ("largest", largest)):
        if timestamp != NO_TIMESTAMP and not oldest <= timestamp <= newest:
            raise InvalidTimestamp(
                f"the batch's {name} timestamp {timestamp} is outside [{oldest}, {newest}] "
                "(message.timestamp.before.max.ms, message.timestamp.after.max.ms)",
                _outside(batch, header, oldest, newest),
            )


def out_of_bounds(place: int, timestamp: int, oldest: int, newest: int) -> RecordError:
    """How such a record is told."""
    return RecordError(place, f"timestamp {timestamp} is outside [{oldest}, {newest}]")


def _outside(batch: Buffer, header: BatchHeader, oldest: int, newest: int) -> tuple[RecordError, ...]:
    """The records that are out of bounds, if finding them is quick; a batch that cannot be read names none."""
    if header.record_count > _READ_RECORDS_MAX:
        return ()
    from odradek.records.record import read_timestamps  # the codecs' libraries: not at start-up

    named: list[RecordError] = []
    try:
        for index, timestamp in enumerate(read_timestamps(batch, header, limit=_UNPACKED_MAX)):
            if timestamp != NO_TIMESTAMP and not oldest <= timestamp <= newest:
                named.append(out_of_bounds(index, timestamp, oldest, newest))
                if len(named) == NAMED_RECORDS_MAX:
                    break
    except RecordsError:
        return ()
    return tuple(named)
