"""What the bytes of a segment say after a crash: torn tail, hole or damage. Decisions only; `recovery` does the
reading.

A scan walks batches (length, magic, checksum, offsets that only rise) until the end or the first fault. What a fault
means depends on what lies behind it:

- *torn*: nothing valid follows. A write was cut short: nobody was told that it succeeded. Truncate, and say how much.
- *hole*: valid batches follow, and the faulty stretch holds a sector of zeros, or begins with the zeros to the end of a
  sector that an earlier write had filled half, or ends where the file ends. That is
  what a power cut leaves when later pages reached the disk and earlier ones did not. Pages that an fdatasync covered
  cannot be missing, and whatever lies behind was written later, so none of it was acknowledged as durable. Truncate
  too, but set the bytes aside first.
- *damage*: valid batches follow and no such gap explains the fault, or the fault lies below the recovery point, where
  everything had been flushed. Bits have changed in data that may have been acknowledged: nothing is cut, the
  partition goes offline until somebody decides (`odradek log verify`, `odradek log repair`).

What counts as following is `followers`' to say.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final, NamedTuple

from odradek.log.roll import MAX_RELATIVE_OFFSET
from odradek.records.crc import crc32c
from odradek.records.header import (
    ATTRIBUTES_POSITION,
    HEADER_SIZE,
    LOG_OVERHEAD,
    MAGIC,
    BatchHeader,
    Buffer,
    parse_header,
)
from odradek.records.stored import StoredBatch, Verdict, check_stored

SECTOR: Final = 512  # what a disk writes whole or not at all
_FIELDS: Final = BatchHeader._fields
_BASE_OFFSET: Final = _FIELDS.index("base_offset")
_EPOCH: Final = _FIELDS.index("leader_epoch")
_BATCH_LENGTH: Final = _FIELDS.index("batch_length")
_MAGIC_FIELD: Final = _FIELDS.index("magic")
_CRC: Final = _FIELDS.index("crc")
_LAST_OFFSET_DELTA: Final = _FIELDS.index("last_offset_delta")
_ZERO_SECTOR: Final = bytes(SECTOR)

Visit = Callable[[int, BatchHeader, memoryview], None]
"""Called with a batch's position in the file, its header and its bytes (good during the call only)."""


class Fault(NamedTuple):
    """Where a scan stopped. `next_offset` is where the log ends without what follows; `beyond_end`: the batch there
    would need more bytes than the file has. `claimed`: the faulty batch's header, where it still makes sense. `epoch`: of the
    last sound batch, -1 without any."""

    position: int
    next_offset: int
    reason: str
    beyond_end: bool = False
    claimed: BatchHeader | None = None
    epoch: int = -1


class Finding(Enum):
    """What recovery makes of a fault."""

    TORN = "torn"
    HOLE = "hole"
    DAMAGE = "damage"


