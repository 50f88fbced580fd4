"""A partition's log: its cursors, and the append.

Invariants: `log_start_offset <= log_end_offset`; `durable_offset <= log_end_offset`; every byte of every segment
belongs to a whole batch; offsets ascend over all segments. Whatever fails, these hold, because an append changes
cursors only after the write has succeeded, and a failed write leaves the file as it was (`aio`).

Two ways to append. `append_now` does everything in one turn of the loop: three comparisons, the producer check, the
patch, one system call, the cursors. Whenever that is not enough (a segment has to be rolled or opened, an epoch to be
written down) it answers `NEEDS_ROLL`, and the caller awaits `append`, which takes turns in the order of the calls;
until the line is empty `append_now` keeps answering `NEEDS_ROLL`, so that nobody overtakes.

Lifecycle: made by `loader.load`, which fills it; `close()` once. One shard's object, all calls from its loop. What is
longer than a few lines lives beside it: reading in `reader` and `lookup`, flushing in `flusher`, rolling in `rolling`,
cutting and deleting in `maintenance`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from odradek.aio.storage import File
from odradek.base.errors import check
from odradek.log import lookup, maintenance, rolling, transform
from odradek.log.config import LogConfig
from odradek.log.disk_errors import Reach, describe, reach
from odradek.log.epoch_cache import EpochCache, EpochEnd
from odradek.log.errors import LogOffline, OffsetOutOfRange
from odradek.log.flusher import Flusher
from odradek.log.producer_state import OutOfOrderSequence, ProducerState
from odradek.log.reader import Bounds, run, run_now, slice_plan
from odradek.log.results import (
    EMPTY_SLICE,
    NEEDS_ROLL,
    AppendResult,
    FoundTimestamp,
    NeedsRoll,
    RecoveryReport,
    Slice,
    WouldBlock,
)
from odradek.log.roll import RollLimits
from odradek.log.segment import Segment
from odradek.log.segments import Segments
from odradek.log.surroundings import Surroundings, logger
from odradek.log.turn import Turn
from odradek.records.batch import CONTROL, LOG_APPEND_TIME, BatchHeader, check_timestamps, patch

_RECENT_MAX: Final = 32  # positions remembered of the newest batches: where consumers at the end of the log ask
_NOT_NOW: Final = -2  # no leader epoch is this: `append_now` gives way


class Log:
    """One partition on disk; see the module."""

    __slots__ = (
        "_after_max_ms", "_before_max_ms", "_fast_epoch", "_flush_messages", "_flusher", "_index_interval", "_limits",
        "_loading", "_recent", "_transforms", "background", "config", "cut_count", "directory", "directory_dirty",
        "durable_offset", "epochs", "flushed_ms", "log_end_offset", "log_start_offset", "name", "offline_reason",
        "partition", "producers", "readable", "recovery", "segments", "snapshots", "surroundings", "topic",
        "topic_id", "turn",
    )  # fmt: skip

    def __init__(
        self, topic: str, partition: int, topic_id: bytes, directory: str, config: LogConfig, surroundings: Surroundings
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.topic_id = topic_id
        self.name = f"{topic}-{partition}"
        self.directory = directory
        self.surroundings = surroundings
        self.segments = Segments()
        self.epochs = EpochCache()
        self.producers = ProducerState(self.name)
        self.snapshots: set[int] = set()  # offsets of the .snapshot files that exist
        self.log_start_offset = 0
        self.log_end_offset = 0
        self.durable_offset = 0  # what the last finished fdatasync covers
        self.cut_count = 0  # how often the end was moved back
        self.directory_dirty = False  # a name in the directory is not synced yet
        self.flushed_ms = 0
        self.offline_reason: str | None = None
        self.readable = True  # false when offline for more than lack of space
        self.recovery: RecoveryReport | None = None
        self.background: set[asyncio.Task[None]] = set()
        self._flusher = Flusher(self)
        self.turn = Turn(self)
        self._loading = asyncio.Lock()
        self._fast_epoch = _NOT_NOW
        self._limits = RollLimits(-1, -1, -1, -1)
        self._recent: dict[int, int] = {}
        self.configure(config)

    # -- configuration and state ----------------------------------------------------------------------------------

    def configure(self, config: LogConfig) -> None:
        """Take a new configuration; it holds from the next append on."""
        self.config = config
        self._transforms = transform.is_needed(config)
        self._index_interval = config.index_interval_bytes
        self._flush_messages = config.flush_messages
        stamps = config.stamps_append_time
        self._before_max_ms = config.message_timestamp_before_max_ms if not stamps else 1 << 63
        self._after_max_ms = config.message_timestamp_after_max_ms if not stamps else 1 << 63
        self.refresh_limits()

    @property
    def size_bytes(self) -> int:
        """Bytes of all segments' log files."""
        return self.segments.size

    @property
    def active(self) -> Segment | None:
        return self.segments[-1] if len(self.segments) else None

    @property
    def flush_due(self) -> bool:
        """Whether `flush.messages` demands a flush before the next answer, whatever its acks."""
        return self.log_end_offset - self.durable_offset >= self._flush_messages

    @property
    def latest_epoch(self) -> int:
        """The leader epoch of the newest entry; -1 when there is none."""
        return self.epochs.latest_epoch

    def refresh_limits(self) -> None:
        """Work out anew when the active segment is full."""
        active = self.active
        if active is not None and active.is_ready:
            self._limits = rolling.limits_of(active, self.config)
        else:
            self._limits = RollLimits(-1, -1, -1, -1)

    def slow_down(self) -> None:
        """From now on `append_now` gives way."""
        self._fast_epoch = _NOT_NOW

    def speed_up(self) -> None:
        """`append_now` may do its work again, for the newest leader epoch."""
        if self.offline_reason is None and len(self.segments):
            self._fast_epoch = self.latest_epoch
            self.refresh_limits()

    def failed(self, error: OSError, doing: str) -> None:
        """The disk failed while `doing`: go offline as far as the failure reaches."""
        how_far, reason = reach(error), describe(error, doing)
        if how_far is Reach.REQUEST:
            logger.warning("short of resources", partition=self.name, reason=reason)
            return
        self.go_offline(reason, readable=how_far is Reach.NO_SPACE)
        if how_far is Reach.DIRECTORY:
            self.surroundings.directory_failed(reason)

    def go_offline(self, reason: str, *, readable: bool) -> None:
        """Take no more appends; the first reason stays, unless a graver one comes."""
        if self.offline_reason is None or (self.readable and not readable):
            self.offline_reason = reason
            self.readable = readable
            logger.error("partition offline", partition=self.name, reason=reason, readable=readable)
        self.slow_down()

    # -- appending ------------------------------------------------------------------------------------------------

    def append_now(
        self, batch: bytearray | memoryview, header: BatchHeader, *, leader_epoch: int, now_ms: int
    ) -> AppendResult | NeedsRoll:
        """Append one checked batch in this turn of the loop, or answer `NEEDS_ROLL`: then await `append`.

        `batch` is patched in place and may be reused at once. Raises RecordsError, ProducerStateError or LogError, each
        with a Kafka `code`; the log is then unchanged.
        """
        if leader_epoch != self._fast_epoch:
            return NEEDS_ROLL
        segment = self.segments[-1]
        if segment.file is None:
            return NEEDS_ROLL
        if self._transforms:
            transformed = transform.transform_now(batch, header, self.config, now_ms)
            if transformed is None:
                return NEEDS_ROLL
            batch, header = transformed
        position = segment.size
        size_max, offset_max, timestamp_max, now_max = self._limits
        if (
            position + len(batch) > size_max
            or header.max_timestamp > timestamp_max
            or self.log_end_offset + header.last_offset_delta > offset_max
            or now_ms > now_max
        ):
            return NEEDS_ROLL
        try:
            return self.write(segment, segment.file, batch, header, leader_epoch, now_ms)
        except OutOfOrderSequence:
            if self.producers.to_recall(header) is None:
                raise
            return NEEDS_ROLL  # `append` looks into the log before it refuses

    async def append(
        self, batch: bytearray | memoryview, header: BatchHeader, *, leader_epoch: int, now_ms: int
    ) -> AppendResult:
        """As `append_now`, rolling and opening files as needed; callers are served in the order of their calls."""
        async with self.turn:
            return await rolling.append_in_turn(self, batch, header, leader_epoch, now_ms)

    def write(
        self,
        segment: Segment,
        file: File,
        batch: bytearray | memoryview,
        header: BatchHeader,
        leader_epoch: int,
        now_ms: int,
    ) -> AppendResult:
        """The append proper: check, patch, write, and only then move the cursors."""
        _, _, _, _, _, attributes, delta, first_timestamp, max_timestamp, producer_id, _, sequence, _ = header
        if max_timestamp > now_ms + self._after_max_ms or first_timestamp < now_ms - self._before_max_ms:
            before_max_ms, after_max_ms = self._before_max_ms, self._after_max_ms
            check_timestamps(batch, header, now_ms=now_ms, before_max_ms=before_max_ms, after_max_ms=after_max_ms)
        numbered = producer_id >= 0 and not attributes & CONTROL
        if numbered:
            known = self.producers.check(header, check_sequence=sequence >= 0)
            if known is not None:
                return AppendResult(known.first_offset, known.last_offset, known.timestamp, self.log_start_offset, True)
        first_offset = self.log_end_offset
        last_offset = first_offset + delta
        position = segment.size
        patch(batch, 0, first_offset, leader_epoch)
        try:
            file.write_now(batch, position)
        except OSError as error:
            self.failed(error, f"appending at position {position}")
            raise LogOffline(self.name, describe(error, f"appending at position {position}")) from error
        segment.size = position + len(batch)
        segment.dirty = segment.used = True
        self.log_end_offset = last_offset + 1
        if max_timestamp > segment.max_timestamp:
            segment.max_timestamp = max_timestamp
            segment.max_timestamp_offset = last_offset
        if position > segment.index_after or position == 0:
            self._index(segment, position, last_offset, max_timestamp)
        recent = self._recent
        if len(recent) >= _RECENT_MAX:
            recent.clear()
        recent[first_offset] = position
        if numbered:
            self.producers.update(header, first_offset, max_timestamp)
        append_time_ms = now_ms if attributes & LOG_APPEND_TIME else -1
        return AppendResult(first_offset, last_offset, append_time_ms, self.log_start_offset)

    def _index(self, segment: Segment, position: int, last_offset: int, max_timestamp: int) -> None:
        """The batch gets index entries, or is a segment's first: either may change when the segment is full."""
        segment.note(position, last_offset, max_timestamp, self._index_interval)
        if position == 0 or segment.index_full:
            self.refresh_limits()

    def read_slice(self, offset: int, max_bytes: int, end_offset: int, *, min_one_batch: bool = True) -> Slice | WouldBlock:
        """Whole batches from the one that holds `offset`, below `end_offset`, within `max_bytes` but for the first one.

        `WOULD_BLOCK` when finding them needs the disk: then await `read_slice_cold`. Empty when there is nothing to
        read, or when not even one batch fits and `min_one_batch` is false. Raises `OffsetOutOfRange`, `LogOffline`.
        """
        self._check_readable(offset)
        end = self.log_end_offset
        if offset >= end_offset or offset == end:
            return EMPTY_SLICE
        position = self._recent.get(offset)
        if position is not None and end_offset >= end:
            segment = self.segments[-1]
            size = segment.size - position
            if size <= max_bytes and segment.file is not None:
                segment.used = True
                return Slice(segment.file, position, size, segment.lease)
        return run_now(slice_plan(self.segments, self._recent, end, Bounds(offset, end_offset, max_bytes, min_one_batch)))

    async def read_slice_cold(self, offset: int, max_bytes: int, end_offset: int, *, min_one_batch: bool = True) -> Slice:
        """As `read_slice`, waiting for the disk where needed."""
        self._check_readable(offset)
        if offset >= end_offset or offset == self.log_end_offset:
            return EMPTY_SLICE
        bounds = Bounds(offset, end_offset, max_bytes, min_one_batch)
        try:
            return await run(slice_plan(self.segments, self._recent, self.log_end_offset, bounds), self.prepare)
        except OSError as error:
            self._check_readable(offset)  # retention may have taken the segment meanwhile
            raise self._reading_failed(error) from error

    def _check_readable(self, offset: int) -> None:
        if self.offline_reason is not None and not self.readable:
            raise LogOffline(self.name, self.offline_reason)
        if not self.log_start_offset <= offset <= self.log_end_offset:
            raise OffsetOutOfRange(self.name, offset, self.log_start_offset, self.log_end_offset)

    async def offset_for_timestamp(self, timestamp: int) -> FoundTimestamp | None:
        """The first record at or after `timestamp` (epoch ms); None when all are older."""
        return await self._look_up(lambda: lookup.offset_for_timestamp(self, timestamp))

    async def max_timestamp(self) -> FoundTimestamp | None:
        """The first record with the largest timestamp (KIP-734); None in a log without timestamps."""
        return await self._look_up(lambda: lookup.max_timestamp(self))

    async def _look_up(self, look: Callable[[], Awaitable[FoundTimestamp | None]]) -> FoundTimestamp | None:
        if self.offline_reason is not None and not self.readable:
            raise LogOffline(self.name, self.offline_reason)
        start = self.log_start_offset
        try:
            return await look()
        except OSError as error:
            if start != self.log_start_offset:  # retention has taken a segment meanwhile: look at what is left
                return await self._look_up(look)
            raise self._reading_failed(error) from error

    def _reading_failed(self, error: OSError) -> LogOffline:
        self.failed(error, "reading")
        return LogOffline(self.name, describe(error, "reading"))

    def end_offset_for_epoch(self, epoch: int) -> EpochEnd:
        """Where a leader epoch ended, as OffsetsForLeaderEpoch answers; (-1, -1) when unknown."""
        return self.epochs.end_offset_for(epoch, self.log_end_offset)

    async def open_segment(self, segment: Segment) -> File:
        """The segment's file, opened if need be; others are closed to keep within the limit."""
        if segment.file is not None:
            return segment.file
        await self.make_room(segment)
        file = await segment.open_file(self.surroundings.storage)
        await self.admit(segment)
        return file

    async def make_room(self, segment: Segment) -> None:
        """Before one more file is opened where too many are not flushed: wait for that. A flush does not wait for flushes."""
        if self.surroundings.open_files.is_crowded and not segment.dirty:
            await self.surroundings.make_closable()
            await self.surroundings.open_files.close_idle()

    async def admit(self, segment: Segment) -> None:
        """The segment's file is open now: close others that are idle if there are too many, and it stays open meanwhile."""
        self.surroundings.open_files.admit(segment)
        segment.lease.holders += 1
        try:
            await self.surroundings.open_files.close_idle()
        finally:
            segment.lease.holders -= 1

    async def prepare(self, segment: Segment) -> None:
        """Open the segment and load its indexes, rebuilding them from the log where they are missing or wrong."""
        if segment.is_ready:
            return
        await self.open_segment(segment)
        if segment.offset_index is None:
            async with self._loading:
                if segment.offset_index is None:
                    await rolling.load_or_rebuild_indexes(self, segment)

    async def flush(self, up_to: int | None = None) -> None:
        """Return once `durable_offset >= up_to` (default: the log end at the call). Shared by all who wait."""
        await self._flusher.flush(up_to)

    # -- the log's life -------------------------------------------------------------------------------------------

    async def truncate_to(self, offset: int) -> None:
        """Remove everything at or above `offset`, as a follower does that diverged from its leader."""
        async with self.turn:
            await maintenance.truncate_to(self, offset)

    async def truncate_fully_and_start_at(self, offset: int) -> None:
        """Remove everything and begin at `offset`."""
        async with self.turn:
            await maintenance.truncate_fully_and_start_at(self, offset)

    async def delete_records(self, before_offset: int) -> int:
        """Move the log start up to `before_offset` (-1: the log end); the new log start. Raises `OffsetOutOfRange`."""
        return await maintenance.delete_records(self, before_offset)

    async def retention(self, now_ms: int, *, upper_bound: int | None = None) -> int:
        """Delete the segments that the topic's rules release below `upper_bound` (the high watermark); how many."""
        return await maintenance.retention(self, now_ms, upper_bound)

    async def roll(self) -> None:
        """Begin a new segment now, unless the active one is empty."""
        async with self.turn:
            active = self.active
            if active is not None and active.size:
                await self.prepare(active)
                await rolling.roll(self, self.surroundings.clock.now_ms())

    async def save(self) -> None:
        """Leave files as `close` does, and go on."""
        async with self.turn:
            await rolling.save_recovered(self)

    async def close(self) -> None:
        """Flush, write indexes and a snapshot, close files. The log can then be loaded without scanning."""
        async with self.turn:
            await rolling.settle(self)
            self._quiet()

    async def abandon(self) -> None:
        """Close files and nothing else: the log is being deleted, or its disk has failed."""
        async with self.turn:
            self._quiet()
            await rolling.close_files(self)

    def _quiet(self) -> None:
        self.readable = False
        self.offline_reason = self.offline_reason or "closed"
        self.slow_down()

    def forget_recent(self) -> None:
        """Remembered positions hold no longer: another segment is active now, or the log was cut."""
        self._recent.clear()

    def in_background(self, task: asyncio.Task[None]) -> None:
        """Keep a task that `close` must wait for."""
        self.background.add(task)
        task.add_done_callback(self.background.discard)

    def check_cursors(self) -> None:
        """The invariants, as a check."""
        check(
            0 <= self.log_start_offset <= self.log_end_offset and self.durable_offset <= self.log_end_offset,
            "a log's cursors have crossed",
            log=self.name,
            start=self.log_start_offset,
            durable=self.durable_offset,
            end=self.log_end_offset,
        )
