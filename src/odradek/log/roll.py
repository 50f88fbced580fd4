"""When a segment is full: the decision, turned into limits that an append compares against.

A segment takes no more when the next batch would make it larger than `segment.bytes`, when the time since its first
batch passes `segment.ms` (less a jitter drawn per segment, so that partitions made together don't all roll together),
when an index is full, or when an offset would lie 2^31 or more above the segment's base, which the indexes cannot
express.

Time is measured on the batches' timestamps, as Kafka does since KIP-33: the batch at hand against the first one's. So
a replayed old log rolls as the original did. Only where the first batch has no timestamp, the wall clock since the
segment's creation counts.

Each append pays four comparisons of integers; an index that fills up says so by setting `size` to 0.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from odradek.log.config import UNLIMITED, LogConfig

MAX_RELATIVE_OFFSET: Final = 2**31 - 1


class RollLimits(NamedTuple):
    """Roll before a batch that goes beyond one of these; `timestamp` and `now_ms` are meant for a segment that holds
    something."""

    size: int
    last_offset: int
    timestamp: int
    now_ms: int


def roll_limits(
    config: LogConfig,
    *,
    base_offset: int,
    first_timestamp: int | None,
    created_ms: int,
    jitter_ms: int,
    index_full: bool = False,
) -> RollLimits:
    """The limits of a segment; `first_timestamp` is its first batch's largest one, None while it is empty."""
    wait = config.segment_ms - jitter_ms
    by_timestamp = by_clock = UNLIMITED
    if first_timestamp is not None:
        if first_timestamp >= 0:
            by_timestamp = first_timestamp + wait
        else:
            by_clock = created_ms + wait
    return RollLimits(0 if index_full else config.segment_bytes, base_offset + MAX_RELATIVE_OFFSET, by_timestamp, by_clock)


def draw_jitter(config: LogConfig, fraction: float) -> int:
    """How much earlier than `segment.ms` a new segment rolls; `fraction` is drawn from [0, 1)."""
    return int(fraction * min(config.segment_jitter_ms, config.segment_ms))
