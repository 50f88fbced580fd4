"""Beginning and ending segments: what an append awaits when the active one will not do, and what closing leaves behind.

A roll opens the next file and switches to it; the appends that wait go on at once. What the old segment still needs
is done in the background: both indexes are written and synced, so is the producer state as of the new segment's base
(`.snapshot`), and the segment is flushed, as Kafka does, so that recovery never has to scan more than the last
segments. A crash before that is over costs a longer scan, no more.

A leader epoch is written down before its first record, so that no record can have an epoch that the checkpoint does
not know.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from odradek.log import names, producer_snapshot, recall, transform
from odradek.log.config import LogConfig
from odradek.log.disk_errors import Reach, describe, reach
from odradek.log.errors import BatchLargerThanSegment, LogOffline
from odradek.log.index_entries import CorruptIndex
from odradek.log.reader import run, walk
from odradek.log.recovery import rebuild_indexes
from odradek.log.results import AppendResult
from odradek.log.roll import RollLimits, draw_jitter, roll_limits
from odradek.log.segment import Segment
from odradek.log.surroundings import logger
from odradek.records.batch import BatchHeader

if TYPE_CHECKING:
    from odradek.log.log import Log


def limits_of(segment: Segment, config: LogConfig) -> RollLimits:
    """When this active segment is full."""
    return roll_limits(
        config,
        base_offset=segment.base_offset,
        first_timestamp=segment.first_timestamp,
        created_ms=segment.created_ms,
        jitter_ms=segment.jitter_ms,
        index_full=segment.index_full,
    )


def is_full(segment: Segment, limits: RollLimits, size: int, header: BatchHeader, end_offset: int, now_ms: int) -> bool:
    """Whether the batch has to go to a new segment. An empty segment takes any: a new one would be no better."""
    return segment.size > 0 and (
        segment.size + size > limits.size
        or header.max_timestamp > limits.timestamp
        or end_offset + header.last_offset_delta > limits.last_offset
        or now_ms > limits.now_ms
    )


async def append_in_turn(
    log: Log, batch: bytearray | memoryview, header: BatchHeader, leader_epoch: int, now_ms: int
) -> AppendResult:
    """The append that may wait: for a segment with room, and for its leader epoch. The caller holds the log's turn."""
    if log.offline_reason is not None:
        raise LogOffline(log.name, log.offline_reason)
    config = log.config
    if transform.is_needed(config):
        quick = transform.transform_now(batch, header, config, now_ms)
        batch, header = quick or await transform.transform_aside(batch, header, config, now_ms)
    if len(batch) > config.segment_bytes:
        raise BatchLargerThanSegment(
            f"{log.name}: a batch of {len(batch)} bytes does not fit a segment of {config.segment_bytes} bytes (segment.bytes)"
        )
    try:
        forgetful = log.producers.to_recall(header)
        if forgetful is not None:
            await recall.recall(log, forgetful)
        segment = await segment_for(log, batch, header, now_ms)
        if leader_epoch > log.latest_epoch:
            await begin_epoch(log, leader_epoch)
        file = await log.open_segment(segment)  # it may have been closed for another's sake since
    except OSError as error:
        log.failed(error, "making room for an append")
        raise LogOffline(log.name, describe(error, "making room for an append")) from error
    return log.write(segment, file, batch, header, leader_epoch, now_ms)


async def segment_for(log: Log, batch: bytearray | memoryview, header: BatchHeader, now_ms: int) -> Segment:
    """The active segment, open and with room for the batch. The caller holds the log's turn."""
    active = log.active
    if active is None:
        return await begin_segment(log, now_ms)
    await log.prepare(active)
    if active.first_timestamp is None and active.size:
        cursor = await run(walk(active, 0, active.size, read_size=61), log.prepare)
        active.first_timestamp = cursor.header.max_timestamp if cursor.header is not None else -1
    log.refresh_limits()
    if is_full(active, limits_of(active, log.config), len(batch), header, log.log_end_offset, now_ms):
        return await roll(log, now_ms)
    return active


async def begin_segment(log: Log, now_ms: int) -> Segment:
    """A new, empty active segment at the log's end."""
    surroundings = log.surroundings
    segment = Segment(
        log.directory,
        log.log_end_offset,
        created_ms=now_ms,
        jitter_ms=draw_jitter(log.config, surroundings.prng.random()) if log.config.segment_jitter_ms else 0,
    )
    await log.make_room(segment)
    file = await segment.open_file(surroundings.storage, create=True)
    if file.size:
        logger.warning("leftover file emptied", path=file.path, size=file.size)
        await file.truncate(0)
    segment.start_indexes(log.config)
    log.directory_dirty = True
    log.segments.add(segment)
    log.forget_recent()
    log.refresh_limits()
    await log.admit(segment)
    return segment


