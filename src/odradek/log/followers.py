"""Whether valid batches follow a fault: what tells damage from a torn tail.

A record's value may itself hold whole batches (a mirror, a backup of segments), and a torn write must not be called damage for
their sake. So a follower only counts if its offsets and epoch fit, and batches run from it, header to header, to the end of the
file or to a further tear (a batch that the file's end cuts off, a partial header, zeros). Where the faulty batch's own header
still makes sense, a whole batch where it claims to end counts at once, and what lies within the bytes that it claims only if

- the faulty batch's checksum holds for the bytes up to there: only its length was wrong; or
- the run goes on beyond the end that it claims; or
- it claims more than the file has, and the run begins at the very next offset and ends exactly with the file.

Nor may a value hide what follows: headers in it may claim to end wherever real batches end, so all that end in one place are
kept apart. Left over is a value made to end, as a run of fitting batches, exactly where a power cut tears it: that cannot be
told from damage, and the partition is offline rather than cut.

Searched are headers only, window by window: a batch of any size is found across them. Checksums are computed for the heads of
runs that have arrived at an end, within a budget; beyond any budget the answer is "something follows", which cuts nothing.
"""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Final, NamedTuple

from odradek.log.recovery_scan import Fault
from odradek.log.roll import MAX_RELATIVE_OFFSET
from odradek.records.crc import crc32c
from odradek.records.header import ATTRIBUTES_POSITION, HEADER_SIZE, BatchHeader, parse_header
from odradek.records.stored import Verdict, check_stored

WINDOW: Final = 16 << 20  # what is held at once
_OPEN_RUNS_MAX: Final = 1 << 20  # about 200 MB; sound data has a handful
_AT_ONE_END_MAX: Final = 64  # runs that end in one place; sound data has one
_CHECKED_FACTOR: Final = 8  # bytes of checksums, in sizes of what is searched
_CHECKED_MIN: Final = 64 << 20

Request = tuple[int, int]
"""Position in the file and how many bytes are wanted."""


class _Run(NamedTuple):
    """Batches that follow each other up to some position."""

    head: int
    next_offset: int
    epoch: int


def follower(fault: Fault, base_offset: int, size: int) -> Generator[Request, bytes | bytearray, int | None]:
    """The position of the first batch that follows `fault` in a segment of `size` bytes; None if there is none.

    Yields what it needs to read, and is sent the bytes.
    """
    search = _Search(fault, base_offset, size)
    position = fault.position + 1
    while position < size and not search.is_too_much:
        window = yield position, min(WINDOW, size - position)
        if not window:
            break
        search.feed(bytes(window), position)
        if position + len(window) >= size:
            break
        position += max(len(window) - HEADER_SIZE + 1, 1)
    if search.is_too_much:
        return fault.position + 1
    return (yield from _confirm(search.runs(), fault, size))


def _confirm(runs: list[tuple[int, int]], fault: Fault, size: int) -> Generator[Request, bytes | bytearray, int | None]:
    """The first batch on a run (head, end) that is whole and counts."""
    next_to_it = yield from _adjoining(fault, size)
    if next_to_it is not None:
        return next_to_it
    budget = max(_CHECKED_MIN, _CHECKED_FACTOR * (size - fault.position))
    seen: set[int] = set()
    for head, end in sorted(runs):
        position = head
        while position + HEADER_SIZE <= end and position not in seen:
            seen.add(position)
            header = parse_header((yield position, HEADER_SIZE))
            if position + header.size > size or budget < 0:
                break
            batch = yield position, header.size
            budget -= header.size
            whole = check_stored(batch).verdict is Verdict.WHOLE
            if whole and (_counts(fault, header, position, end, size) or (yield from _proves(fault, position))):
                return position
            position += header.size
    return fault.position + 1 if budget < 0 else None


def _adjoining(fault: Fault, size: int) -> Generator[Request, bytes | bytearray, int | None]:
    """The position where the faulty batch claims to end, if the next one begins there: it need not run on to any end."""
    claimed = fault.claimed
    if claimed is None or fault.position + claimed.size + HEADER_SIZE > size:
        return None
    position = fault.position + claimed.size
    header = parse_header((yield position, HEADER_SIZE))
    fits = header.base_offset >= claimed.next_offset and header.leader_epoch >= fault.epoch
    if not fits or header.size < HEADER_SIZE or position + header.size > size:
        return None
    return position if check_stored((yield position, header.size)).verdict is Verdict.WHOLE else None


