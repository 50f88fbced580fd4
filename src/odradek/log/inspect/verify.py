"""What is wrong with the files of a log: every finding with file, position, reason, and how bad it is.

Severities: *damage* is data that cannot be read although more follows, or segments that contradict each other; *torn*
is a tail that a crash cut short (the next start removes it); *stale* is a redundant file that is missing or wrong
(the next start makes it anew); *note* is a fact to know. Only damage needs somebody: `repair`, or a replica, or a
backup.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from odradek.base.errors import OdradekError
from odradek.log import names
from odradek.log.index_entries import CorruptIndex, trim_zeros
from odradek.log.inspect.dump import InspectError, Kind, dump, kind_of
from odradek.log.inspect.scanning import (
    ScannedFile,
    base_offset_of,
    flushed_up_to,
    missing_from,
    missing_partition,
    read,
    scan_path,
    segment_paths,
    sibling,
    valid_behind,
)
from odradek.log.offset_index import ENTRY_SIZE as OFFSET_ENTRY_SIZE
from odradek.log.offset_index import OffsetIndex
from odradek.log.time_index import ENTRY_SIZE as TIME_ENTRY_SIZE
from odradek.log.time_index import TimeIndex
from odradek.records.batch import BatchHeader
from odradek.records.errors import RecordsError
from odradek.records.record import read_records


class Severity(StrEnum):
    """How bad a finding is; see the module."""

    DAMAGE = "damage"
    TORN = "torn"
    STALE = "stale"
    NOTE = "note"


class Finding(NamedTuple):
    """Something that is not as it should be. `position` is in bytes, -1 where it has none."""

    path: str
    position: int
    severity: Severity
    reason: str


def verify(path: str, *, records: bool = False) -> Iterator[Finding]:
    """Findings for a file, a partition's directory or a data directory. `records` decodes every record too.

    A partition's directory that is missing, although the checkpoints beside it know the partition, is a finding.
    Raises `InspectError` for a path that is none of these, OSError.
    """
    gone = missing_partition(path)
    if gone is not None:
        yield Finding(path, -1, Severity.DAMAGE, gone.reason)
    elif not os.path.isdir(path):
        yield from _file(path, records)
    elif names.parse_partition_directory(os.path.basename(os.path.realpath(path))) or segment_paths(path):
        yield from verify_partition(path, records=records)
    else:
        yield from _data_directory(path, records)


def _data_directory(path: str, records: bool) -> Iterator[Finding]:
    known = False
    for name in sorted(os.listdir(path)):
        full = f"{path}/{name}"
        if os.path.isdir(full) and name != names.METADATA_DIRECTORY and names.parse_partition_directory(name):
            known = True
            yield from verify_partition(full, records=records)
        elif os.path.isfile(full) and kind_of(full) is not None:
            known = True
            yield from _file(full, records)
    for key, gone in missing_from(path).items():
        yield Finding(f"{path}/{names.partition_directory(*key)}", -1, Severity.DAMAGE, gone.reason)
    if not known and os.listdir(path):
        raise InspectError(f"{path}: neither a data directory nor a partition's directory")


def _file(path: str, records: bool) -> Iterator[Finding]:
    if kind_of(path) is Kind.LOG:
        yield from _Segment(path, records).findings()
        return
    try:
        for _ in dump(path):
            pass
    except InspectError:
        raise
    except OdradekError as error:
        yield Finding(path, -1, Severity.STALE, str(error))


def verify_partition(directory: str, *, records: bool = False) -> Iterator[Finding]:
    """Findings for one partition's directory: its segments, what lies between them, its side files."""
    flushed, start = flushed_up_to(directory)  # before the log is read: a broker that runs moves both up
    paths = segment_paths(directory)
    end: int | None = None
    damaged = False
    for path in paths:
        segment = _Segment(path, records)
        for finding in segment.findings(is_last=path == paths[-1]):
            damaged = damaged or finding.severity is Severity.DAMAGE
            yield finding
        if end is not None:
            yield from _between(path, end, segment.scanned.base_offset)
        end = segment.scanned.next_offset
    if not damaged:  # else the end is wherever the damage is
        yield from _lost_end(paths[-1] if paths else directory, max(end or 0, start), flushed)
    for name in sorted(os.listdir(directory)):
        if kind_of(name) in (Kind.SNAPSHOT, Kind.EPOCHS, Kind.PARTITION_METADATA, Kind.TRANSACTION_INDEX):
            yield from _file(f"{directory}/{name}", records)
        elif name.endswith(names.DAMAGED):
            yield Finding(f"{directory}/{name}", -1, Severity.NOTE, "bytes that were set aside")


