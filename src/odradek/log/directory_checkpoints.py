"""The checkpoint files of a data directory: what they said at the start, and what the logs say now.

Recovery points are durable offsets: below them nothing has to be scanned after a crash. Log starts are only written
where DeleteRecords moved one into a segment, as Kafka does. The high watermark is, on one node, the log's end.

A log that is offline after its load has cursors that mean nothing: what the files said of it is written again as it was,
however often the node starts. A lower recovery point would let the next start call damage a torn tail, and cut it.
Nor may a partition that is made anew inherit what the files say of a deleted one with its name: `forget` comes first.

A line means that the partition has a directory (`missing` relies on it): a log whose making found no room has none, and
whoever takes a directory away calls `forget` before. A file is written by one at a time, and for all who have asked before it
is begun: a thousand topics that are deleted at once cost two writes, not a thousand.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from odradek.aio.storage import Storage
from odradek.log import checkpoints, names
from odradek.log.checkpoints import TopicPartition
from odradek.log.missing import Lines, Missing
from odradek.log.shared import Shared
from odradek.log.surroundings import logger

if TYPE_CHECKING:
    from odradek.log.loader import Known
    from odradek.log.log import Log


class DirectoryCheckpoints:
    """One directory's; `logs` is the manager's table, read whenever a file is written.

    Once the disk has failed (`is_halted`) nothing is written: what is in memory may promise more than the disk holds.
    """

    __slots__ = ("_directory", "_kept", "_logs", "_named", "_points", "_starts", "_storage", "is_halted", "missing")

    def __init__(self, storage: Storage, directory: str, logs: Mapping[TopicPartition, Log]) -> None:
        self._storage = storage
        self._directory = directory
        self._logs = logs
        self._kept: dict[TopicPartition, tuple[Log, Known]] = {}
        self._named: dict[str, Collection[TopicPartition]] = {}
        self._points = Shared(self._write_recovery_points)
        self._starts = Shared(self._write_log_starts)
        self.missing: dict[
            TopicPartition, Missing
        ] = {}  # lines without a directory, as long as nobody has opened a log for them
        self.is_halted = False

    def keep(self, log: Log, known: Known) -> None:
        """As long as `log` is not `loaded`, the files go on saying what they said of it."""
        self._kept[log.topic, log.partition] = log, known

    def loaded(self, log: Log) -> None:
        """From now on the log's own cursors are written."""
        self._kept.pop((log.topic, log.partition), None)

    def _kept_of(self, key: TopicPartition, log: Log) -> Known | None:
        kept = self._kept.get(key)
        return kept[1] if kept is not None and kept[0] is log else None

    async def forget(self, *keys: TopicPartition) -> None:
        """Partitions that are no longer among the logs, or not yet: the files name them no more. Raises OSError."""
        if any(key in self._named.get(names.LOG_START_CHECKPOINT, ()) for key in keys):
            await self.write_log_starts()
        recovery = (names.RECOVERY_POINT_CHECKPOINT, names.REPLICATION_CHECKPOINT)
        if any(key in self._named.get(name, ()) for key in keys for name in recovery):
            await self.write_recovery_points()

    async def read_all(self) -> Lines:
        """What the files say, at a start."""
        return Lines(
            await self._read(names.RECOVERY_POINT_CHECKPOINT),
            await self._read(names.LOG_START_CHECKPOINT),
            await self._read(names.REPLICATION_CHECKPOINT),
        )

    async def _read(self, name: str) -> dict[TopicPartition, int] | None:
        """None when nothing can be known: the file is missing (every start writes one) or makes no sense."""
        path = f"{self._directory}/{name}"
        try:
            found = checkpoints.decode_offsets(await self._storage.read_bytes(path, limit=1 << 28))
        except FileNotFoundError:
            return None
        except checkpoints.CorruptCheckpoint as error:
            logger.warning("checkpoint cannot be read and is taken for missing", path=path, reason=str(error))
            return None
        self._named[name] = frozenset(found)
        return found

    async def write_recovery_points(self) -> None:
        """Also the high watermarks, `replication-offset-checkpoint`."""
        await self._points.run()

    async def write_log_starts(self) -> None:
        await self._starts.run()

    async def _write_recovery_points(self) -> None:
        points = {key: gone.recovery_point for key, gone in self.missing.items()}
        ends = {key: gone.high_watermark for key, gone in self.missing.items()}
        for key, log in self._logs.items():
            known = self._kept_of(key, log)
            if known is not None:
                points[key] = known.recovery_point or 0
                ends[key] = max(log.log_end_offset, points[key])
            elif log.recovery is not None:  # else it has no directory yet
                points[key], ends[key] = log.durable_offset, log.log_end_offset
        await self._write(names.RECOVERY_POINT_CHECKPOINT, points)
        await self._write(names.REPLICATION_CHECKPOINT, ends)

    async def _write_log_starts(self) -> None:
        moved = {key: gone.log_start_offset for key, gone in self.missing.items() if gone.log_start_offset}
        for key, log in self._logs.items():
            known = self._kept_of(key, log)
            if known is not None:
                if known.log_start_offset is not None:
                    moved[key] = known.log_start_offset
            elif log.log_start_offset > (log.segments[0].base_offset if len(log.segments) else 0):
                moved[key] = log.log_start_offset
        await self._write(names.LOG_START_CHECKPOINT, moved)

    async def _write(self, name: str, offsets: Mapping[TopicPartition, int]) -> None:
        if self.is_halted:
            return
        await self._storage.write_atomically(f"{self._directory}/{name}", checkpoints.encode_offsets(offsets))
        self._named[name] = frozenset(offsets)
