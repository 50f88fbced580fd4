"""Opening a log: from the files in its directory to a `Log` whose cursors are right.

After a clean stop the files say everything: the active segment's index leads to its last batch, the newest producer
snapshot is as of the log's end, and nothing is scanned. After a crash `recovery` scans from the recovery point, or from
further back where what it builds on (a producer snapshot, the leader epochs) is missing: what can be rebuilt from
batches is rebuilt, never guessed.

What is left from an unfinished act is tidied up first: `.deleted` and `.cleaned` files go, a finished compaction's
`.swap` files take their place, `.tmp` files go. Names that mean nothing are left alone, with a warning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from odradek.aio.storage import FileType
from odradek.base.ids import ZERO_UUID, uuid_to_text
from odradek.log import names, partition_metadata, producer_snapshot, rolling
from odradek.log.checkpoints import CorruptCheckpoint
from odradek.log.disk_errors import Reach, reach
from odradek.log.epoch_cache import EpochCache
from odradek.log.errors import DamagedSegment, InconsistentDirectory, LogError
from odradek.log.reader import run, walk
from odradek.log.recovery import DamagedLog, Recovered, check_end, recover
from odradek.log.replay import load_snapshot, replay_producers
from odradek.log.results import RecoveryReport
from odradek.log.segment import Segment
from odradek.log.surroundings import logger

if TYPE_CHECKING:
    from odradek.log.log import Log

_WALKED_WHOLE = 32 << 10  # a segment of up to this size is read without its index: one read instead of three
_LONG_SCAN = 1 << 20  # what is shorter costs the way to the disk rather than the disk or the processor, and waits for nobody
_KNOWN = frozenset((names.LEADER_EPOCH_CHECKPOINT, names.PARTITION_METADATA))


class Known(NamedTuple):
    """What the data directory's checkpoints say of this log."""

    clean: bool  # the directory was closed clean
    recovery_point: int | None
    log_start_offset: int | None


async def load(log: Log, known: Known) -> RecoveryReport:
    """Fill `log` from its directory. A damaged log comes back offline, not as an exception; `OSError`s do."""
    log.log_start_offset = log.log_end_offset = known.log_start_offset or 0  # should the load fail, the start is kept
    found = await _list(log)
    await _tidy(log, found)
    await _check_topic_id(log, found)
    has_epochs = await _load_epochs(log)
    await _load_segments(log, found)
    log.snapshots = {offset for offset, role, stage in found.segment_files if role == names.SNAPSHOT and not stage}
    report = await _find_end(log, known, has_epochs)
    log.recovery = report
    await rolling.rest(log)
    log.refresh_limits()
    return report


class _Found:
    """What is in the directory."""

    def __init__(self) -> None:
        self.segment_files: list[tuple[int, str, str]] = []  # (base offset, role, stage)
        self.others: list[str] = []


async def _list(log: Log) -> _Found:
    found = _Found()
    async for entry in log.surroundings.storage.list_directory(log.directory):
        parsed = names.parse_segment_file(entry.name) if entry.kind is FileType.FILE else None
        if parsed is not None:
            found.segment_files.append(parsed)
        else:
            found.others.append(entry.name)
    return found


async def _tidy(log: Log, found: _Found) -> None:
    storage, directory = log.surroundings.storage, log.directory
    for name in found.others:
        if name.endswith(names.TEMPORARY):
            await storage.remove(f"{directory}/{name}")
        elif name not in _KNOWN and not name.endswith(names.DAMAGED):
            logger.warning("unknown file left alone", path=f"{directory}/{name}")
    cleaned = [offset for offset, _, stage in found.segment_files if stage == names.CLEANED]
    kept: list[tuple[int, str, str]] = []
    for offset, role, stage in found.segment_files:
        path = f"{directory}/{names.segment_file(offset, role)}{stage}"
        unfinished_swap = stage == names.SWAP and cleaned and offset >= min(cleaned)
        if stage in (names.DELETED, names.CLEANED) or unfinished_swap:
            await storage.remove(path)
        else:
            kept.append((offset, role, stage))
    found.segment_files = await _finish_swaps(log, kept)


