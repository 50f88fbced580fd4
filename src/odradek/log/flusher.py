"""Making a log durable: one flush at a time, shared by all who wait (group commit).

A flush takes the log's end as it begins, syncs every segment that holds unsynced bytes, oldest first, then the
directory if a name in it is new, and only then moves the durable offset up to that end. Who asks while one runs waits
for the next, which begins at once when this one ends; so however many wait, two fdatasyncs at most lie before each of
them.

A failed fdatasync is never tried again: the directory goes offline, and everybody who waits is told.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from odradek.log.errors import LogOffline

if TYPE_CHECKING:
    from odradek.log.log import Log


class Flusher:
    """One log's flushes. `durable_offset` itself is the log's."""

    __slots__ = ("_log", "_running", "flush_count")

    def __init__(self, log: Log) -> None:
        self._log = log
        self._running: asyncio.Task[None] | None = None
        self.flush_count = 0

    async def flush(self, up_to: int | None) -> None:
        """Return once the durable offset has reached `up_to` (None: the log's end now). Raises `LogOffline`."""
        log = self._log
        target = log.log_end_offset if up_to is None else min(up_to, log.log_end_offset)
        while log.durable_offset < target or (up_to is None and log.directory_dirty):
            if log.offline_reason is not None and not log.readable:
                raise LogOffline(log.name, log.offline_reason)
            if self._running is None:
                self._running = asyncio.ensure_future(self._run())
                self._running.add_done_callback(_look_at)
            await asyncio.shield(self._running)
            target = min(target, log.log_end_offset)  # a truncation may have taken what was asked for

    async def _run(self) -> None:
        try:
            await self._flush_once()
        finally:
            self._running = None

    async def _flush_once(self) -> None:
        log = self._log
        end, cuts = log.log_end_offset, log.cut_count
        try:
            for segment in log.segments.since(log.durable_offset):
                if segment.dirty:
                    size = segment.size
                    file = await log.open_segment(segment)
                    await file.flush()
                    segment.dirty = segment.size != size or log.cut_count != cuts
            await self._sync_directory()
        except OSError as error:
            log.failed(error, "flushing")
            raise LogOffline(log.name, log.offline_reason or str(error)) from error
        self.flush_count += 1
        if log.cut_count == cuts:  # else there may be other bytes below `end` than those that were synced
            log.durable_offset = max(log.durable_offset, end)
        log.flushed_ms = log.surroundings.clock.now_ms()

    async def _sync_directory(self) -> None:
        log = self._log
        if log.directory_dirty:
            log.directory_dirty = False
            try:
                await log.surroundings.storage.sync_directory(log.directory)
            except OSError:
                log.directory_dirty = True
                raise


def _look_at(task: asyncio.Task[None]) -> None:
    """Take note of the outcome, so that asyncio does not complain when all who waited have gone away."""
    if not task.cancelled():
        task.exception()
