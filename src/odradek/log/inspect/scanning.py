"""Walking a segment's file without an event loop: the same decisions as recovery (`recovery_scan`), fed by plain reads."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Final, NamedTuple

from odradek.log import checkpoints, names
from odradek.log.followers import follower
from odradek.log.recovery_scan import Fault, SegmentScan, Visit
from odradek.records.header import BatchHeader

_CHUNK: Final = 4 << 20
Found = tuple[int, BatchHeader, memoryview]
"""A batch's position in the file, its header, its bytes."""


class ScannedFile(NamedTuple):
    """How far a file's batches go."""

    path: str
    base_offset: int
    size: int
    sound_size: int  # the bytes before the fault, or all
    next_offset: int
    fault: Fault | None


def base_offset_of(path: str) -> int:
    """The base offset in a segment file's name; 0 for a file that is named otherwise."""
    stem = os.path.basename(path).split(".", 1)[0]
    return int(stem) if stem.isdigit() else 0


def walk_path(path: str) -> Generator[Found, None, ScannedFile]:
    """Each batch up to the end or the first fault, as it is read; returns how far that was. Raises OSError."""
    found: list[Found] = []

    def visit(position: int, header: BatchHeader, batch: memoryview) -> None:
        found.append((position, header, batch))

    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        scan = SegmentScan(base_offset_of(path), size, visit)
        while not scan.done:
            file.seek(scan.position)
            chunk = file.read(min(max(_CHUNK, scan.wanted), size - scan.position))
            if len(chunk) < min(scan.wanted, size - scan.position):
                scan.fault = Fault(scan.position, scan.next_offset, "the file became shorter", True)
                break
            scan.feed(chunk)
            yield from found
            found.clear()
    return ScannedFile(path, scan.base_offset, size, scan.position, scan.next_offset, scan.fault)


def scan_path(path: str, visit: Visit) -> ScannedFile:
    """As `walk_path`, with a function to call for each batch."""
    walk = walk_path(path)
    try:
        while True:
            visit(*next(walk))
    except StopIteration as stop:
        scanned: ScannedFile = stop.value
        return scanned


def valid_behind(scanned: ScannedFile) -> int | None:
    """The position of the first whole batch behind the fault, if any."""
    if scanned.fault is None:
        return None
    plan = follower(scanned.fault, scanned.base_offset, scanned.size)
    with open(scanned.path, "rb") as file:
        try:
            position, count = next(plan)
            while True:
                file.seek(position)
                position, count = plan.send(file.read(count))
        except StopIteration as stop:
            found: int | None = stop.value
            return found


def segment_paths(directory: str) -> list[str]:
    """The `.log` files of a partition's directory, by offset."""
    parsed = ((name, names.parse_segment_file(name)) for name in os.listdir(directory))
    return sorted(f"{directory}/{name}" for name, found in parsed if found and found[1] == names.LOG and not found[2])


def sibling(log_path: str, suffix: str) -> str:
    """The file beside a segment's log with another suffix."""
    return log_path.removesuffix(names.LOG) + suffix


def flushed_up_to(directory: str) -> tuple[int, int]:
    """(recovery point, log start) that the data directory's checkpoints give for a partition's directory; 0 where none does."""
    directory = os.path.realpath(directory)
    key, found = names.parse_partition_directory(os.path.basename(directory)), []
    for name in (names.RECOVERY_POINT_CHECKPOINT, names.LOG_START_CHECKPOINT):
        try:
            offsets = checkpoints.decode_offsets(read(f"{os.path.dirname(directory)}/{name}"))
        except (OSError, checkpoints.CorruptCheckpoint):
            offsets = {}
        found.append(offsets.get(key, 0) if key is not None else 0)
    return found[0], found[1]


def topic_of(path: str) -> str | None:
    """The topic whose partition's directory holds the file, by the directory's name."""
    found = names.parse_partition_directory(os.path.basename(os.path.dirname(os.path.realpath(path))))
    return found[0] if found is not None else None


def read(path: str) -> bytes:
    """A whole small file."""
    with open(path, "rb") as file:
        return file.read()
