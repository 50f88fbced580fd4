"""A sorted table of fixed-size entries: what the offset index and the time index have in common.

A table is a file's bytes, as they lie in the file: nothing is decoded to be kept. It has two parts: a *settled* prefix,
any readable buffer (the file's content, an `mmap` of it), and a *fresh* tail of entries appended since. An idle
partition keeps no tail, and a prefix that is a map costs address space, not memory; so an index of any size stays
cheap. The shell writes `encoded(start)` at the same position of the file whenever it likes (an index can always be
rebuilt from its log, so nobody waits for that write) and may then `settle` what it wrote.

Appending needs no decision of the shell's, looking up is a binary search, and the last entry, where almost every fetch
looks, is found at once by the subclass.

Apache Kafka maps an index at its full `segment.index.bytes` (10 MiB) and trims it only when the segment is rolled or
closed cleanly: a file may end in zeros, which `trim_zeros` takes away. No valid entry of the offset index is all zeros
(the first entry is made when the log is past `index.interval.bytes`, so its position is not 0); the time index's one
such entry (time 0 at the base offset) says nothing that an empty index does not say.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from mmap import mmap
from struct import Struct
from typing import Any, ClassVar

from odradek.base.errors import OdradekError, check

IndexBuffer = bytes | bytearray | memoryview | mmap


class CorruptIndex(OdradekError):
    """An index file that cannot be what it should be. Nothing is lost: it is rebuilt from its segment."""


class IndexFull(OdradekError):
    """No room for another entry within `segment.index.bytes`: the segment has to be rolled."""


def trim_zeros(data: bytes, entry_size: int) -> bytes:
    """`data` without the all-zero entries at its end."""
    kept = len(data.rstrip(b"\0"))
    return data[: -(-kept // entry_size) * entry_size]


class IndexEntries:
    """Entries in the order of their file. One owner, no I/O, a partition's own state."""

    __slots__ = ("_entries_max", "_fresh", "_settled", "_settled_size", "base_offset")

    entry: ClassVar[Struct]

    def __init__(self, base_offset: int, size_max: int, settled: IndexBuffer = b"") -> None:
        """`size_max` is `segment.index.bytes`, rounded down to whole entries; `settled` the entries that exist."""
        size = len(settled)
        if size % self.entry.size:
            raise CorruptIndex(f"{size} bytes are no whole number of entries of {self.entry.size} bytes")
        self.base_offset = base_offset
        self._settled: IndexBuffer = settled
        self._settled_size = size
        self._fresh = bytearray()
        self._entries_max = max(size_max // self.entry.size, size // self.entry.size)

    def __len__(self) -> int:
        return (self._settled_size + len(self._fresh)) // self.entry.size

    @property
    def size(self) -> int:
        """Bytes of all entries: the length of the trimmed file."""
        return self._settled_size + len(self._fresh)

    @property
    def entries_max(self) -> int:
        return self._entries_max

    @property
    def fresh_size(self) -> int:
        """Bytes of the entries held in memory, not in the settled prefix."""
        return len(self._fresh)

    def raw_entry(self, index: int) -> tuple[Any, ...]:
        """The `index`-th entry's fields as they are stored."""
        position = index * self.entry.size - self._settled_size
        if position >= 0:
            return self.entry.unpack_from(self._fresh, position)
        return self.entry.unpack_from(self._settled, position + self._settled_size)

    def raw_entries(self) -> Iterator[tuple[Any, ...]]:
        """All entries' fields, in order: for dumping and verifying."""
        return self.entry.iter_unpack(self.encoded())

    def encoded(self, start: int = 0) -> bytes:
        """The file's bytes from position `start` on (`start` on an entry's border)."""
        check(0 <= start <= self.size, "position outside the index", start=start, size=self.size)
        if start >= self._settled_size:
            return bytes(memoryview(self._fresh)[start - self._settled_size :])
        return bytes(self._settled[start : self._settled_size]) + bytes(self._fresh)

    def settle(self, settled: IndexBuffer) -> None:
        """Take `settled`, a buffer with this index's first entries, as their home and drop them from memory."""
        size = len(settled)
        check(
            self._settled_size <= size <= self.size and size % self.entry.size == 0,
            "a settled prefix must hold what was settled before, and no more than the index",
            size=size,
            settled=self._settled_size,
            index=self.size,
        )
        del self._fresh[: size - self._settled_size]
        self._settled = settled
        self._settled_size = size

    def _count_up_to(self, target: int, field: int) -> int:
        """How many entries have a `field` of at most `target` (stored value)."""
        size, unpack, fresh = self.entry.size, self.entry.unpack_from, self._fresh
        if fresh and unpack(fresh)[field] <= target:
            found = bisect_right(range(0, len(fresh), size), target, key=lambda position: unpack(fresh, position)[field])
            return self._settled_size // size + found
        settled = self._settled
        return bisect_right(range(0, self._settled_size, size), target, key=lambda position: unpack(settled, position)[field])

    def _cut(self, count: int) -> None:
        """Keep the first `count` entries."""
        size = count * self.entry.size
        if size >= self._settled_size:
            del self._fresh[size - self._settled_size :]
            return
        # The settled buffer may be a map of a file about to be truncated: the few entries before the cut move to memory
        # only where the buffer is not ours to slice.
        self._settled = bytes(self._settled[:size])
        self._settled_size = size
        self._fresh.clear()