async def _finish_swaps(log: Log, files: list[tuple[int, str, str]]) -> list[tuple[int, str, str]]:
    """Compaction had ended and was replacing segments: let the new files take the place of all that they cover."""
    swaps = sorted(offset for offset, role, stage in files if stage == names.SWAP and role == names.LOG)
    if not swaps:
        return [entry for entry in files if not entry[2]]
    end = await _end_of_swap(log, swaps[-1])
    storage = log.surroundings.storage
    plain = [entry for entry in files if not entry[2]]
    for offset, role, _ in plain:
        if swaps[0] <= offset < end and role != names.SNAPSHOT:
            await storage.remove(f"{log.directory}/{names.segment_file(offset, role)}")
    left = [entry for entry in plain if not (swaps[0] <= entry[0] < end and entry[1] != names.SNAPSHOT)]
    for offset, role, stage in files:
        if stage == names.SWAP:
            path = f"{log.directory}/{names.segment_file(offset, role)}"
            await storage.rename(path + names.SWAP, path)
            left.append((offset, role, ""))
    log.directory_dirty = True
    logger.info("finished an interrupted compaction", partition=log.name, segments=len(swaps), up_to_offset=end)
    return left


async def _end_of_swap(log: Log, base_offset: int) -> int:
    storage = log.surroundings.storage
    path = f"{log.directory}/{names.segment_file(base_offset, names.LOG)}{names.SWAP}"
    segment = Segment(log.directory, base_offset, size=await storage.file_size(path))
    segment.file = await storage.open(path, read_only=True)
    try:
        return await _end_by_walking(log, segment, 0)
    finally:
        await segment.close_file()


async def _check_topic_id(log: Log, found: _Found) -> None:
    storage, path = log.surroundings.storage, f"{log.directory}/{names.PARTITION_METADATA}"
    if names.PARTITION_METADATA in found.others:
        try:
            stored = partition_metadata.decode(await storage.read_bytes(path))
        except partition_metadata.CorruptPartitionMetadata as error:
            logger.warning("partition.metadata is not readable", path=path, reason=str(error))
            stored = ZERO_UUID
        if stored != ZERO_UUID:
            if log.topic_id not in (ZERO_UUID, stored):
                raise InconsistentDirectory(
                    f"{path} says topic id {uuid_to_text(stored)}, expected {uuid_to_text(log.topic_id)}"
                )
            log.topic_id = stored
            return
    await write_topic_id(log)


async def write_topic_id(log: Log) -> None:
    """Write partition.metadata, once the topic's id is known."""
    if log.topic_id != ZERO_UUID:
        path = f"{log.directory}/{names.PARTITION_METADATA}"
        await log.surroundings.storage.write_atomically(path, partition_metadata.encode(log.topic_id))


async def _load_epochs(log: Log) -> bool:
    """Whether the leader epochs could be read."""
    path = f"{log.directory}/{names.LEADER_EPOCH_CHECKPOINT}"
    try:
        log.epochs = EpochCache.decode(await log.surroundings.storage.read_bytes(path))
    except FileNotFoundError:
        return False
    except CorruptCheckpoint as error:
        logger.warning("leader epochs are rebuilt", path=path, reason=str(error))
        return False
    return True


async def _load_segments(log: Log, found: _Found) -> None:
    now_ms = log.surroundings.clock.now_ms()
    logs = sorted(offset for offset, role, stage in found.segment_files if role == names.LOG and not stage)
    for base_offset in logs:
        segment = Segment(log.directory, base_offset, created_ms=now_ms)
        if base_offset == logs[-1]:  # it is opened in any case
            segment.size = (await log.open_segment(segment)).size
        else:
            segment.size = await log.surroundings.storage.file_size(segment.path(names.LOG))
        log.segments.add(segment)
    for offset, role, _ in found.segment_files:
        if role in (names.OFFSET_INDEX, names.TIME_INDEX, names.TRANSACTION_INDEX) and offset not in logs:
            path = f"{log.directory}/{names.segment_file(offset, role)}"
            logger.warning("index without a segment removed", path=path)
            await log.surroundings.storage.remove(path)


async def _find_end(log: Log, known: Known, has_epochs: bool) -> RecoveryReport:
    start = known.log_start_offset or 0
    if not len(log.segments):
        return _load_empty(log, known, start)
    log.log_start_offset = max(start, log.segments[0].base_offset)
    if known.clean and (has_epochs or log.segments.size == 0):
        try:
            return await _load_clean(log, known.recovery_point)
        except (DamagedSegment, LogError) as error:
            logger.warning("closed clean, and yet not sound: scanning", partition=log.name, reason=str(error))
    return await _load_unclean(log, known.recovery_point, has_epochs)


def _load_empty(log: Log, known: Known, start: int) -> RecoveryReport:
    """No segment at all. After a crash that is an unclean start too: records may have been read, and lost whole."""
    log.log_start_offset = log.log_end_offset = log.durable_offset = start
    log.producers.reset(start)
    try:
        check_end(log, start, known.recovery_point)
    except DamagedLog as error:
        return _damaged(log, known.recovery_point, error)
    return _report(log, clean=known.clean)


