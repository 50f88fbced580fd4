"""The offset index (`.index`): from an offset to a place in the segment's file at or before it.

An entry is 8 bytes, big endian: the offset relative to the segment's base offset (int32) and the batch's position in
the `.log` file (int32). It is sparse: one entry each `index.interval.bytes` (4096) of log, written for the batch that
crosses that line, with that batch's *last* offset. So `lookup` gives a position from which scanning forward finds the
batch that holds the offset. There is no checksum: an index is redundant, and a wrong one is found by `check_sane` and
`faults`, or at the first read (the batch there has another offset), and rebuilt.

A worked entry: base offset 1000, the batch with last offset 1041 begins at position 4200: `00 00 00 29  00 00 10 68`.

Kafka's `OffsetIndex` is the model: the same file, the same rounding of lookups, the same truncation.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final, NamedTuple

from odradek.base.errors import check
from odradek.log.index_entries import CorruptIndex, IndexBuffer, IndexEntries, IndexFull, trim_zeros

ENTRY: Final = Struct(">ii")
ENTRY_SIZE: Final = ENTRY.size
RELATIVE_OFFSET_MAX: Final = 0x7FFFFFFF
_OFFSET: Final = 0
_POSITION: Final = 1


class OffsetPosition(NamedTuple):
    """An absolute offset and where its batch begins in the segment's file, in bytes."""

    offset: int
    position: int


class OffsetIndex(IndexEntries):
    """One segment's offset index; see the module for the file, `IndexEntries` for where the bytes are kept."""

    __slots__ = ("last_offset",)

    entry = ENTRY

    def __init__(self, base_offset: int, size_max: int, settled: IndexBuffer = b"") -> None:
        super().__init__(base_offset, size_max, settled)
        self.last_offset = base_offset
        self._refresh_last()

    @classmethod
    def load(cls, base_offset: int, data: bytes, size_max: int, *, log_size: int) -> OffsetIndex:
        """The index in a file's bytes, a preallocated tail taken off. Raises `CorruptIndex` when it isn't this segment's."""
        index = cls(base_offset, size_max, trim_zeros(data, ENTRY_SIZE))
        index.check_sane(log_size)
        return index

    @property
    def is_full(self) -> bool:
        return len(self) >= self._entries_max

    def can_append_offset(self, offset: int) -> bool:
        """Whether `offset` fits a relative offset; if not, the segment has to be rolled."""
        return 0 <= offset - self.base_offset <= RELATIVE_OFFSET_MAX

    def append(self, offset: int, position: int) -> None:
        """Add the batch with last offset `offset` at `position`; offsets must grow. Raises `IndexFull`."""
        if self.size >= self._entries_max * ENTRY_SIZE:
            raise IndexFull(
                f"offset index of segment {self.base_offset} is full: {len(self)} entries of "
                f"{self._entries_max} (segment.index.bytes)"
            )
        check(
            offset > self.last_offset or not self.size,
            "offset index entries must grow",
            offset=offset,
            last_offset=self.last_offset,
        )
        check(self.can_append_offset(offset), "offset is out of the segment's range", offset=offset, base=self.base_offset)
        self._fresh += ENTRY.pack(offset - self.base_offset, position)
        self.last_offset = offset

    def lookup(self, offset: int) -> OffsetPosition:
        """The entry with the largest offset at or below `offset`; the segment's beginning when there is none."""
        if self.size and offset >= self.last_offset:
            return self.entry_at(len(self) - 1)
        count = self._count_up_to(offset - self.base_offset, _OFFSET)
        return self.entry_at(count - 1) if count else OffsetPosition(self.base_offset, 0)

    def upper_bound(self, position: int) -> OffsetPosition | None:
        """The first entry whose position lies beyond `position`: the offset that so many bytes of log surely reach."""
        count = self._count_up_to(position, _POSITION)
        return self.entry_at(count) if count < len(self) else None

    def entry_at(self, index: int) -> OffsetPosition:
        relative, position = self.raw_entry(index)
        return OffsetPosition(self.base_offset + relative, position)

    def entries(self) -> Iterator[OffsetPosition]:
        for relative, position in self.raw_entries():
            yield OffsetPosition(self.base_offset + relative, position)

    def truncate_to(self, offset: int) -> None:
        """Drop every entry at or above `offset`."""
        self._cut(self._count_up_to(offset - self.base_offset - 1, _OFFSET))
        self._refresh_last()

    def check_sane(self, log_size: int) -> None:
        """Raise `CorruptIndex` if the last entry cannot belong to a segment of `log_size` bytes. Cheap: reads one entry."""
        if not self.size:
            return
        last = self.entry_at(len(self) - 1)
        if last.offset < self.base_offset:
            raise CorruptIndex(f"last entry's offset {last.offset} lies below the base offset {self.base_offset}")
        if not 0 <= last.position < log_size:
            raise CorruptIndex(f"last entry points to position {last.position} of a log of {log_size} bytes")

    def faults(self) -> Iterator[str]:
        """What is wrong with the entries among themselves, each as a sentence. Reads every entry."""
        before = OffsetPosition(self.base_offset - 1, -1)
        for index, found in enumerate(self.entries()):
            if found.offset <= before.offset or found.position <= before.position:
                yield f"entry {index} {tuple(found)} does not follow {tuple(before)}"
            before = found

    def _refresh_last(self) -> None:
        self.last_offset = self.entry_at(len(self) - 1).offset if self.size else self.base_offset
