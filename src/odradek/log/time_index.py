"""The time index (`.timeindex`): from a timestamp to an offset before which nothing is that young.

An entry is 12 bytes, big endian: a timestamp (int64, epoch milliseconds) and an offset relative to the segment's base
offset (int32). It says: *the largest timestamp up to and including this offset is this one*. Both columns grow. Hence
the search for the first record at or after a time may begin at the offset of the last entry whose timestamp is smaller
or equal.

Entries are made together with the offset index's, and one more when the segment is rolled or closed, so that the last
entry of a finished segment holds its largest timestamp: retention by time reads only that. The offset is the *last* of
the batch with the largest timestamp (Kafka 3.8 and later: brokers do not look into batches for it). No checksum, as for
the offset index.

A worked entry: base offset 1000, time 1700000000000 at offset 1041: `00 00 01 8b cf e5 68 00  00 00 00 29`.

One slot stays free for that closing entry: the index counts as full one entry early (Kafka's `TimeIndex` does the
same).
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final, NamedTuple

from odradek.base.errors import check
from odradek.log.index_entries import CorruptIndex, IndexBuffer, IndexEntries, IndexFull, trim_zeros

ENTRY: Final = Struct(">qi")
ENTRY_SIZE: Final = ENTRY.size
NO_TIMESTAMP: Final = -1
_TIMESTAMP: Final = 0
_OFFSET: Final = 1


class TimestampOffset(NamedTuple):
    """The largest timestamp (epoch milliseconds) up to an absolute offset."""

    timestamp: int
    offset: int


class TimeIndex(IndexEntries):
    """One segment's time index; see the module for the file, `IndexEntries` for where the bytes are kept."""

    __slots__ = ("last_entry",)

    entry = ENTRY

    def __init__(self, base_offset: int, size_max: int, settled: IndexBuffer = b"") -> None:
        super().__init__(base_offset, size_max, settled)
        self.last_entry = TimestampOffset(NO_TIMESTAMP, base_offset)
        self._refresh_last()

    @classmethod
    def load(cls, base_offset: int, data: bytes, size_max: int) -> TimeIndex:
        """The index in a file's bytes, a preallocated tail taken off. Raises `CorruptIndex` when it isn't this segment's."""
        index = cls(base_offset, size_max, trim_zeros(data, ENTRY_SIZE))
        index.check_sane()
        return index

    @property
    def is_full(self) -> bool:
        return len(self) >= self._entries_max - 1

    def maybe_append(self, timestamp: int, offset: int, *, closing: bool = False) -> bool:
        """Add an entry if `timestamp` is larger than the last one; whether it was added.

        `closing` uses the slot kept for the last entry of a finished segment. Raises `IndexFull`.
        """
        last = self.last_entry
        if timestamp <= last.timestamp:
            check(timestamp == last.timestamp or not self.size, "the largest timestamp cannot fall", new=timestamp, last=last)
            return False
        if len(self) >= self._entries_max - (not closing):
            raise IndexFull(
                f"time index of segment {self.base_offset} is full: {len(self)} entries of "
                f"{self._entries_max} (segment.index.bytes)"
            )
        check(offset >= last.offset, "time index offsets cannot fall", offset=offset, last=last)
        self._fresh += ENTRY.pack(timestamp, offset - self.base_offset)
        self.last_entry = TimestampOffset(timestamp, offset)
        return True

    def lookup(self, timestamp: int) -> TimestampOffset:
        """The last entry with a timestamp at or below `timestamp`; (-1, base offset) when there is none."""
        if self.size and timestamp >= self.last_entry.timestamp:
            return self.last_entry
        count = self._count_up_to(timestamp, _TIMESTAMP)
        return self.entry_at(count - 1) if count else TimestampOffset(NO_TIMESTAMP, self.base_offset)

    def entry_at(self, index: int) -> TimestampOffset:
        timestamp, relative = self.raw_entry(index)
        return TimestampOffset(timestamp, self.base_offset + relative)

    def entries(self) -> Iterator[TimestampOffset]:
        for timestamp, relative in self.raw_entries():
            yield TimestampOffset(timestamp, self.base_offset + relative)

    def truncate_to(self, offset: int) -> None:
        """Drop every entry at or above `offset`."""
        self._cut(self._count_up_to(offset - self.base_offset - 1, _OFFSET))
        self._refresh_last()

    def check_sane(self) -> None:
        """Raise `CorruptIndex` if first and last entry contradict each other or the segment. Cheap: reads two entries."""
        if not self.size:
            return
        first, last = self.entry_at(0), self.entry_at(len(self) - 1)
        if last.timestamp < first.timestamp:
            raise CorruptIndex(f"last timestamp {last.timestamp} lies below the first one {first.timestamp}")
        if last.offset < self.base_offset:
            raise CorruptIndex(f"last entry's offset {last.offset} lies below the base offset {self.base_offset}")

    def faults(self) -> Iterator[str]:
        """What is wrong with the entries among themselves, each as a sentence. Reads every entry."""
        before = TimestampOffset(NO_TIMESTAMP, self.base_offset)
        for index, found in enumerate(self.entries()):
            if found.timestamp <= before.timestamp or found.offset < before.offset:
                yield f"entry {index} {tuple(found)} does not follow {tuple(before)}"
            before = found

    def _refresh_last(self) -> None:
        if self.size:
            self.last_entry = self.entry_at(len(self) - 1)
        else:
            self.last_entry = TimestampOffset(NO_TIMESTAMP, self.base_offset)
