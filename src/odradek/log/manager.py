"""The logs of one data directory: locked, loaded, recovered, kept in order, closed clean.

Start: take the lock, so that no second process writes here; see whose directory it is (`meta.properties`); take the
clean mark away (from now on a crash is a crash); load every partition directory, several at a time, with a line of
progress every second. While it runs, housekeeping passes by: flushes that are due by `flush.ms`, retention,
checkpoints, producers that expire, deleted files whose delay is over. Close: every log is flushed and settled, the
checkpoints say so, and only then the clean mark is written; a log that could not be closed keeps the mark from being
written, and the next start scans.

One directory, one shard: all calls come from one loop. When the disk fails, all logs go offline with the reason and the
owner is told; nothing is retried.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final

from odradek.aio.storage import FileLock, FileType, Storage
from odradek.base.clock import Clock
from odradek.base.errors import OdradekError
from odradek.base.ids import ZERO_UUID, uuid_to_text
from odradek.base.prng import Prng
from odradek.log import clean_shutdown, names, out_of_space
from odradek.log.checkpoints import TopicPartition
from odradek.log.config import LogConfig
from odradek.log.directory_checkpoints import DirectoryCheckpoints
from odradek.log.errors import InconsistentDirectory
from odradek.log.identity import identify
from odradek.log.loader import Known, load, write_topic_id
from odradek.log.log import Log
from odradek.log.meta_properties import MetaProperties
from odradek.log.results import RecoveryReport
from odradek.log.surroundings import Surroundings, logger

_CLOSE_CONCURRENCY: Final = 16
_PROGRESS_SECONDS: Final = 1.0
_DELETION_PASS_MS: Final = 5000
_IGNORED: Final = frozenset((
    names.METADATA_DIRECTORY, names.META_PROPERTIES, names.CLEAN_SHUTDOWN, names.LOCK, names.RECOVERY_POINT_CHECKPOINT,
    names.LOG_START_CHECKPOINT, names.REPLICATION_CHECKPOINT, names.CLEANER_CHECKPOINT, "bootstrap.checkpoint",
    "metadata.db", "metadata.db-wal", "metadata.db-shm", "lost+found",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class ManagerSettings:
    """Broker configurations that concern logs; times in milliseconds."""

    recovery_concurrency: int = 4
    retention_check_interval_ms: int = 5 * 60_000
    flush_scheduler_interval_ms: int = 1000
    recovery_point_checkpoint_interval_ms: int = 60_000
    log_start_checkpoint_interval_ms: int = 60_000
    producer_id_expiration_ms: int = 86_400_000
    producer_id_expiration_check_interval_ms: int = 600_000
    max_open_segments: int = 4096
    max_index_bytes: int = 64 << 20


class LogManager:
    """Lifecycle: construct, `await start()`, `open_or_create`/`delete`..., `await close()`."""

    def __init__(
        self,
        storage: Storage,
        directory: str,
        *,
        clock: Clock,
        prng: Prng,
        node_id: int | None = None,
        cluster_id: str | None = None,
        settings: ManagerSettings | None = None,
        config_for: Callable[[str], LogConfig] | None = None,
        on_directory_failure: Callable[[str], None] | None = None,
    ) -> None:
        self.settings = settings or ManagerSettings()
        self.directory = directory
        self.logs: dict[TopicPartition, Log] = {}
        self.directory_id = ZERO_UUID
        self.cluster_id = cluster_id or ""
        self.node_id = -1 if node_id is None else node_id
        self.clean = False
        self.offline_reason: str | None = None
        self._given = MetaProperties(cluster_id, node_id)
        self._storage = storage
        self._clock = clock
        self._prng = prng
        self._config_for = config_for or (lambda topic: LogConfig())
        self._on_failure = on_directory_failure
        self._lock: FileLock | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._changing: dict[TopicPartition, asyncio.Future[None]] = {}
        self._surroundings = Surroundings(
            storage, clock, prng, max_open_segments=self.settings.max_open_segments,
            max_index_bytes=self.settings.max_index_bytes,
        )  # fmt: skip
        self._checkpoints = DirectoryCheckpoints(storage, directory, self.logs)
        self._surroundings.directory_failed = self._directory_failed
        self._surroundings.checkpoint_starts = self._checkpoint_starts
        self._surroundings.checkpoint_recovery_points = self._checkpoint_recovery_points

    # -- start ----------------------------------------------------------------------------------------------------

    async def start(self) -> list[RecoveryReport]:
        """Lock the directory, check or write meta.properties, load every partition found there.

        Raises LockedError, InconsistentDirectory, CorruptMetaProperties, OSError. A partition that cannot be loaded is
        offline, not an exception.
        """
        await self._make_directory()
        self._lock = await self._storage.lock(self._path(names.LOCK))
        try:
            identity = await identify(self._storage, self.directory, self._given, self._prng)
            self.node_id, self.cluster_id = identity.node_id or 0, identity.cluster_id or ""
            self.directory_id = identity.directory_id or ZERO_UUID
            self.clean = await self._take_clean_mark()
            reports = await self._load_all(await self._partition_directories())
            await self._checkpoint_first()
        except BaseException:
            self._lock.release()
            self._lock = None
            raise
        self._begin_housekeeping()
        return reports

    async def _make_directory(self) -> None:
        """Make the data directory if it is missing, so that it lasts: a directory's name is in its parent.

        Its own name is synced at every start: the start that made it may have been killed before it came to that.
        """
        parents = [os.path.dirname(self.directory) or "."]
        path = os.path.dirname(self.directory)
        while path and not await self._storage.exists(path):
            parents.append(os.path.dirname(path) or ".")
            path = os.path.dirname(path)
        await self._storage.make_directory(self.directory)
        for parent in reversed(parents):
            try:
                await self._storage.sync_directory(parent)
            except OSError as error:  # a parent that is not ours to open: whoever made the directory answers for its name
                if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS, errno.EINVAL):
                    raise
                logger.debug("the data directory's parent cannot be synced", path=parent, reason=str(error))

    async def _take_clean_mark(self) -> bool:
        path = self._path(names.CLEAN_SHUTDOWN)
        if not await self._storage.exists(path):
            return False
        await self._storage.remove(path)
        await self._storage.sync_directory(self.directory)
        return True

    async def _partition_directories(self) -> list[TopicPartition]:
        found: list[TopicPartition] = []
        async for entry in self._storage.list_directory(self.directory):
            path = self._path(entry.name)
            if entry.name in _IGNORED or names.is_stray_directory(entry.name):
                continue
            if entry.name.endswith(names.TEMPORARY) and entry.kind is FileType.FILE:
                await self._storage.remove(path)
            elif names.is_deleted_directory(entry.name):
                self._surroundings.deletions.add_tree(path, 0)
            elif entry.kind is FileType.DIRECTORY and (parsed := names.parse_partition_directory(entry.name)):
                found.append(parsed)
            else:
                logger.warning("unknown name in the data directory left alone", path=path)
        return sorted(found)

    async def _load_all(self, found: list[TopicPartition]) -> list[RecoveryReport]:
        points = await self._checkpoints.read(names.RECOVERY_POINT_CHECKPOINT)
        starts = await self._checkpoints.read(names.LOG_START_CHECKPOINT)
        slots = asyncio.Semaphore(self.settings.recovery_concurrency)
        reports: list[RecoveryReport] = []

        async def one(key: TopicPartition) -> None:
            async with slots:
                log = Log(key[0], key[1], ZERO_UUID, self._path(names.partition_directory(*key)), self._config_for(key[0]),
                          self._surroundings)  # fmt: skip
                self.logs[key] = log
                point = None if points is None else points.get(key, 0)
                known = Known(self.clean, point, (starts or {}).get(key))
                reports.append(await self._load_one(log, known))

        progress = asyncio.ensure_future(self._tell_progress(reports, len(found)))
        try:
            await asyncio.gather(*map(one, found))
        finally:
            progress.cancel()
        return reports

    async def _load_one(self, log: Log, known: Known) -> RecoveryReport:
        try:
            report = await load(log, known)
        except (OSError, OdradekError) as error:
            log.go_offline(f"cannot be loaded: {error}", readable=False)
            return RecoveryReport(log.topic, log.partition, False, 0, 0, str(error))
        if report.truncated_bytes:
            logger.warning(
                "recovered with loss of a torn tail", partition=log.name, end_offset=log.log_end_offset,
                truncated_bytes=report.truncated_bytes, reason=report.truncated_reason,
            )  # fmt: skip
        return report

    async def _tell_progress(self, reports: list[RecoveryReport], total: int) -> None:
        began = self._clock.monotonic()
        while True:
            await asyncio.sleep(_PROGRESS_SECONDS)
            scanned = sum(report.scanned_bytes for report in reports)
            logger.info(
                "loading logs", done=len(reports), of=total, scanned_mib=scanned >> 20, clean=self.clean,
                seconds=round(self._clock.monotonic() - began, 1),
            )  # fmt: skip

    # -- partitions -----------------------------------------------------------------------------------------------

    async def open_or_create(self, topic: str, partition: int, topic_id: bytes, config: LogConfig) -> Log:
        """The partition's log, made if there is none: offline if the disk refuses it. Raises InconsistentDirectory, OSError."""
        async with self._alone((topic, partition)):
            log = self.logs.get((topic, partition))
            if log is not None:
                return await self._adopt(log, topic_id, config)
            directory = self._path(names.partition_directory(topic, partition))
            log = Log(topic, partition, topic_id, directory, config, self._surroundings)
            await out_of_space.make_or_wait(log)
            self.logs[topic, partition] = log
            return log

    @asynccontextmanager
    async def _alone(self, key: TopicPartition) -> AsyncIterator[None]:
        """Nobody else makes or deletes this partition meanwhile: a topic made anew waits until the old one is gone."""
        while key in self._changing:
            await asyncio.wait([self._changing[key]])
        self._changing[key] = done = asyncio.get_running_loop().create_future()
        try:
            yield
        finally:
            del self._changing[key]
            done.set_result(None)

    async def _adopt(self, log: Log, topic_id: bytes, config: LogConfig) -> Log:
        if log.topic_id == ZERO_UUID:
            log.topic_id = topic_id
            await write_topic_id(log)
        elif log.topic_id != topic_id:
            raise InconsistentDirectory(
                f"{log.directory} holds topic id {uuid_to_text(log.topic_id)}, the metadata says {uuid_to_text(topic_id)}"
            )
        log.configure(config)
        return log

    async def delete(self, topic: str, partition: int) -> None:
        """The partition is gone at once; its directory is renamed, and removed after file.delete.delay.ms."""
        taken = await self._take_away(topic, partition, names.deleted_directory)
        if taken is not None:
            log, path = taken
            self._surroundings.deletions.add_tree(path, log.config.file_delete_delay_ms)

    async def set_aside(self, topic: str, partition: int) -> None:
        """Keep a partition's data out of the way, as `topic-partition.<hex>-stray`: it belongs to no topic that is known."""
        taken = await self._take_away(topic, partition, names.stray_directory)
        if taken is not None:
            logger.warning("partition set aside", partition=taken[0].name, path=taken[1])

    async def _take_away(
        self, topic: str, partition: int, new_name: Callable[[str, int, bytes], str]
    ) -> tuple[Log, str] | None:
        """Close the log and rename its directory; the log and its directory's new path, None when there is no such log."""
        async with self._alone((topic, partition)):
            log = self.logs.pop((topic, partition), None)
            if log is None:
                return None
            await log.abandon()
            path = self._path(new_name(topic, partition, self._prng.getrandbits(128).to_bytes(16, "big")))
            await self._storage.rename(log.directory, path)
            await self._storage.sync_directory(self.directory)
            return log, path

    # -- housekeeping ---------------------------------------------------------------------------------------------

    def _begin_housekeeping(self) -> None:
        settings = self.settings
        for interval_ms, work in (
            (settings.retention_check_interval_ms, self.run_retention),
            (settings.flush_scheduler_interval_ms, self.run_flushes),
            (settings.flush_scheduler_interval_ms, self.run_upkeep),
            (settings.recovery_point_checkpoint_interval_ms, self._checkpoint_recovery_points),
            (settings.log_start_checkpoint_interval_ms, self._checkpoint_starts),
            (settings.producer_id_expiration_check_interval_ms, self.run_expiry),
            (_DELETION_PASS_MS, self._surroundings.deletions.run_due),
        ):
            self._tasks.append(asyncio.ensure_future(self._every(interval_ms, work)))

    async def _every(self, interval_ms: int, work: Callable[[], Awaitable[object]]) -> None:
        while True:
            await asyncio.sleep(interval_ms / 1000)
            try:
                await work()
            except (OSError, OdradekError) as error:
                logger.error("housekeeping failed", work=getattr(work, "__name__", str(work)), reason=str(error))

    async def run_retention(self) -> int:
        """Delete what the topics' rules release; how many segments."""
        now_ms = self._clock.now_ms()
        deleted = 0
        for log in list(self.logs.values()):
            with _one_of_many(log, "retention"):
                deleted += await log.retention(now_ms)
        return deleted

    async def run_flushes(self) -> int:
        """Flush the logs whose oldest unflushed record is older than flush.ms; how many."""
        now_ms = self._clock.now_ms()
        due = [
            log
            for log in self.logs.values()
            if log.durable_offset < log.log_end_offset
            and log.offline_reason is None
            and now_ms - log.flushed_ms >= log.config.flush_ms
        ]
        for log in due:
            with _one_of_many(log, "flush"):
                await log.flush()
        return len(due)

    async def run_upkeep(self) -> int:
        """Bring back partitions that ran out of space once there is some; make files closable when too many are open."""
        short = [log for log in self.logs.values() if log.offline_reason is not None and log.readable]
        free = await self._storage.free_bytes(self.directory) if short else 0
        for log in short:
            if out_of_space.has_room(log, free):
                with _one_of_many(log, "coming back"):
                    await out_of_space.come_back(log)
        if len(self._surroundings.open_files) > self._surroundings.open_files.limit:
            for log in [log for log in self.logs.values() if log.durable_offset < log.log_end_offset and log.readable]:
                with _one_of_many(log, "flush"):
                    await log.flush()  # only flushed segments may be closed
        return len(short)

    async def run_expiry(self) -> int:
        """Forget producers that were silent for producer.id.expiration.ms; how many."""
        now_ms = self._clock.now_ms()
        return sum(log.producers.expire(now_ms, self.settings.producer_id_expiration_ms) for log in self.logs.values())

    async def checkpoint(self) -> None:
        """Write all three checkpoint files."""
        await self._checkpoint_recovery_points()
        await self._checkpoint_starts()

    async def _checkpoint_recovery_points(self) -> None:
        if self.offline_reason is None:
            await self._checkpoints.write_recovery_points()

    async def _checkpoint_starts(self) -> None:
        if self.offline_reason is None:
            await self._checkpoints.write_log_starts()

    async def _checkpoint_first(self) -> None:
        """From the first moment on there is a recovery point: partitions that are not in the file have 0."""
        try:
            await self.checkpoint()
        except OSError as error:  # a full disk can still be read
            logger.warning("no checkpoint written", directory=self.directory, reason=str(error))

    # -- the end --------------------------------------------------------------------------------------------------

    async def close(self, *, mark: bool = True) -> None:
        """Flush everything, write checkpoints and (with `mark`) the clean mark, give back the lock. Idempotent."""
        lock, self._lock = self._lock, None
        if lock is None:
            return
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            if await self._close_logs(self.logs.values()) and self.offline_reason is None and mark:
                await self.checkpoint()
                content = clean_shutdown.encode(clean_shutdown.UNKNOWN_EPOCH)
                await self._storage.write_atomically(self._path(names.CLEAN_SHUTDOWN), content)
        except OSError as error:  # no room: nothing is lost, the next start looks at the logs anew
            logger.warning("not marked as closed clean: the next start will scan", directory=self.directory, reason=str(error))
        finally:
            lock.release()

    async def _close_logs(self, logs: Iterable[Log]) -> bool:
        """Whether every log could be closed with all its data on disk."""
        slots = asyncio.Semaphore(_CLOSE_CONCURRENCY)

        async def one(log: Log) -> bool:
            sound = log.offline_reason is None
            async with slots:
                try:
                    await log.close()
                except (OSError, OdradekError) as error:
                    logger.error("log could not be closed clean", partition=log.name, reason=str(error))
                    return False
            return sound and log.durable_offset == log.log_end_offset

        return all(await asyncio.gather(*map(one, list(logs))))

    def _directory_failed(self, reason: str) -> None:
        if self.offline_reason is not None:
            return
        self.offline_reason = reason
        logger.error("data directory offline", directory=self.directory, reason=reason)
        for log in self.logs.values():
            log.go_offline(f"its data directory failed: {reason}", readable=False)
        if self._on_failure is not None:
            self._on_failure(reason)

    def _path(self, name: str) -> str:
        return f"{self.directory}/{name}"


@contextmanager
def _one_of_many(log: Log, work: str) -> Iterator[None]:
    """What fails for one log is said, and the logs after it get their turn all the same."""
    try:
        yield
    except (OSError, OdradekError) as error:
        logger.error("housekeeping failed", work=work, partition=log.name, reason=str(error))
