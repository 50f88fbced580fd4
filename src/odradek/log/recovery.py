"""Reading segments after a crash, and doing what `recovery_scan` decides.

The scan goes over every segment from the one that holds the recovery point: batches are checked, both indexes rebuilt,
leader epochs and producer state brought up to date, all in one pass over the bytes. At the first fault it looks at what
follows, in the segment and in the later ones, and truncates, sets aside, or reports damage (`DamagedLog`), which takes
the partition offline and leaves every byte where it is.

Set aside means: bytes are copied to `<segment>.<position>.damaged` before they are cut, later segments are renamed to
`<segment>.damaged`. Nothing reads these files again; they are for whoever investigates.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import TYPE_CHECKING, Final, NamedTuple

from odradek.aio.storage import File
from odradek.log import names
from odradek.log.errors import LogError
from odradek.log.followers import WINDOW, Request, follower
from odradek.log.recovery_scan import (
    SECTOR,
    Fault,
    Finding,
    SegmentScan,
    Visit,
    holds_zero_sector,
    is_unwritten,
    judge,
)
from odradek.log.segment import Segment
from odradek.log.surroundings import logger
from odradek.records.batch import BatchHeader
from odradek.records.control import EndTransactionMarker, read_marker
from odradek.records.errors import RecordsError

if TYPE_CHECKING:
    from odradek.log.log import Log

_CHUNK: Final = 4 << 20  # what a scan reads at once
_INLINE: Final = 256 << 10  # a larger stretch is searched in a thread: the loop has other partitions to load


class DamagedLog(LogError):
    """Data that may have been acknowledged has changed: nothing was cut. Carries where."""

    code = 56

    def __init__(self, path: str, position: int, reason: str) -> None:
        super().__init__(f"{path} is damaged at position {position}: {reason}; nothing was cut (`odradek log verify`)")
        self.path = path
        self.position = position


class Recovered(NamedTuple):
    """What a recovery did."""

    end_offset: int
    scanned_bytes: int
    truncated_bytes: int
    reason: str


async def scan_file(file: File, base_offset: int, size: int, visit: Visit) -> SegmentScan:
    """Walk a segment's batches up to the end or the first fault."""
    scan = SegmentScan(base_offset, size, visit)
    buffer = bytearray(min(_CHUNK, size))
    while not scan.done:
        wanted = min(max(_CHUNK, scan.wanted), size - scan.position)
        if len(buffer) < wanted:
            buffer = bytearray(wanted)
        count = await file.read_into(scan.position, memoryview(buffer)[:wanted])
        if count < min(scan.wanted, size - scan.position):
            scan.fault = Fault(scan.position, scan.next_offset, "the file is shorter than it was", True)
            break
        scan.feed(memoryview(buffer)[:count])
    return scan


async def scan_segment(log: Log, segment: Segment, visit: Visit) -> SegmentScan:
    """As `scan_file`, for a segment of `log`; its file stays open meanwhile."""
    file = await log.open_segment(segment)
    segment.lease.holders += 1
    try:
        return await scan_file(file, segment.base_offset, segment.size, visit)
    finally:
        segment.lease.holders -= 1


async def rebuild_indexes(log: Log, segment: Segment) -> None:
    """Indexes of a segment that is otherwise sound, from its batches."""
    shadow = Segment(segment.directory, segment.base_offset, size=segment.size)
    shadow.start_indexes(log.config)
    interval = log.config.index_interval_bytes

    def visit(position: int, header: BatchHeader, batch: memoryview) -> None:
        shadow.note(position, header.last_offset, header.max_timestamp, interval)

    scan = await scan_segment(log, segment, visit)
    if scan.fault is not None:
        logger.error(
            "damage met while rebuilding an index", path=segment.path(names.LOG), position=scan.fault.position,
            reason=scan.fault.reason,
        )  # fmt: skip
    segment.take_indexes_of(shadow)


