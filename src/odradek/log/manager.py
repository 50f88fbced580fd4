"""The logs of one data directory: locked, loaded, recovered, kept in order, closed clean.

Start: take the lock, so that no second process writes here; see whose directory it is (`meta.properties`); then `opening`
takes the clean mark and loads what is there. While it runs, `housekeeping` passes by. Close: every log is flushed and
settled, the checkpoints say so, and only then the clean mark is written; a log that could not be closed keeps the mark
from being written, and the next start scans.

One directory, one shard: all calls come from one loop. When the disk fails, all logs go offline with the reason and the
owner is told; nothing is retried.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from odradek.aio.storage import FileLock, Storage
from odradek.base.clock import Clock
from odradek.base.errors import OdradekError
from odradek.base.ids import ZERO_UUID, uuid_to_text
from odradek.base.prng import Prng
from odradek.log import clean_shutdown, missing, names, opening, out_of_space
from odradek.log.checkpoints import TopicPartition
from odradek.log.config import LogConfig
from odradek.log.directory_checkpoints import DirectoryCheckpoints
from odradek.log.errors import InconsistentDirectory
from odradek.log.housekeeping import Housekeeping
from odradek.log.identity import identify
from odradek.log.loader import Known
from odradek.log.log import Log
from odradek.log.manager_settings import ManagerSettings
from odradek.log.meta_properties import MetaProperties
from odradek.log.missing import Missing
from odradek.log.results import RecoveryReport
from odradek.log.surroundings import Surroundings, logger

_AT_ONCE_PER_SCAN: Final = 8  # logs loaded or closed at a time, mostly waiting, for each that is scanned at length


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
        self._prng = prng
        self._config_for = config_for or (lambda topic: LogConfig())
        self._on_failure = on_directory_failure
        self._lock: FileLock | None = None
        self._changing: dict[TopicPartition, asyncio.Future[None]] = {}
        self._surroundings = Surroundings(
            storage, clock, prng, max_open_segments=self.settings.max_open_segments,
            max_index_bytes=self.settings.max_index_bytes,
        )  # fmt: skip
        self._checkpoints = DirectoryCheckpoints(storage, directory, self.logs)
        self._unheard_of: list[str] | None = []  # partitions made while the owner opens those that it knows
        self._surroundings.directory_failed = self._directory_failed
        self._surroundings.checkpoint_starts = self._checkpoints.write_log_starts
        self._surroundings.checkpoint_recovery_points = self._checkpoints.write_recovery_points
        self._surroundings.forget_checkpoints = self._checkpoints.forget
        self.housekeeping = Housekeeping(directory, self.logs, self._surroundings, self._checkpoints, self.settings)

    # -- start ----------------------------------------------------------------------------------------------------

    async def start(self, settings: Callable[[], Awaitable[ManagerSettings]] | None = None) -> list[RecoveryReport]:
        """Lock the directory, check or write meta.properties, load every partition found there.

        `settings` is asked in between, when the directory is known to be ours: what is kept in it may tell.
        Raises LockedError, InconsistentDirectory, CorruptMetaProperties, OSError. A partition that cannot be loaded is
        offline, not an exception.
        """
        await opening.make_directory(self._storage, self.directory)
        self._lock = await self._storage.lock(self._path(names.LOCK))
        try:
            identity = await identify(self._storage, self.directory, self._given, self._prng)
            self.node_id, self.cluster_id = identity.node_id or 0, identity.cluster_id or ""
            self.directory_id = identity.directory_id or ZERO_UUID
            if settings is not None:
                self.configure(await settings())
            self.clean = await opening.take_clean_mark(self._storage, self.directory)
            reports = await self._load_all()
            await self._checkpoint_first()
        except BaseException:
            self._lock.release()
            self._lock = None
            raise
        self.housekeeping.begin()
        return reports

    async def _load_all(self) -> list[RecoveryReport]:
        found = await opening.list_directory(self._storage, self.directory, self._surroundings.deletions)
        lines = await self._checkpoints.read_all()
        self.missing.update(missing.find(lines, found.partitions, found.deleted, clean=self.clean))
        self._surroundings.scan_slots = asyncio.Semaphore(self.settings.recovery_concurrency)
        return await opening.load_all(
            found.partitions, self._found, self._checkpoints, lines, clean=self.clean,
            concurrency=self.settings.recovery_concurrency * _AT_ONCE_PER_SCAN, clock=self._surroundings.clock,
        )  # fmt: skip

    @property
    def missing(self) -> dict[TopicPartition, Missing]:
        """Partitions that the checkpoints know, without a directory; each leaves when it is opened, and is offline then."""
        return self._checkpoints.missing

    def _found(self, key: TopicPartition) -> Log:
        directory = self._path(names.partition_directory(*key))
        log = self.logs[key] = Log(*key, ZERO_UUID, directory, self._config_for(key[0]), self._surroundings)
        return log

    def configure(self, settings: ManagerSettings) -> None:
        """Take other settings, as far as a running manager heeds them; see there."""
        self.settings = self.housekeeping.settings = settings

    # -- partitions -----------------------------------------------------------------------------------------------

    async def open_or_create(self, topic: str, partition: int, topic_id: bytes, config: LogConfig) -> Log:
        """The partition's log, made if there is none. Raises InconsistentDirectory, OSError.

        Offline if the disk refuses it, or if it is not new and its directory is missing (`missing`).
        """
        async with self._alone((topic, partition)):
            log = self.logs.get((topic, partition))
            if log is not None:
                return await self._adopt(log, topic_id, config)
            directory = self._path(names.partition_directory(topic, partition))
            log = Log(topic, partition, topic_id, directory, config, self._surroundings)
            gone = self.missing.get((topic, partition))
            if gone is None:
                await out_of_space.make_or_wait(log)
                if self._unheard_of is not None:
                    self._unheard_of.append(log.name)
            else:
                missing.take_offline(log, gone)
                self._checkpoints.keep(log, Known(False, gone.recovery_point, gone.log_start_offset or None))
                del self.missing[topic, partition]
            self.logs[topic, partition] = log
            return log

    async def opened_all(self) -> None:
        """The owner has opened all partitions that it knows of: from now on those it opens are new."""
        if self._unheard_of:
            logger.warning(
                "partitions made, empty: the metadata has them, neither directories nor checkpoints do",
                count=len(self._unheard_of), first=", ".join(sorted(self._unheard_of)[:10]),
            )  # fmt: skip
        self._unheard_of = None
        for key, gone in self.missing.items():
            logger.error("data of no known topic is missing", partition=names.partition_directory(*key), reason=gone.reason)
        forgotten = list(self.missing)
        self.missing.clear()
        await self._forget(forgotten)

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
            await out_of_space.take_topic_id(log, topic_id)
        elif log.topic_id != topic_id:
            raise InconsistentDirectory(
                f"{log.directory} holds topic id {uuid_to_text(log.topic_id)}, the metadata says {uuid_to_text(topic_id)}"
            )
        log.configure(config)
        return log

    async def delete(self, topic: str, *partitions: int) -> None:
        """They are gone at once; their directories are renamed, and removed after file.delete.delay.ms."""
        for log, path in await self._take_away([(topic, partition) for partition in partitions], names.deleted_directory):
            self._surroundings.deletions.add_tree(path, log.config.file_delete_delay_ms)

    async def set_aside(self, topic: str, partition: int) -> None:
        """Keep a partition's data out of the way, as `topic-partition.<hex>-stray`: it belongs to no topic that is known."""
        for log, path in await self._take_away([(topic, partition)], names.stray_directory):
            logger.warning("partition set aside", partition=log.name, path=path)

    async def _take_away(
        self, keys: Collection[TopicPartition], new_name: Callable[[str, int, bytes], str]
    ) -> list[tuple[Log, str]]:
        """Close logs and rename their directories: each log that was there, with its directory's new path.

        The checkpoints forget them first: a line without a directory is a loss.
        """
        async with AsyncExitStack() as alone:
            for key in sorted(keys):
                await alone.enter_async_context(self._alone(key))
            for key in keys:
                self.missing.pop(key, None)
            gone = [log for key in keys if (log := self.logs.pop(key, None)) is not None]
            for log in gone:
                await log.abandon()
            await self._forget(keys)
            moved = [(log, path) for log in gone if (path := await self._rename(log, new_name)) is not None]
            if moved:
                await self._storage.sync_directory(self.directory)
            return moved

    async def _rename(self, log: Log, new_name: Callable[[str, int, bytes], str]) -> str | None:
        """The directory's new path; None where there is no directory."""
        path = self._path(new_name(log.topic, log.partition, self._prng.getrandbits(128).to_bytes(16, "big")))
        try:
            await self._storage.rename(log.directory, path)
        except FileNotFoundError:
            logger.warning("the directory of a partition that goes is missing", partition=log.name, path=log.directory)
            return None
        return path

    async def _forget(self, keys: Collection[TopicPartition]) -> None:
        try:
            await self._checkpoints.forget(*keys)
        except OSError as error:  # a full disk: what makes room must not wait for it
            logger.warning("no checkpoint written", directory=self.directory, reason=str(error))

    # -- checkpoints ----------------------------------------------------------------------------------------------

    async def checkpoint(self) -> None:
        """Write all three checkpoint files."""
        await self._checkpoints.write_recovery_points()
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
        try:
            await self.housekeeping.end()
            if await self._close_logs(self.logs.values()) and self.offline_reason is None and mark:
                await self.checkpoint()
                content = clean_shutdown.encode(clean_shutdown.UNKNOWN_EPOCH)
                await self._storage.write_atomically(self._path(names.CLEAN_SHUTDOWN), content)
        except OSError as error:  # no room: nothing is lost, the next start looks at the logs anew
            logger.warning("not marked as closed clean: the next start will scan", directory=self.directory, reason=str(error))
        finally:
            lock.release()

    def abandon(self) -> None:
        """Give back the lock and nothing else, as a crash would: the owner's loop is closed, and nothing can be awaited."""
        lock, self._lock = self._lock, None
        if lock is not None:
            lock.release()

    async def _close_logs(self, logs: Iterable[Log]) -> bool:
        """Whether every log could be closed with all its data on disk."""
        slots = asyncio.Semaphore(self.settings.recovery_concurrency * _AT_ONCE_PER_SCAN)

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
        self._checkpoints.is_halted = True
        logger.error("data directory offline", directory=self.directory, reason=reason)
        for log in self.logs.values():
            log.go_offline(f"its data directory failed: {reason}", readable=False)
        if self._on_failure is not None:
            self._on_failure(reason)

    def _path(self, name: str) -> str:
        return f"{self.directory}/{name}"