def _counts(fault: Fault, header: BatchHeader, position: int, end: int, size: int) -> bool:
    """Whether the run from `position` to `end` is more than what the faulty batch holds."""
    claimed = fault.claimed
    if claimed is None or position >= fault.position + claimed.size:
        return True
    if fault.position + claimed.size <= size:
        return end > fault.position + claimed.size
    return end == size and header.base_offset == claimed.next_offset


def _proves(fault: Fault, position: int) -> Generator[Request, bytes | bytearray, bool]:
    """Whether the faulty batch is whole up to `position`, so that only its length is wrong."""
    if fault.claimed is None or position < fault.position + HEADER_SIZE:
        return False
    crc, at = 0, fault.position + ATTRIBUTES_POSITION
    while at < position:
        part = yield at, min(WINDOW, position - at)
        crc = crc32c(part, crc)
        at += len(part)
        if not part:
            return False
    return crc == fault.claimed.crc


class _Search:
    """Headers that could follow the fault, joined to runs."""

    def __init__(self, fault: Fault, base_offset: int, size: int) -> None:
        self._fault = fault
        self._last_offset_max = base_offset + MAX_RELATIVE_OFFSET
        self._size = size
        self._open: dict[int, tuple[_Run, ...]] = {}  # by the position where the runs end
        self._torn: list[tuple[int, int]] = []  # runs that a torn batch follows: head, end
        self._crowded = False
        self._zeros_from = self._tail_at = fault.position
        self._tail = b""
        highs = sorted({offset >> 32 for offset in (fault.next_offset, self._last_offset_max)})
        first = b"|".join(re.escape(high.to_bytes(4)) for high in highs)
        # base offset's high half, a length's first byte, magic 2, unused attributes 0, delta not negative
        self._pattern = re.compile(
            rb"(?=(?:" + first + rb").{4}[\x00-\x7f].{7}\x02.{4}\x00[\x00-\x7f][\x00-\x7f].{37})", re.DOTALL
        )

    @property
    def is_too_much(self) -> bool:
        return self._crowded or len(self._open) + len(self._torn) > _OPEN_RUNS_MAX

    def feed(self, window: bytes, start: int) -> None:
        for match in self._pattern.finditer(window) if b"\x02" in window else ():  # a preallocated tail is all zeros
            self._note(start + match.start(), parse_header(window, match.start()))
            if self.is_too_much:
                return
        passed = min(start + len(window) - HEADER_SIZE, self._zeros_after(window, start))
        for end in [end for end in self._open if end < passed]:
            del self._open[end]
        self._tail, self._tail_at = window[-HEADER_SIZE:], start + max(len(window) - HEADER_SIZE, 0)

    def _zeros_after(self, window: bytes, start: int) -> int:
        """Where the zeros begin that the bytes so far end with."""
        written = len(window.rstrip(b"\0"))
        if written:
            self._zeros_from = start + written
        return self._zeros_from

    def _note(self, position: int, header: BatchHeader) -> None:
        if not self._is_plausible(header):
            return
        before = [
            run
            for run in self._open.get(position, ())
            if run.next_offset <= header.base_offset and run.epoch <= header.leader_epoch
        ]
        end = position + header.size
        if end > self._size:
            self._torn += [(run.head, position) for run in before]
            return
        heads = [run.head for run in before] or [position]
        runs = self._open.get(end, ()) + tuple(_Run(head, header.next_offset, header.leader_epoch) for head in heads)
        self._crowded = self._crowded or len(runs) > _AT_ONE_END_MAX
        self._open[end] = runs

    def _is_plausible(self, header: BatchHeader) -> bool:
        return (
            header.size >= HEADER_SIZE
            and self._fault.next_offset <= header.base_offset
            and header.last_offset <= self._last_offset_max
            and header.leader_epoch >= self._fault.epoch
            and 0 <= header.record_count <= header.last_offset_delta + 1
        )

    def runs(self) -> list[tuple[int, int]]:
        """Runs that arrive at the file's end or at a further tear: where each begins and ends."""
        found = self._torn
        for end, runs in self._open.items():
            rest = self._tail[end - self._tail_at :] if end >= self._tail_at else b"?"
            for run in runs:
                begins = run.next_offset.to_bytes(8)[: len(rest)]
                if end == self._size or end >= self._zeros_from or (len(rest) < HEADER_SIZE and rest[:8] == begins):
                    found.append((run.head, end))
        return found