async def recover(log: Log, start_index: int, recovery_point: int | None) -> Recovered:
    """Scan from the `start_index`-th segment on; afterwards every byte of the log is a whole, sound batch.

    `recovery_point` is None where no checkpoint tells. Raises `DamagedLog`, leaving everything as it is, also when all
    batches are sound and the log ends below the recovery point all the same.
    """
    next_offset, scanned, index = log.segments[start_index].base_offset, 0, start_index
    while index < len(log.segments):
        segment = log.segments[index]
        if index > start_index and _is_gap(log, next_offset, segment, recovery_point):
            reason = f"the segment before {segment.base_offset} ends at {next_offset}: its last writes were lost"
            return await _drop_from(log, index, next_offset, scanned, reason)
        scan = await _scan_segment(log, segment)
        scanned += scan.position
        next_offset = scan.next_offset
        if scan.fault is not None:
            cut = await _treat(log, index, scan, recovery_point or 0)
            return Recovered(next_offset, scanned, cut, scan.fault.reason)
        index += 1
    check_end(log, next_offset, recovery_point)
    return Recovered(next_offset, scanned, 0, "")


def check_end(log: Log, end_offset: int, recovery_point: int | None) -> None:
    """Raise `DamagedLog` when what had been flushed is not there. What lies below the log start is nobody's loss."""
    end = max(end_offset, log.log_start_offset)
    if end >= (recovery_point or 0):
        return
    held = [segment for segment in log.segments if segment.size]
    path, position = (held[-1].path(names.LOG), held[-1].size) if held else (log.directory, 0)
    raise DamagedLog(
        path, position, f"the log ends at offset {end}, below the recovery point {recovery_point}: "
        f"offsets {end} to {(recovery_point or 0) - 1} had been flushed and are missing; "
        "bring the files back, or accept the loss (`odradek log repair`)",
    )  # fmt: skip


def _is_gap(log: Log, next_offset: int, segment: Segment, recovery_point: int | None) -> bool:
    """Whether batches are missing before `segment`: after a power cut the file before it may have lost its end whole.

    Compaction leaves gaps too, and so may anything if no checkpoint tells what was on disk: these are no faults. Dropping
    an empty segment behind a gap loses nothing in any case.
    """
    if segment.base_offset <= next_offset or log.config.is_compacted:
        return False
    return (recovery_point or 0) <= next_offset and (segment.size == 0 or recovery_point is not None)


async def _scan_segment(log: Log, segment: Segment) -> SegmentScan:
    segment.start_indexes(log.config)
    segment.first_timestamp = None
    interval = log.config.index_interval_bytes
    epochs, producers = log.epochs, log.producers

    def visit(position: int, header: BatchHeader, batch: memoryview) -> None:
        segment.note(position, header.last_offset, header.max_timestamp, interval)
        if header.leader_epoch > epochs.latest_epoch:
            epochs.assign(header.leader_epoch, header.base_offset)
        if header.producer_id >= 0 and header.base_offset >= producers.end_offset:
            producers.replay(header, marker_of(batch, header))

    scan = await scan_segment(log, segment, visit)
    segment.dirty = True  # whether the page cache has reached the disk, nobody knows
    return scan


def marker_of(batch: memoryview, header: BatchHeader) -> EndTransactionMarker | None:
    """What a control batch says; None for any other, and for one that cannot be read."""
    if not header.is_control:
        return None
    try:
        return read_marker(batch, header)
    except RecordsError as error:
        logger.warning("unreadable control batch", offset=header.base_offset, reason=str(error))
        return None


