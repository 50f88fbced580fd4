"""From a time to an offset: what ListOffsets asks.

The time index names, for a timestamp, an offset before which nothing is that young; from there batches are walked by
their headers' largest timestamps, and only the one batch that holds the answer is decoded, which is the one place where
reading looks at records.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from odradek.log.reader import Need, Plan, run, walk
from odradek.log.results import FoundTimestamp
from odradek.log.segment import Segment
from odradek.records.batch import BatchHeader

if TYPE_CHECKING:
    from odradek.log.log import Log


async def offset_for_timestamp(log: Log, timestamp: int) -> FoundTimestamp | None:
    """The first record at or above the log start whose timestamp is at or after `timestamp`."""
    for segment in log.segments.since(log.log_start_offset):
        await log.prepare(segment)
        if segment.max_timestamp >= timestamp:
            found = await run(_first_since(segment, timestamp, log.log_start_offset), log.prepare)
            if found is not None:
                return found
    return None


async def max_timestamp(log: Log) -> FoundTimestamp | None:
    """The first record that carries the largest timestamp of the log."""
    best: Segment | None = None
    for segment in log.segments.since(log.log_start_offset):
        await log.prepare(segment)
        if segment.max_timestamp >= 0 and (best is None or segment.max_timestamp > best.max_timestamp):
            best = segment
    if best is None:
        return None
    return await run(_first_since(best, best.max_timestamp, log.log_start_offset), log.prepare)


def _first_since(segment: Segment, timestamp: int, start_offset: int) -> Plan[FoundTimestamp | None]:
    yield Need(segment, 0, 0)
    if segment.time_index is None or segment.offset_index is None:
        return None
    earliest = max(segment.time_index.lookup(timestamp).offset, start_offset)
    cursor = yield from walk(segment, segment.offset_index.lookup(earliest).position, segment.size)
    while cursor.header is not None:
        header = cursor.header
        if header.max_timestamp >= timestamp and header.last_offset >= start_offset:
            batch = yield Need(segment, cursor.position, header.size)
            found = _first_record(bytes(batch), header, timestamp, start_offset)
            if found is not None:
                return found
        yield from cursor.step()
    return None


def _first_record(batch: bytes, header: BatchHeader, timestamp: int, start_offset: int) -> FoundTimestamp | None:
    from odradek.records.record import read_records  # the codecs' libraries: not at start-up

    for record in read_records(batch, header):
        if record.timestamp >= timestamp and record.offset >= start_offset:
            return FoundTimestamp(record.offset, record.timestamp, header.leader_epoch)
    return None
