"""Cutting and deleting: the log's start moves up, its end moves back, old segments go.

Order matters where a crash may come in between. Cursors that may not move back are written down before data goes; a
truncation lowers the recovery point on disk before anything is cut, since a log that ends below its recovery point has
lost what had been flushed. Segments go from the oldest on, each renamed to `.deleted` first: what a
crash leaves of that, the next start finishes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from odradek.log import names, rolling
from odradek.log.disk_errors import describe
from odradek.log.errors import LogOffline, OffsetOutOfRange
from odradek.log.reader import Walk, find_batch, run, walk
from odradek.log.replay import replay_producers
from odradek.log.retention import SegmentFacts, deletable
from odradek.log.segment import Segment
from odradek.log.surroundings import logger
from odradek.log.time_index import NO_TIMESTAMP

if TYPE_CHECKING:
    from odradek.log.log import Log

_ROLES: Final = (names.LOG, names.OFFSET_INDEX, names.TIME_INDEX, names.TRANSACTION_INDEX, names.SNAPSHOT)
_TO_THE_END: Final = -1


async def delete_records(log: Log, before_offset: int) -> int:
    """Move the log start up; the new one is on disk when this returns. Raises `LogOffline` when it cannot be written down."""
    if log.offline_reason is not None and not log.readable:
        raise LogOffline(log.name, log.offline_reason)
    target = log.log_end_offset if before_offset == _TO_THE_END else before_offset
    if not 0 <= target <= log.log_end_offset:
        raise OffsetOutOfRange(log.name, target, log.log_start_offset, log.log_end_offset)
    if target and target >= log.log_start_offset:  # equal: an earlier call may have found no room to write it down
        _move_start(log, target)
        try:
            await log.surroundings.checkpoint_starts()
            await _forget_epochs_before(log, target)
        except OSError as error:
            log.failed(error, "moving the log start")
            raise LogOffline(log.name, describe(error, "moving the log start")) from error
    return log.log_start_offset


def _move_start(log: Log, offset: int) -> None:
    log.log_start_offset = offset
    log.producers.on_log_start(offset)
    log.check_cursors()


async def _forget_epochs_before(log: Log, offset: int) -> None:
    """Last of all: as long as a record may come back after a crash, its epoch must be known."""
    if log.epochs.truncate_from_start(offset):
        await rolling.save_epochs(log)


async def retention(log: Log, now_ms: int, upper_bound: int | None) -> int:
    """Delete what the topic's rules release; how many segments."""
    if not log.readable or not len(log.segments):  # offline for lack of space: this is what makes some
        return 0
    facts = await _facts(log, now_ms)
    chosen = deletable(
        facts,
        log.config,
        now_ms=now_ms,
        log_start_offset=log.log_start_offset,
        upper_bound=log.log_end_offset if upper_bound is None else upper_bound,
    )
    if not chosen.segment_count:
        return 0
    if chosen.segment_count == len(log.segments):
        await log.roll()
        await log.surroundings.storage.sync_directory(log.directory)  # or a power cut may leave no segment at all
    if not _still_first(log, facts[: chosen.segment_count]):
        return 0
    logger.info(
        "deleting segments",
        partition=log.name,
        count=chosen.segment_count,
        reason=chosen.reason,
        up_to_offset=facts[chosen.segment_count - 1].end_offset,
    )
    taken = log.segments.take_first(chosen.segment_count)
    first = log.segments[0].base_offset
    if first > log.log_start_offset:
        _move_start(log, first)
    await delete_segments(log, taken)
    await _forget_epochs_before(log, first)
    return len(taken)


def _still_first(log: Log, facts: list[SegmentFacts]) -> bool:
    """Whether the log still begins with these segments and goes on behind them where it did.

    Meanwhile somebody may have cut it; or appended, and what came in before the roll is not as old as what was there.
    """
    bases = [segment.base_offset for segment in list(log.segments)[: len(facts) + 1]]
    return bases == [*(fact.base_offset for fact in facts), facts[-1].end_offset]


async def _facts(log: Log, now_ms: int) -> list[SegmentFacts]:
    """What the choice needs. A segment's age is only asked for while all older ones have expired: the others don't matter."""
    facts: list[SegmentFacts] = []
    segments, log_end = list(log.segments), log.log_end_offset
    expiring = log.config.deletes and log.config.retention_ms >= 0
    for segment, following in zip(segments, [*segments[1:], None], strict=True):
        newest = await _newest_ms(log, segment) if expiring else now_ms
        expiring = expiring and newest < now_ms - log.config.retention_ms
        end = log_end if following is None else following.base_offset
        facts.append(SegmentFacts(segment.base_offset, end, segment.size, newest if expiring else now_ms))
    return facts


async def _newest_ms(log: Log, segment: Segment) -> int:
    """How young the segment is, as Kafka has it: by its largest timestamp, where no batch has one by its file's last change.

    Not by when it was loaded: then a log that is restarted more often than `retention.ms` would be kept for ever.
    """
    if segment.size and segment.max_timestamp == NO_TIMESTAMP:
        await log.prepare(segment)
    if segment.max_timestamp != NO_TIMESTAMP:
        return segment.max_timestamp
    return await log.surroundings.storage.modified_ms(segment.path(names.LOG))


