"""Which segments keep their file open and their indexes in memory: bounded sets.

Ten thousand partitions must not need ten thousand descriptors. Every segment that is used says so (one attribute);
when more than `limit` are open, a sweep closes those that were not used since the last time round (second chance).
Two kinds stay: those that a slice holds, and those with bytes that no fdatasync covers (a reopened file might not
learn of a failed write-back). A sweep that finds too many of these leaves the set crowded, and the next who opens a file
waits until some are flushed. Files that go are out of their segments before the first is closed: nobody takes one for open.

The indexes of sealed segments are in files and can be dropped any time: the oldest go when all together take more
than `index_bytes_max`. The active segment's are in memory only, so they are no concern of this module.
"""

from __future__ import annotations

from odradek.log.segment import Segment


class OpenFiles:
    """The open segments of one log manager, in the order of their opening."""

    __slots__ = ("_indexed", "_open", "closed_count", "index_bytes", "index_bytes_max", "limit")

    def __init__(self, limit: int, index_bytes_max: int) -> None:
        self.limit = limit
        self.index_bytes_max = index_bytes_max
        self.index_bytes = 0
        self.closed_count = 0
        self._open: dict[Segment, None] = {}
        self._indexed: dict[Segment, int] = {}

    def __len__(self) -> int:
        return len(self._open)

    @property
    def is_crowded(self) -> bool:
        """Files that cannot be closed are a quarter above the limit: no more are to be opened before some are flushed."""
        return len(self._open) > self.limit + self.limit // 4

    def admit(self, segment: Segment) -> None:
        """`segment` has its file open now."""
        self._open[segment] = None

    async def close_idle(self) -> None:
        """Close files that are not needed where more are open than the limit."""
        for file in [segment.take_file() for segment in self.take_idle()]:
            if file is not None:
                await file.close()

    def forget(self, segment: Segment) -> None:
        """`segment` is gone, or was closed by somebody else."""
        self._open.pop(segment, None)
        self.index_bytes -= self._indexed.pop(segment, 0)

    def admit_indexes(self, segment: Segment) -> None:
        """The sealed `segment` has its indexes loaded now; others' are dropped to make room."""
        if segment in self._indexed or segment.offset_index is None or segment.time_index is None:
            return
        size = segment.offset_index.size + segment.time_index.size
        self._indexed[segment] = size
        self.index_bytes += size
        for other in list(self._indexed):
            if self.index_bytes <= self.index_bytes_max:
                break
            if other is not segment and other.indexes_saved:
                self.index_bytes -= self._indexed.pop(other)
                other.drop_indexes()

    def take_idle(self) -> list[Segment]:
        """Enough idle segments to get back within the limit, where there are so many; they are out of the set now."""
        chosen: list[Segment] = []
        excess = len(self._open) - self.limit
        for segment in [*self._open, *self._open]:  # once round to take away the second chances, once more to close
            if len(chosen) >= excess:
                break
            if segment not in self._open:
                continue
            if segment.file is None:
                del self._open[segment]
                excess -= 1
            elif segment.used or segment.dirty or segment.lease.holders:
                segment.used = False
                del self._open[segment]
                self._open[segment] = None  # to the back of the line
            else:
                del self._open[segment]
                chosen.append(segment)
        self.closed_count += len(chosen)
        return chosen
