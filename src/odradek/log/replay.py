"""Producer state brought up to date: from a snapshot, and the batches behind it.

A log's producers can be had in two ways: from a `.snapshot` as of some offset, and by replaying batches. Here both are
joined, for a load after a clean stop whose newest snapshot is older than the end, and after a truncation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from odradek.log import names, producer_snapshot
from odradek.log.errors import DamagedSegment
from odradek.log.recovery import marker_of, scan_segment
from odradek.log.surroundings import logger
from odradek.records.batch import BatchHeader

if TYPE_CHECKING:
    from odradek.log.log import Log


async def load_snapshot(log: Log, offset: int) -> bool:
    """Start the producers over from the snapshot as of `offset`; one that cannot be read is removed, and the answer is no."""
    path = f"{log.directory}/{names.segment_file(offset, names.SNAPSHOT)}"
    storage = log.surroundings.storage
    try:
        log.producers.reset(offset, producer_snapshot.decode(await storage.read_bytes(path)))
    except producer_snapshot.CorruptSnapshot as error:
        logger.warning("producer snapshot removed", path=path, reason=str(error))
        log.snapshots.discard(offset)
        await storage.remove(path)
        return False
    except FileNotFoundError:
        logger.warning("producer snapshot is missing", path=path)
        log.snapshots.discard(offset)
        return False
    return True


async def replay_producers(log: Log) -> None:
    """Bring the producers to the log's end: from the newest snapshot below it, by the batches that follow."""
    for offset in producer_snapshot.usable(log.snapshots, -1, log.log_end_offset):
        if await load_snapshot(log, offset):
            break
    else:
        log.producers.reset(log.log_start_offset)
    producers = log.producers

    def visit(position: int, header: BatchHeader, batch: memoryview) -> None:
        if header.base_offset >= producers.end_offset:
            producers.replay(header, marker_of(batch, header))

    if producers.end_offset < log.log_end_offset:
        for segment in log.segments.since(producers.end_offset):
            scan = await scan_segment(log, segment, visit)
            if scan.fault is not None:
                raise DamagedSegment(segment.path(names.LOG), scan.fault.position, scan.fault.reason)
    producers.end_offset = log.log_end_offset