async def delete_segments(log: Log, segments: list[Segment]) -> None:
    """Rename their files to `.deleted` now, close and remove them after `file.delete.delay.ms`."""
    await rolling.finish_rolled(log)
    storage, doomed = log.surroundings.storage, []
    for segment in segments:
        segment.dirty = False  # nobody needs these bytes on disk any more
        log.surroundings.open_files.forget(segment)
        log.snapshots.discard(segment.base_offset)
        for role in _ROLES:
            try:
                await storage.rename(segment.path(role), segment.path(role) + names.DELETED)
            except FileNotFoundError:
                continue
            doomed.append(segment.path(role) + names.DELETED)
    log.directory_dirty = True

    delay_ms, deletions = log.config.file_delete_delay_ms, log.surroundings.deletions

    async def remove() -> None:
        if any(segment.lease.holders for segment in segments):  # somebody still reads: next time
            deletions.add(f"segments of {log.name}", max(delay_ms, 1), remove)
            return
        for segment in segments:
            await segment.close_file()
        for path in doomed:
            await storage.remove(path)

    deletions.add(f"segments of {log.name}", delay_ms, remove)


async def truncate_to(log: Log, offset: int) -> None:
    """Remove everything at or above `offset`. The caller holds the log's turn."""
    if offset >= log.log_end_offset:
        return
    if offset < log.log_start_offset or not len(log.segments) or offset <= log.segments[0].base_offset:
        await truncate_fully_and_start_at(log, offset)
        return
    previous_end = log.log_end_offset
    removed = log.segments.take_from(offset)
    log.cut_count += 1
    log.log_end_offset = offset
    log.durable_offset = min(log.durable_offset, offset)
    await log.surroundings.checkpoint_recovery_points()
    await _cut_active(log, offset)
    await delete_segments(log, removed)
    await _forget_after(log, offset)
    logger.info("log truncated", partition=log.name, end_offset=offset, previous_end_offset=previous_end)


async def _cut_active(log: Log, offset: int) -> None:
    segment = log.segments[-1]
    await log.prepare(segment)
    found = await run(find_batch(segment, offset), log.prepare)
    file = await log.open_segment(segment)
    if found is not None:
        await file.truncate(found[0])
        segment.size = found[0]
        segment.dirty = True
    segment.indexes_saved = False
    if segment.offset_index is not None and segment.time_index is not None:
        segment.offset_index.truncate_to(offset)
        segment.time_index.truncate_to(offset)
    await _relearn_timestamps(log, segment)


async def _relearn_timestamps(log: Log, segment: Segment) -> None:
    """The largest timestamp of what is left: by the time index, and by the batches behind its last entry."""
    offset_index, time_index = segment.offset_index, segment.time_index
    if offset_index is None or time_index is None:
        return
    segment.max_timestamp, segment.max_timestamp_offset = time_index.last_entry
    last = offset_index.lookup(log.log_end_offset).position
    segment.index_after = last + log.config.index_interval_bytes
    if segment.size == 0:
        segment.first_timestamp = None
    cursor: Walk = await run(walk(segment, last, segment.size), log.prepare)
    while cursor.header is not None:
        if cursor.header.max_timestamp > segment.max_timestamp:
            segment.max_timestamp = cursor.header.max_timestamp
            segment.max_timestamp_offset = cursor.header.last_offset
        await run(cursor.step(), log.prepare)


async def _forget_after(log: Log, offset: int) -> None:
    """Epochs, snapshots and producers know nothing beyond `offset` any more, and neither does the recovery point."""
    log.forget_recent()
    log.epochs.truncate_from_end(offset)
    await rolling.save_epochs(log)
    for snapshot in sorted(log.snapshots):
        if snapshot > offset:
            log.snapshots.discard(snapshot)
            await _remove_if_there(log, f"{log.directory}/{names.segment_file(snapshot, names.SNAPSHOT)}")
    await replay_producers(log)
    log.refresh_limits()
    await log.surroundings.checkpoint_recovery_points()
    log.check_cursors()


async def _remove_if_there(log: Log, path: str) -> None:
    try:
        await log.surroundings.storage.remove(path)
    except FileNotFoundError:
        pass


async def truncate_fully_and_start_at(log: Log, offset: int) -> None:
    """Remove everything and begin at `offset`. The caller holds the log's turn."""
    removed = log.segments.take_first(len(log.segments))
    log.cut_count += 1
    log.log_start_offset = log.log_end_offset = log.durable_offset = offset
    await log.surroundings.checkpoint_starts()
    await log.surroundings.checkpoint_recovery_points()
    await delete_segments(log, removed)
    await _forget_after(log, offset)
    logger.info("log emptied", partition=log.name, start_offset=offset, segments=len(removed))
