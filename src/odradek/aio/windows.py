"""Which blocks a request touches: arithmetic for direct I/O.

A request for bytes anywhere becomes windows: runs of whole blocks, none longer than the largest buffer, each with the part of
it that was asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Window(NamedTuple):
    """`size` bytes from `start` on, both multiples of the block; the caller wants `wanted` of them behind `skip`."""

    start: int
    size: int
    skip: int
    wanted: int

    @property
    def end(self) -> int:
        return self.start + self.size

    def cut_blocks(self, block: int) -> list[int]:
        """The positions of those blocks of which the caller has only a part: the first, the last, both or none."""
        first = [self.start] if self.skip else []
        last = self.end - block
        if (self.skip + self.wanted) % block and first != [last]:
            return [*first, last]
        return first


def windows(position: int, size: int, block: int, size_max: int) -> Iterator[Window]:
    """The windows of `size` bytes at `position`, in order. `size_max` is a multiple of `block`."""
    end = position + size
    start = position - position % block if size else end
    while start < end:
        length = min(size_max, end - start + -(end - start) % block)
        skip = max(0, position - start)
        yield Window(start, length, skip, min(end, start + length) - start - skip)
        start += length
