"""Which old segments may go: the choice, without touching them.

Segments go from the oldest on and never past the high watermark. Three rules, applied one after the other as in
Kafka: what lies wholly below the log start (DeleteRecords), what is older than `retention.ms` by its largest
timestamp (by its file's time where no batch has one), and as many as keep the log at `retention.bytes` or above. The
last two hold for `cleanup.policy=delete` only.

When every segment is chosen, the newest too, the log rolls first, so that it keeps its end offset.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from odradek.log.config import LogConfig


class SegmentFacts(NamedTuple):
    """What the choice needs of a segment. `end_offset` is the next one's base, for the last one the log end."""

    base_offset: int
    end_offset: int
    size: int
    newest_ms: int


class Deletable(NamedTuple):
    """So many of the oldest segments go, with what was decisive for the last of them."""

    segment_count: int
    reason: str


def deletable(
    segments: Sequence[SegmentFacts], config: LogConfig, *, now_ms: int, log_start_offset: int, upper_bound: int
) -> Deletable:
    """The choice for segments in the order of their offsets."""
    limit = _eligible(segments, upper_bound)
    count, reason = _while(segments, 0, limit, lambda s: s.end_offset <= log_start_offset), "log start offset"
    if not config.deletes:
        return Deletable(count, reason if count else "")
    if config.retention_bytes >= 0:
        excess = sum(s.size for s in segments[count:]) - config.retention_bytes
        by_size = _fitting(segments, count, limit, excess)
        if by_size > count:
            count, reason = by_size, f"retention.bytes={config.retention_bytes}"
    if config.retention_ms >= 0:
        oldest_kept = now_ms - config.retention_ms
        by_time = _while(segments, count, limit, lambda s: s.newest_ms < oldest_kept)
        if by_time > count:
            count, reason = by_time, f"retention.ms={config.retention_ms}"
    return Deletable(count, reason if count else "")


def _eligible(segments: Sequence[SegmentFacts], upper_bound: int) -> int:
    """How many from the start lie below the bound; an empty last segment stays, there is nothing to gain."""
    count = _while(segments, 0, len(segments), lambda s: s.end_offset <= upper_bound)
    if count == len(segments) and segments and segments[-1].size == 0:
        count -= 1
    return count


def _while(segments: Sequence[SegmentFacts], start: int, limit: int, holds: Callable[[SegmentFacts], bool]) -> int:
    count = start
    while count < limit and holds(segments[count]):
        count += 1
    return count


def _fitting(segments: Sequence[SegmentFacts], start: int, limit: int, excess: int) -> int:
    """The end of the run of segments from `start` whose sizes together stay within `excess`."""
    count = start
    while count < limit and excess >= segments[count].size:
        excess -= segments[count].size
        count += 1
    return count
