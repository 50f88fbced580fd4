"""A log's segments in the order of their offsets: finding the one that holds an offset."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator

from odradek.base.errors import check
from odradek.log.segment import Segment


class Segments:
    """Never overlapping, ascending; the last one is the active one. A log that was never written has none."""

    __slots__ = ("_bases", "_segments")

    def __init__(self) -> None:
        self._segments: list[Segment] = []
        self._bases: list[int] = []

    def __len__(self) -> int:
        return len(self._segments)

    def __iter__(self) -> Iterator[Segment]:
        return iter(self._segments)

    def __getitem__(self, index: int) -> Segment:
        return self._segments[index]

    @property
    def size(self) -> int:
        """Bytes of all log files."""
        return sum(segment.size for segment in self._segments)

    def add(self, segment: Segment) -> None:
        """A new last segment."""
        last = self._bases[-1] if self._bases else -1
        check(segment.base_offset > last, "segments must ascend", new=segment.base_offset, last=last)
        self._segments.append(segment)
        self._bases.append(segment.base_offset)

    def index_of(self, offset: int) -> int:
        """Where the segment is that would hold `offset`: the last one whose base is not above it; 0 below the first."""
        return max(bisect_right(self._bases, offset) - 1, 0)

    def since(self, offset: int) -> list[Segment]:
        """The segments from the one that would hold `offset` on."""
        return self._segments[self.index_of(offset) :]

    def take_first(self, count: int) -> list[Segment]:
        """Remove and return the oldest `count`."""
        taken = self._segments[:count]
        del self._segments[:count]
        del self._bases[:count]
        return taken

    def take_from(self, offset: int) -> list[Segment]:
        """Remove and return those whose base is at or above `offset`."""
        start = bisect_left(self._bases, offset)
        taken = self._segments[start:]
        del self._segments[start:]
        del self._bases[start:]
        return taken

    def end_of(self, index: int, log_end_offset: int) -> int:
        """The offset at which the `index`-th segment ends: the next one's base, or the log's end."""
        return self._bases[index + 1] if index + 1 < len(self._bases) else log_end_offset
