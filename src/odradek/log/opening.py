"""A data directory at its start: made if it is missing, its clean mark taken, its partitions found and loaded.

What lies in the directory is sorted by name: partitions are loaded, several at a time, with a line of progress every
second; `-delete` directories are removed; temporary files of an interrupted write of ours are removed, since nothing refers
to them; names that nobody knows are left alone and said. The clean mark is taken away before anything is loaded: from then
on a crash is a crash.
"""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from odradek.aio.storage import FileType, Storage
from odradek.base.clock import Clock
from odradek.base.errors import OdradekError
from odradek.log import names
from odradek.log.checkpoints import TopicPartition
from odradek.log.deletions import Deletions
from odradek.log.directory_checkpoints import DirectoryCheckpoints
from odradek.log.loader import Known, load
from odradek.log.log import Log
from odradek.log.missing import Lines
from odradek.log.results import RecoveryReport
from odradek.log.surroundings import logger

_PROGRESS_SECONDS: Final = 1.0
_IGNORED: Final = frozenset((
    names.METADATA_DIRECTORY, names.META_PROPERTIES, names.CLEAN_SHUTDOWN, names.LOCK, names.RECOVERY_POINT_CHECKPOINT,
    names.LOG_START_CHECKPOINT, names.REPLICATION_CHECKPOINT, names.CLEANER_CHECKPOINT, "bootstrap.checkpoint",
    "metadata.db", "metadata.db-wal", "metadata.db-shm", "lost+found",
))  # fmt: skip

_OURS: Final = frozenset(
    name + names.TEMPORARY
    for name in (
        names.META_PROPERTIES, names.CLEAN_SHUTDOWN, names.RECOVERY_POINT_CHECKPOINT, names.LOG_START_CHECKPOINT,
        names.REPLICATION_CHECKPOINT, names.CLEANER_CHECKPOINT,
    )
)  # fmt: skip


async def make_directory(storage: Storage, directory: str) -> None:
    """Make the data directory if it is missing, so that it lasts: a directory's name is in its parent.

    Its own name is synced at every start: the start that made it may have been killed before it came to that.
    """
    parents = [os.path.dirname(directory) or "."]
    path = os.path.dirname(directory)
    while path and not await storage.exists(path):
        parents.append(os.path.dirname(path) or ".")
        path = os.path.dirname(path)
    await storage.make_directory(directory)
    for parent in reversed(parents):
        try:
            await storage.sync_directory(parent)
        except OSError as error:  # a parent that is not ours to open: whoever made the directory answers for its name
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS, errno.EINVAL):
                raise
            logger.debug("the data directory's parent cannot be synced", path=parent, reason=str(error))


async def take_clean_mark(storage: Storage, directory: str) -> bool:
    """Whether the directory was closed clean; lasting, so that the next start does not believe it again."""
    path = f"{directory}/{names.CLEAN_SHUTDOWN}"
    if not await storage.exists(path):
        return False
    await storage.remove(path)
    await storage.sync_directory(directory)
    return True


class Listing(NamedTuple):
    """What lies in a data directory: partitions, sorted, and the names of deleted ones' directories."""

    partitions: list[TopicPartition]
    deleted: list[str]


async def list_directory(storage: Storage, directory: str, deletions: Deletions) -> Listing:
    """Look at every name; what was deleted goes to `deletions`."""
    found: list[TopicPartition] = []
    deleted: list[str] = []
    async for entry in storage.list_directory(directory):
        path = f"{directory}/{entry.name}"
        if entry.name in _IGNORED or names.is_stray_directory(entry.name):
            continue
        if entry.name in _OURS and entry.kind is FileType.FILE:
            await storage.remove(path)
        elif names.is_deleted_directory(entry.name):
            deletions.add_tree(path, 0)
            deleted.append(entry.name)
        elif entry.kind is FileType.DIRECTORY and (parsed := names.parse_partition_directory(entry.name)):
            found.append(parsed)
        else:
            logger.warning("unknown name in the data directory left alone", path=path)
    return Listing(sorted(found), deleted)


async def load_all(
    found: Sequence[TopicPartition],
    make_log: Callable[[TopicPartition], Log],
    checkpoints: DirectoryCheckpoints,
    lines: Lines,
    *,
    clean: bool,
    concurrency: int,
    clock: Clock,
) -> list[RecoveryReport]:
    """Load every partition, `concurrency` at a time; one that cannot be loaded is offline, not an exception."""
    points, starts = lines.recovery_points, lines.log_starts or {}
    slots = asyncio.Semaphore(concurrency)
    reports: list[RecoveryReport] = []

    async def one(key: TopicPartition) -> None:
        async with slots:
            point = None if points is None else points.get(key, 0)
            log, known = make_log(key), Known(clean, point, starts.get(key))
            checkpoints.keep(log, known)  # until it is loaded: nobody may write down cursors that are not yet its own
            reports.append(await _load_one(log, known))
            if log.readable:
                checkpoints.loaded(log)

    progress = asyncio.ensure_future(_tell_progress(reports, len(found), clean, clock))
    try:
        await asyncio.gather(*map(one, found))
    finally:
        progress.cancel()
    return reports


async def _load_one(log: Log, known: Known) -> RecoveryReport:
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


async def _tell_progress(reports: Sequence[RecoveryReport], total: int, clean: bool, clock: Clock) -> None:
    began = clock.monotonic()
    while True:
        await asyncio.sleep(_PROGRESS_SECONDS)
        scanned = sum(report.scanned_bytes for report in reports)
        logger.info(
            "loading logs", done=len(reports), of=total, scanned_mib=scanned >> 20, clean=clean,
            seconds=round(clock.monotonic() - began, 1),
        )  # fmt: skip
