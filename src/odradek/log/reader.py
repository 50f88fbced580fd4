"""Finding batches: which bytes of which segment answer a read. Plans that ask for bytes and never fetch any.

Reads come in two speeds. Nearly always what is needed lies in the page cache and the turn of the loop can go on;
sometimes the disk has to be waited for. So that one description serves both, a *plan* is a generator: it yields a
`Need`, is sent the bytes, and returns its result. `run_now` feeds a plan from the page cache and gives up with
`WOULD_BLOCK`; `run` awaits the disk.

The way to an offset: the segment by its base, the offset index to a batch at or before it, then header by header. The
way to the end of a slice: the end of the segment if that is within bounds; else the last index entry within them,
which is a border between batches; else header by header. So a fetch of a megabyte costs one look at the index and one
or two small reads.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Awaitable, Callable, Generator, Mapping
from enum import Enum
from struct import Struct
from typing import NamedTuple, TypeVar

from odradek.aio.storage import File
from odradek.log.errors import DamagedSegment
from odradek.log.offset_index import OffsetIndex
from odradek.log.results import EMPTY_SLICE, WOULD_BLOCK, Slice, WouldBlock
from odradek.log.segment import Segment
from odradek.log.segments import Segments
from odradek.records.batch import HEADER_SIZE, LOG_OVERHEAD, BatchHeader, Buffer, parse_header

T = TypeVar("T")

_unpack_beginning = Struct(">qiibIhi").unpack_from  # a header up to the last offset delta: all that skipping needs
_LENGTH_MIN = HEADER_SIZE - LOG_OVERHEAD
_READ_AHEAD = 8192  # one index interval and a bit: finds a batch with a single read when batches are small


class Need(NamedTuple):
    """`size` bytes at `position` of a segment; with size 0, only that the segment is open and its indexes are loaded."""

    segment: Segment
    position: int
    size: int


Plan = Generator[Need, Buffer, T]


class Bounds(NamedTuple):
    """What a fetch asks for: from `offset`, below `end_offset`, within `max_bytes` but for a wanted first batch."""

    offset: int
    end_offset: int
    max_bytes: int
    min_one_batch: bool


def run_now(plan: Plan[T]) -> T | WouldBlock:
    """The result, if all that the plan needs is at hand."""
    data: Buffer = b""
    try:
        need = next(plan)
        while True:
            segment = need.segment
            if segment.file is None or segment.offset_index is None:
                return WOULD_BLOCK
            segment.used = True
            if need.size:
                found = segment.file.read_now(need.position, need.size)
                if found is WOULD_BLOCK:
                    return WOULD_BLOCK
                data = found
            need = plan.send(data)
    except StopIteration as stop:
        result: T = stop.value
        return result


async def run(plan: Plan[T], prepare: Callable[[Segment], Awaitable[None]]) -> T:
    """The result, however long the disk takes; `prepare` opens a segment and loads its indexes."""
    data: Buffer = b""
    try:
        need = next(plan)
        while True:
            await prepare(need.segment)
            file = need.segment.file
            if need.size and file is not None:
                data = await _read(need, file)
            need = plan.send(data)
    except StopIteration as stop:
        result: T = stop.value
        return result


async def _read(need: Need, file: File) -> Buffer:
    found = file.read_now(need.position, need.size)  # most of what is "cold" needs its indexes, not its pages
    if found is not WOULD_BLOCK:
        return found
    need.segment.lease.holders += 1
    try:
        return await file.read(need.position, need.size)
    finally:
        need.segment.lease.holders -= 1


def walk(segment: Segment, start: int, end: int, read_size: int = _READ_AHEAD) -> Plan[Walk]:
    """A cursor at the batch that begins at `start`; see `Walk`."""
    cursor = Walk(segment, end, read_size)
    yield from cursor.seek(start)
    return cursor


class Walk:
    """Steps from header to header through a segment's file up to `end`. `header` is None once nothing is left."""

    __slots__ = ("_chunk", "_chunk_start", "_end", "_read_size", "_segment", "header", "position")

    def __init__(self, segment: Segment, end: int, read_size: int) -> None:
        self._segment = segment
        self._end = end
        self._read_size = read_size
        self._chunk: Buffer = b""
        self._chunk_start = 0
        self.position = 0
        self.header: BatchHeader | None = None

    def seek(self, position: int) -> Plan[None]:
        """Stand at the batch that begins at `position`."""
        self.position = position
        self.header = None
        if position + HEADER_SIZE > self._end:
            return
        at = position - self._chunk_start
        if at < 0 or at + HEADER_SIZE > len(self._chunk):
            self._chunk = yield Need(self._segment, position, min(self._read_size, self._end - position))
            self._chunk_start, at = position, 0
        if len(self._chunk) - at < HEADER_SIZE:
            raise DamagedSegment(self._segment.path(".log"), position, "the file is shorter than it was")
        header = parse_header(self._chunk, at)
        if header.size < HEADER_SIZE or header.magic != 2 or position + header.size > self._end:
            reason = f"a batch of magic {header.magic} and {header.size} bytes, {self._end - position} bytes are left"
            raise DamagedSegment(self._segment.path(".log"), position, reason)
        self.header = header

    def step(self) -> Plan[None]:
        """To the next batch."""
        if self.header is not None:
            yield from self.seek(self.position + self.header.size)