class SegmentScan:
    """Walks one segment's batches as chunks come in.

    Feed it the bytes from `position` on; it consumes whole batches and says through `wanted` how many bytes it needs
    to see at once to get on. Done when `fault` is set or when `position` reaches the size.
    """

    __slots__ = ("_visit", "base_offset", "epoch", "fault", "next_offset", "position", "size", "wanted")

    def __init__(self, base_offset: int, size: int, visit: Visit) -> None:
        self.base_offset = base_offset
        self.size = size
        self.position = 0
        self.next_offset = base_offset
        self.wanted = HEADER_SIZE
        self.fault: Fault | None = None
        self.epoch = -1
        self._visit = visit

    @property
    def done(self) -> bool:
        return self.fault is not None or self.position >= self.size

    def feed(self, chunk: Buffer) -> None:
        """Consume `chunk`, which begins at `position` and holds `wanted` bytes at least, or all to the file's end."""
        view, visit, start = memoryview(chunk), self._visit, self.position
        at, have, next_offset = 0, len(view), self.next_offset
        offset_max = self.base_offset + MAX_RELATIVE_OFFSET
        while at + HEADER_SIZE <= have:
            header = parse_header(view, at)
            base_offset, last_offset = header[_BASE_OFFSET], header[_BASE_OFFSET] + header[_LAST_OFFSET_DELTA]
            end = at + LOG_OVERHEAD + header[_BATCH_LENGTH]
            if not (
                header[_MAGIC_FIELD] == MAGIC
                and at + HEADER_SIZE <= end <= have
                and next_offset <= base_offset <= last_offset <= offset_max
                and crc32c(view[at + ATTRIBUTES_POSITION : end]) == header[_CRC]
            ):
                break
            visit(start + at, header, view[at:end])
            at, next_offset, self.epoch = end, last_offset + 1, header[_EPOCH]
        self.position, self.next_offset, self.wanted = start + at, next_offset, HEADER_SIZE
        if at < have:
            self._stop(check_stored(view, at))

    def _stop(self, found: StoredBatch) -> None:
        """What is wrong with the bytes at `position`, or how many more are needed to tell."""
        if found.verdict is Verdict.WHOLE and found.header is not None:
            self.fault = Fault(self.position, self.next_offset, self._disorder(found.header), epoch=self.epoch)
        elif found.verdict is not Verdict.NEED_MORE:
            self.fault = Fault(self.position, self.next_offset, found.reason, False, self._claimed(found), self.epoch)
        elif self.position + found.size > self.size:
            left = f"{self.size - self.position} of the {found.size} bytes that a batch needs here"
            self.fault = Fault(self.position, self.next_offset, left, True, self._claimed(found), self.epoch)
        else:
            self.wanted = found.size

    def _claimed(self, found: StoredBatch) -> BatchHeader | None:
        header = found.header
        if header is None or found.verdict not in (Verdict.NEED_MORE, Verdict.BAD_CRC):
            return None
        fits = (
            header.base_offset == self.next_offset
            and 0 <= header.record_count <= header.last_offset_delta + 1
            and header.leader_epoch >= self.epoch
        )
        return header if fits else None

    def _disorder(self, header: BatchHeader) -> str:
        if header.base_offset < self.next_offset:
            return f"base offset {header.base_offset} follows {self.next_offset - 1}: offsets only rise"
        if header.last_offset_delta < 0:
            return f"last offset delta is {header.last_offset_delta}"
        return f"offset {header.last_offset} is too far above the segment's base {self.base_offset}"


def holds_zero_sector(buf: Buffer, file_position: int, *, ends_file: bool = False) -> bool:
    """Whether one whole sector of the file within `buf`, which lies at `file_position`, is zero.

    Where `buf` ends with the file, its last sector may be a part of one: zeros there are a size that came without its bytes.
    (Shorter than a batch's first fields it is no evidence: a record's last byte is zero when it has no headers.)
    """
    view = memoryview(buf)
    first = -file_position % SECTOR
    tail = (len(view) - first) % SECTOR if ends_file and len(view) > first else 0
    if tail >= LOG_OVERHEAD and view[len(view) - tail :] == bytes(tail):
        return True
    return any(view[at : at + SECTOR] == _ZERO_SECTOR for at in range(first, len(view) - SECTOR + 1, SECTOR))


def is_unwritten(rest: Buffer, next_offset: int) -> bool:
    """Whether `rest`, the bytes from a fault to the end of its sector, were never written: the sector is an older version.

    A batch begins with its base offset and its length, and a length is never 0: twelve zeros are no batch's beginning.
    Fewer are none if the offset that belongs there does not begin with so many zeros itself.
    """
    size = len(rest)
    if bytes(rest) != bytes(size):
        return False
    return size >= LOG_OVERHEAD or any(next_offset.to_bytes(8)[:size])


def judge(fault: Fault, *, recovery_point: int, valid_after: bool, gap: bool) -> Finding:
    """What `fault` means. `gap`: the stretch between the fault and what follows lacks data as after a power cut."""
    if fault.next_offset < recovery_point:
        return Finding.DAMAGE
    if not valid_after:
        return Finding.TORN
    return Finding.HOLE if gap else Finding.DAMAGE