def _lost_end(path: str, end: int, flushed: int) -> Iterator[Finding]:
    if end < flushed:
        position = os.path.getsize(path) if os.path.isfile(path) else -1
        reason = f"the log ends at offset {end}, below the recovery point {flushed}: offsets {end} to {flushed - 1} are missing"
        yield Finding(path, position, Severity.DAMAGE, reason)


def _between(path: str, end: int, base_offset: int) -> Iterator[Finding]:
    if base_offset < end:
        yield Finding(path, 0, Severity.DAMAGE, f"begins at offset {base_offset}, the segment before it ends at {end}")
    elif base_offset > end:
        reason = f"offsets {end} to {base_offset - 1} are missing before it: compaction, or lost writes"
        yield Finding(path, 0, Severity.NOTE, reason)


class _Segment:
    """One segment, walked once: its batches, and what its indexes say of them."""

    def __init__(self, path: str, records: bool) -> None:
        self.path = path
        self._found: list[Finding] = []
        self._decode = records
        self._largest = -1
        self._positions, self._offsets_sound = self._load_offset_index()
        self._times, self._times_sound = self._load_time_index()
        self.scanned: ScannedFile = scan_path(path, self._visit)

    def _load_offset_index(self) -> tuple[dict[int, int], bool]:
        path = sibling(self.path, names.OFFSET_INDEX)
        try:
            data = trim_zeros(read(path), OFFSET_ENTRY_SIZE)
            index = OffsetIndex(base_offset_of(self.path), len(data), data)
        except FileNotFoundError:
            return {}, False
        except CorruptIndex as error:
            self._note(path, -1, str(error))
            return {}, True
        for fault in index.faults():
            self._note(path, -1, fault)
        return {entry.position: entry.offset for entry in index.entries()}, True

    def _load_time_index(self) -> tuple[dict[int, int], bool]:
        path = sibling(self.path, names.TIME_INDEX)
        try:
            data = trim_zeros(read(path), TIME_ENTRY_SIZE)
            index = TimeIndex(base_offset_of(self.path), len(data), data)
        except FileNotFoundError:
            return {}, False
        except CorruptIndex as error:
            self._note(path, -1, str(error))
            return {}, True
        for fault in index.faults():
            self._note(path, -1, fault)
        return {entry.offset: entry.timestamp for entry in index.entries()}, True

    def _note(self, path: str, position: int, reason: str, severity: Severity = Severity.STALE) -> None:
        self._found.append(Finding(path, position, severity, reason))

    def _visit(self, position: int, header: BatchHeader, batch: memoryview) -> None:
        self._largest = max(self._largest, header.max_timestamp)
        indexed = self._positions.pop(position, None)
        if indexed is not None and indexed != header.last_offset:
            reason = f"says offset {indexed} at position {position}, the batch there ends at {header.last_offset}"
            self._note(sibling(self.path, names.OFFSET_INDEX), -1, reason)
        timed = self._times.pop(header.last_offset, None)
        if timed is not None and timed != self._largest:
            reason = f"says {timed} as the largest timestamp up to offset {header.last_offset}, it is {self._largest}"
            self._note(sibling(self.path, names.TIME_INDEX), -1, reason)
        if self._decode:
            try:
                for _ in read_records(bytes(batch), header):
                    pass
            except RecordsError as error:
                self._note(self.path, position, f"records cannot be read: {error}", Severity.DAMAGE)

    def findings(self, *, is_last: bool = True) -> Iterator[Finding]:
        """All of them; `is_last`: it is the active segment, whose indexes are written when it is closed."""
        yield from self._found
        yield from self._fault()
        for name, rest in ((names.OFFSET_INDEX, self._positions), (names.TIME_INDEX, self._times)):
            if rest:
                first = next(iter(rest.items()))
                reason = f"{len(rest)} entries point to no batch, the first is {first}"
                yield Finding(sibling(self.path, name), -1, Severity.STALE, reason)
        if not is_last and self.scanned.size:
            for name, there in ((names.OFFSET_INDEX, self._offsets_sound), (names.TIME_INDEX, self._times_sound)):
                if not there:
                    yield Finding(sibling(self.path, name), -1, Severity.STALE, "missing")

    def _fault(self) -> Iterator[Finding]:
        fault = self.scanned.fault
        if fault is None:
            return
        following = valid_behind(self.scanned)
        left = self.scanned.size - fault.position
        if following is None:
            yield Finding(self.path, fault.position, Severity.TORN, f"{fault.reason}; the last {left} bytes are no batch")
        else:
            reason = f"{fault.reason}; valid batches follow at position {following}"
            yield Finding(self.path, fault.position, Severity.DAMAGE, reason)