def _damaged(log: Log, recovery_point: int | None, error: DamagedLog) -> RecoveryReport:
    """Everything stays where it is, and so does the recovery point in its file (`DirectoryCheckpoints.keep`)."""
    last = log.segments[-1].base_offset if len(log.segments) else 0
    log.log_end_offset = max(recovery_point or 0, last, log.log_start_offset)
    log.durable_offset = min(log.durable_offset, log.log_end_offset)
    log.go_offline(str(error), readable=False)
    return _report(log, clean=False, reason=str(error))


async def _load_clean(log: Log, recovery_point: int | None) -> RecoveryReport:
    active = log.segments[-1]
    start = 0
    if active.size > _WALKED_WHOLE:
        await log.prepare(active)
        index = active.offset_index
        start = index.entry_at(len(index) - 1).position if index is not None and len(index) else 0
    end = await _end_by_walking(log, active, start)
    check_end(log, end, recovery_point)
    _set_end(log, end)
    log.durable_offset = log.log_end_offset
    await replay_producers(log)
    return _report(log, clean=True)


async def _end_by_walking(log: Log, segment: Segment, start: int) -> int:
    """The offset after the last batch, by headers alone. The segment's file is open."""

    async def prepare(_: Segment) -> None:
        """No index is needed."""

    cursor = await run(walk(segment, start, segment.size, read_size=_WALKED_WHOLE), prepare)
    end, reached = segment.base_offset, start
    while cursor.header is not None:
        end, reached = cursor.header.next_offset, cursor.position + cursor.header.size
        await run(cursor.step(), prepare)
    if reached != segment.size:
        raise DamagedSegment(segment.path(names.LOG), reached, f"{segment.size - reached} bytes are no batch")
    return end


def _set_end(log: Log, end: int) -> None:
    log.log_end_offset = max(end, log.log_start_offset)
    log.log_start_offset = min(log.log_start_offset, log.log_end_offset)


async def _load_unclean(log: Log, recovery_point: int | None, has_epochs: bool) -> RecoveryReport:
    start_index = log.segments.index_of(recovery_point or 0) if has_epochs else 0
    start_index = await _load_snapshot_before(log, start_index)
    log.durable_offset = log.segments[start_index].base_offset
    try:
        recovered = await _recover(log, start_index, recovery_point)
    except DamagedLog as error:
        return _damaged(log, recovery_point, error)
    _set_end(log, recovered.end_offset)
    try:
        await _settle_recovered(log, start_index, recovery_point)
    except OSError as error:
        if reach(error) is not Reach.NO_SPACE:
            raise
        log.failed(error, "writing down what was recovered")  # it can be read, and the recovery point stays where it is
    return _report(log, clean=False, scanned=recovered.scanned_bytes, cut=recovered.truncated_bytes, reason=recovered.reason)


async def _recover(log: Log, start_index: int, recovery_point: int | None) -> Recovered:
    if sum(segment.size for segment in list(log.segments)[start_index:]) < _LONG_SCAN:
        return await recover(log, start_index, recovery_point)
    async with log.surroundings.scan_slots:
        return await recover(log, start_index, recovery_point)


async def _load_snapshot_before(log: Log, start_index: int) -> int:
    """Load the newest producer snapshot that the scan can begin at; the index of the segment to scan from."""
    for offset in producer_snapshot.usable(log.snapshots, -1, log.segments[start_index].base_offset):
        if await load_snapshot(log, offset):
            return log.segments.index_of(offset)
    log.producers.reset(log.segments[0].base_offset)
    return 0


async def _settle_recovered(log: Log, start_index: int, recovery_point: int | None) -> None:
    """Write down what the scan has found, so that the next crash costs no more than this one."""
    end = log.log_end_offset
    log.epochs.truncate_from_end(end)
    log.epochs.truncate_from_start(log.log_start_offset)
    log.producers.end_offset = end
    log.durable_offset = min(max(recovery_point or 0, log.log_start_offset), log.durable_offset, end)
    for offset in [offset for offset in log.snapshots if offset > end]:
        log.snapshots.discard(offset)
        await log.surroundings.storage.remove(f"{log.directory}/{names.segment_file(offset, names.SNAPSHOT)}")
    await rolling.save_epochs(log)
    for segment in list(log.segments)[start_index:-1]:
        segment.close_indexes()
        await segment.save_indexes(log.surroundings.storage, sync=True)
        log.surroundings.open_files.admit_indexes(segment)
    await log.flush()


def _report(log: Log, *, clean: bool, scanned: int = 0, cut: int = 0, reason: str = "") -> RecoveryReport:
    return RecoveryReport(log.topic, log.partition, clean, scanned, cut, reason)