async def roll(log: Log, now_ms: int) -> Segment:
    """Switch to a new segment; the old one is finished in the background. The caller holds the log's turn."""
    old = log.segments[-1]
    segment = await begin_segment(log, now_ms)
    old.close_indexes()
    snapshot = encode_producers(log)
    logger.debug("segment rolled", partition=log.name, base_offset=segment.base_offset, previous_size=old.size)
    log.in_background(asyncio.ensure_future(_seal(log, old, segment.base_offset, snapshot)))
    return segment


async def _seal(log: Log, segment: Segment, end_offset: int, snapshot: bytes) -> None:
    try:
        await segment.save_indexes(log.surroundings.storage, sync=True)
        log.surroundings.open_files.admit_indexes(segment)
        await _write_snapshot(log, end_offset, snapshot, sync=True)
        await log.flush(end_offset)
    except LogOffline:
        pass  # said already
    except OSError as error:
        if reach(error) is Reach.DIRECTORY:
            log.failed(error, "finishing a rolled segment")
        else:  # indexes and snapshots are redundant: the next start makes them anew
            logger.warning("segment not finished", partition=log.name, reason=describe(error, "finishing a rolled segment"))


async def finish_rolled(log: Log) -> None:
    """Wait until rolled segments have got all their files: before segments are closed or deleted."""
    if log.background:
        await asyncio.gather(*log.background, return_exceptions=True)


def encode_producers(log: Log) -> bytes:
    """The snapshot of the producers as of the log's end."""
    log.producers.end_offset = log.log_end_offset
    return producer_snapshot.encode(log.producers)


async def _write_snapshot(log: Log, offset: int, snapshot: bytes, *, sync: bool) -> None:
    path = f"{log.directory}/{names.segment_file(offset, names.SNAPSHOT)}"
    await log.surroundings.storage.write_atomically(path, snapshot, sync=sync)
    log.snapshots.add(offset)


async def begin_epoch(log: Log, epoch: int) -> None:
    """Records from the log's end on are written under `epoch`: write it down first."""
    if log.epochs.assign(epoch, log.log_end_offset):
        try:
            await save_epochs(log)
        except OSError:
            log.epochs.truncate_from_end(log.log_end_offset)  # the next append tries again
            raise


async def save_epochs(log: Log) -> None:
    """Write leader-epoch-checkpoint."""
    path = f"{log.directory}/{names.LEADER_EPOCH_CHECKPOINT}"
    await log.surroundings.storage.write_atomically(path, log.epochs.encode(), sync=True)


async def load_or_rebuild_indexes(log: Log, segment: Segment) -> None:
    """The segment's indexes, from their files, or from its batches where these are missing or wrong."""
    try:
        await segment.load_indexes(log.surroundings.storage, log.config)
    except (CorruptIndex, FileNotFoundError) as error:
        logger.warning("index rebuilt", path=segment.path(names.LOG), reason=str(error))
        await rebuild_indexes(log, segment)
        if segment is not log.active:
            segment.close_indexes()
            await segment.save_indexes(log.surroundings.storage, sync=True)
    if segment is not log.active:
        log.surroundings.open_files.admit_indexes(segment)


async def settle(log: Log) -> None:
    """Leave files that say everything, for a start without scanning; then close them. The caller holds the log's turn."""
    await finish_rolled(log)
    try:
        if log.offline_reason is None or log.readable:
            await log.flush()
            await _save_state(log)
    except OSError as error:
        log.failed(error, "closing")
    finally:
        await close_files(log)


async def _save_state(log: Log) -> None:
    active = log.active
    if active is not None and active.offset_index is not None:
        active.close_indexes()  # first: a new largest timestamp alone makes the files out of date
        await active.save_indexes(log.surroundings.storage, sync=True)
    if active is not None and log.log_end_offset not in log.snapshots:
        await _write_snapshot(log, log.log_end_offset, encode_producers(log), sync=False)


async def save_recovered(log: Log) -> None:
    """Write what a start without scanning needs of a log that was recovered and is idle. The caller holds the log's turn."""
    if log.offline_reason is None:
        await log.flush()
        await _save_state(log)
        active = log.active
        if active is not None and active.file is None:
            active.drop_indexes()


async def rest(log: Log) -> None:
    """Hold as little as an idle log needs: no open file, and no index that its file holds too."""
    if log.offline_reason is None:
        for segment in log.segments:
            segment.drop_indexes()
    await close_files(log)


async def close_files(log: Log) -> None:
    """Give all descriptors back."""
    for segment in log.segments:
        if segment.file is not None:
            log.surroundings.open_files.forget(segment)
            await segment.close_file()