async def _treat(log: Log, index: int, scan: SegmentScan, recovery_point: int) -> int:
    """Do what the fault calls for; how many bytes were cut."""
    segment, fault = log.segments[index], scan.fault
    if fault is None:
        return 0
    file = await log.open_segment(segment)
    following, zeros = await _look_behind(file, segment.base_offset, segment.size, fault)
    zeros = zeros or is_unwritten(await file.read(fault.position, SECTOR - fault.position % SECTOR), fault.next_offset)
    later = any(other.size for other in log.segments.since(segment.base_offset)[1:])
    finding = judge(
        fault,
        recovery_point=recovery_point,
        valid_after=following is not None or later,
        gap=zeros or (fault.beyond_end and following is None),
    )
    if finding is Finding.DAMAGE:
        where = f"valid batches follow at position {following}" if following is not None else "valid segments follow"
        below = f"below the recovery point {recovery_point}" if fault.next_offset < recovery_point else where
        raise DamagedLog(file.path, fault.position, f"{fault.reason}; {below}")
    if finding is Finding.HOLE:
        await _set_aside(log, segment, file, fault.position)
    cut = segment.size - fault.position
    await file.truncate(fault.position)
    segment.size = fault.position
    dropped = await _drop_from(log, index + 1, fault.next_offset, 0, fault.reason)
    logger.warning(
        "log truncated",
        partition=log.name,
        path=file.path,
        position=fault.position,
        bytes=cut + dropped.truncated_bytes,
        end_offset=fault.next_offset,
        finding=finding.value,
        reason=fault.reason,
    )
    return cut + dropped.truncated_bytes


async def _look_behind(file: File, base_offset: int, size: int, fault: Fault) -> tuple[int | None, bool]:
    """(position of the next valid batch behind the fault, whether a zeroed sector lies between)."""
    plan = follower(fault, base_offset, size)
    request, found = _step(plan, None)
    while request is not None:
        data = await file.read(*request)
        if len(data) > _INLINE:
            request, found = await asyncio.to_thread(_step, plan, data)
        else:
            request, found = _step(plan, data)
    # To the end of the sector in which the next batch begins: its first bytes may be zeros of that sector too.
    edge = size if found is None else min(found + -found % SECTOR, size)
    position = fault.position + 1
    while position < edge:
        window = await file.read(position, min(WINDOW - position % SECTOR, edge - position))
        if not window:
            break
        if holds_zero_sector(window, position, ends_file=found is None and position + len(window) >= size):
            return found, True
        position += len(window)
    return found, False


def _step(
    plan: Generator[Request, bytes | bytearray, int | None], data: bytes | bytearray | None
) -> tuple[Request | None, int | None]:
    """What the plan wants to read next, or what it has found."""
    try:
        return (next(plan) if data is None else plan.send(data)), None
    except StopIteration as stop:
        return None, stop.value


async def _set_aside(log: Log, segment: Segment, file: File, position: int) -> None:
    """Copy what is about to be cut."""
    storage = log.surroundings.storage
    path = f"{segment.path(names.LOG)}.{position}{names.DAMAGED}"
    copy = await storage.open(path, create=True, truncate=True)
    try:
        for start in range(position, segment.size, _CHUNK):
            await copy.write(start - position, await file.read(start, min(_CHUNK, segment.size - start)))
        await copy.flush()
    finally:
        await copy.close()
    log.directory_dirty = True


async def _drop_from(log: Log, index: int, next_offset: int, scanned: int, reason: str) -> Recovered:
    """Take the segments from `index` on out of the log; their bytes are set aside."""
    storage = log.surroundings.storage
    dropped = log.segments.since(log.segments[index].base_offset) if index < len(log.segments) else []
    for segment in dropped:
        log.surroundings.open_files.forget(segment)
        await segment.close_file()
        if segment.size:
            await storage.rename(segment.path(names.LOG), segment.path(names.LOG) + names.DAMAGED)
            logger.warning("segment set aside", path=segment.path(names.LOG), bytes=segment.size, reason=reason)
        else:
            await storage.remove(segment.path(names.LOG))
        log.directory_dirty = True
    if dropped:
        log.segments.take_from(dropped[0].base_offset)
    return Recovered(next_offset, scanned, sum(segment.size for segment in dropped), reason if dropped else "")
