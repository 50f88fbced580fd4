"""What passes by all logs of a directory while it runs: flushes by time, retention, checkpoints, expiry, upkeep, deletions.

Each kind of work has its interval and its task, so that a slow one (retention that deletes a terabyte) holds up none of
the others. What fails for one log is said, with the log's name, and the logs after it get their turn all the same; what
fails as a whole is said and tried again at the next interval. Nothing here decides: which segments may go is `retention`'s
to say, what is due is the topic's `flush.ms`, when a partition may come back is `out_of_space`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from odradek.base.errors import OdradekError
from odradek.log import out_of_space
from odradek.log.shared import Shared
from odradek.log.surroundings import Surroundings, logger

if TYPE_CHECKING:
    from odradek.log.checkpoints import TopicPartition
    from odradek.log.directory_checkpoints import DirectoryCheckpoints
    from odradek.log.log import Log
    from odradek.log.manager_settings import ManagerSettings

_DELETION_PASS_MS: Final = 5000
_FLUSH_CONCURRENCY: Final = 16
_SAVED_AT_ONCE: Final = 100  # every second


class Housekeeping:
    """One directory's: `begin()` once its logs are loaded, `await end()` before they are closed.

    `logs` is the manager's table, read anew at every pass. Each pass can also be called by itself.
    """

    def __init__(
        self,
        directory: str,
        logs: Mapping[TopicPartition, Log],
        surroundings: Surroundings,
        checkpoints: DirectoryCheckpoints,
        settings: ManagerSettings,
    ) -> None:
        self._directory = directory
        self._logs = logs
        self._surroundings = surroundings
        self._checkpoints = checkpoints
        self.settings = settings
        self._recovered: list[Log] = []  # logs that would have to be saved at the end, all at once
        self._closable = Shared(self._flush_all)
        surroundings.make_closable = self._closable.run
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        settings = self.settings
        self._recovered = [log for log in self._logs.values() if log.recovery is not None and not log.recovery.clean]
        for interval_ms, work in (
            (settings.retention_check_interval_ms, self.run_retention),
            (settings.flush_scheduler_interval_ms, self.run_flushes),
            (settings.flush_scheduler_interval_ms, self.run_upkeep),
            (settings.flush_scheduler_interval_ms, self.run_saving),
            (settings.recovery_point_checkpoint_interval_ms, self._checkpoints.write_recovery_points),
            (settings.log_start_checkpoint_interval_ms, self._checkpoints.write_log_starts),
            (settings.producer_id_expiration_check_interval_ms, self.run_expiry),
            (_DELETION_PASS_MS, self._surroundings.deletions.run_due),
        ):
            self._tasks.append(asyncio.ensure_future(_every(interval_ms, work)))

    async def end(self) -> None:
        """Returns when nothing is under way any more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def run_retention(self) -> int:
        """Delete what the topics' rules release; how many segments."""
        now_ms = self._surroundings.clock.now_ms()
        deleted = 0
        for log in list(self._logs.values()):
            with _one_of_many(log, "retention"):
                deleted += await log.retention(now_ms)
        return deleted

    async def run_flushes(self) -> int:
        """Flush the logs whose oldest unflushed record is older than flush.ms; how many."""
        now_ms = self._surroundings.clock.now_ms()
        due = [
            log
            for log in self._logs.values()
            if log.durable_offset < log.log_end_offset
            and log.offline_reason is None  # else the recovery point would pass epochs that found no room
            and now_ms - log.flushed_ms >= log.config.flush_ms
        ]
        for log in due:
            with _one_of_many(log, "flush"):
                await log.flush()
        return len(due)

    async def run_upkeep(self) -> int:
        """Bring back partitions that ran out of space once there is some; make files closable when too many are open."""
        short = [log for log in self._logs.values() if log.offline_reason is not None and log.readable]
        free = await self._surroundings.storage.free_bytes(self._directory) if short else 0
        for log in short:
            if out_of_space.has_room(log, free):
                with _one_of_many(log, "coming back"):
                    await out_of_space.come_back(log)
        if len(self._surroundings.open_files) > self._surroundings.open_files.limit:
            await self._closable.run()
        return len(short)

    async def _flush_all(self) -> None:
        """Only flushed segments may be closed."""
        slots = asyncio.Semaphore(_FLUSH_CONCURRENCY)

        async def one(log: Log) -> None:
            async with slots:
                with _one_of_many(log, "flush"):
                    await log.flush()

        waiting = [log for log in self._logs.values() if log.durable_offset < log.log_end_offset]
        await asyncio.gather(*(one(log) for log in waiting if log.offline_reason is None))

    async def run_saving(self) -> int:
        """Save some of the logs that were recovered at the start; how many.

        A stop has seconds. With ten thousand to save it would not come to its end, and the next start would recover again.
        """
        some, self._recovered = self._recovered[:_SAVED_AT_ONCE], self._recovered[_SAVED_AT_ONCE:]
        for log in some:
            if self._logs.get((log.topic, log.partition)) is log and log.offline_reason is None:
                with _one_of_many(log, "saving"):
                    await log.save()
        return len(some)

    async def run_expiry(self) -> int:
        """Forget producers that were silent for producer.id.expiration.ms; how many."""
        now_ms = self._surroundings.clock.now_ms()
        return sum(log.producers.expire(now_ms, self.settings.producer_id_expiration_ms) for log in self._logs.values())


async def _every(interval_ms: int, work: Callable[[], Awaitable[object]]) -> None:
    while True:
        await asyncio.sleep(interval_ms / 1000)
        try:
            await work()
        except (OSError, OdradekError) as error:
            logger.error("housekeeping failed", work=getattr(work, "__name__", str(work)), reason=str(error))


@contextmanager
def _one_of_many(log: Log, work: str) -> Iterator[None]:
    """What fails for one log is said, and the logs after it get their turn all the same."""
    try:
        yield
    except (OSError, OdradekError) as error:
        logger.error("housekeeping failed", work=work, partition=log.name, reason=str(error))