def find_batch(segment: Segment, offset: int) -> Plan[tuple[int, BatchHeader] | None]:
    """Position and header of the first batch that ends at or after `offset`; None when the segment has none."""
    yield Need(segment, 0, 0)
    index, end = segment.offset_index, segment.size
    position = index.lookup(offset).position if index is not None else 0
    while position + HEADER_SIZE <= end:
        chunk = yield Need(segment, position, min(_READ_AHEAD, end - position))
        if len(chunk) < HEADER_SIZE:
            raise DamagedSegment(segment.path(".log"), position, "the file is shorter than it was")
        at, found = _skip_below(chunk, offset)
        if found is Skipped.FOUND:
            return position + at, parse_header(chunk, at)
        position += at
        if found is Skipped.NO_BATCH:
            raise DamagedSegment(segment.path(".log"), position, "the header of a batch makes no sense")
    return None


class Skipped(Enum):
    """Why `_skip_below` stopped."""

    FOUND = "found"
    AT_END = "at end"
    NO_BATCH = "no batch"


def _skip_below(chunk: Buffer, offset: int) -> tuple[int, Skipped]:
    """Where in `chunk`, which begins with a batch, the first one lies that ends at or after `offset`; or where to read on."""
    at, last = 0, len(chunk) - HEADER_SIZE
    while at <= last:
        base_offset, length, _, magic, _, _, delta = _unpack_beginning(chunk, at)
        if magic != 2 or length < _LENGTH_MIN:
            return at, Skipped.NO_BATCH
        if base_offset + delta >= offset:
            return at, Skipped.FOUND
        at += LOG_OVERHEAD + length
    return at, Skipped.AT_END


def slice_plan(segments: Segments, recent: Mapping[int, int], log_end_offset: int, bounds: Bounds) -> Plan[Slice]:
    """The slice for `bounds`, from one segment. `recent` knows the positions of some batches of the active one.

    Segments may come and go while the disk is waited for: so they are found by offset again each time, never by index.
    """
    offset = bounds.offset
    while len(segments) and offset < bounds.end_offset:
        index = segments.index_of(offset)
        segment, segment_end = segments[index], segments.end_of(index, log_end_offset)
        if segment.base_offset >= bounds.end_offset:
            break
        known = recent if index == len(segments) - 1 else {}
        start = known.get(bounds.offset)
        if start is None:
            found = yield from find_batch(segment, bounds.offset)
            if found is None:
                if segment_end <= offset:
                    break
                offset = segment_end
                continue
            start, header = found
            if header.base_offset >= bounds.end_offset:
                break
        end = yield from _end_position(segment, segment_end, known, bounds.end_offset)
        return (yield from _cut(segment, start, end, bounds))
    return EMPTY_SLICE


def _end_position(segment: Segment, segment_end: int, known: Mapping[int, int], end_offset: int) -> Plan[int]:
    if end_offset >= segment_end:
        return segment.size
    if end_offset in known:
        return known[end_offset]
    found = yield from find_batch(segment, end_offset)
    return segment.size if found is None else found[0]


def _cut(segment: Segment, start: int, end: int, bounds: Bounds) -> Plan[Slice]:
    """From `start` as far as size and `end` allow, ending between two batches."""
    limit = start + bounds.max_bytes
    yield Need(segment, 0, 0)
    if end > limit:
        border = last_border(segment.offset_index, limit)
        if border > start:
            end = border
        else:
            end = yield from _whole_batches(segment, start, end, limit, bounds.min_one_batch)
    return Slice(segment.file, start, end - start, segment.lease)


def _whole_batches(segment: Segment, start: int, end: int, limit: int, min_one_batch: bool) -> Plan[int]:
    cursor = yield from walk(segment, start, end)
    reached = start
    while cursor.header is not None:
        following = cursor.position + cursor.header.size
        if following > limit and not (min_one_batch and reached == start):
            break
        reached = following
        if reached >= limit:
            break
        yield from cursor.step()
    return reached


def last_border(index: OffsetIndex | None, limit: int) -> int:
    """The largest position at or below `limit` at which the index knows a batch to begin; 0 when there is none."""
    if index is None:
        return 0
    count = bisect_right(range(len(index)), limit, key=lambda entry: index.entry_at(entry).position)
    return index.entry_at(count - 1).position if count else 0
