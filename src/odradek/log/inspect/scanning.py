"""Walking a segment's file without an event loop: the same decisions as recovery (`recovery_scan`), fed by plain reads."""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Final, NamedTuple

from odradek.log import checkpoints, missing, names
from odradek.log.checkpoints import TopicPartition
from odradek.log.followers import follower
from odradek.log.missing import Missing
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
    key, lines = names.parse_partition_directory(os.path.basename(directory)), _lines(os.path.dirname(directory))
    if key is None:
        return 0, 0
    return (lines.recovery_points or {}).get(key, 0), (lines.log_starts or {}).get(key, 0)


def missing_from(data_directory: str) -> dict[TopicPartition, Missing]:
    """The partitions that the checkpoints of a data directory know, and that have no directory."""
    found = _look_for_missing(data_directory)
    # A broker that runs may have deleted a topic between our look at the checkpoints and that at the directories.
    return {key: gone for key, gone in _look_for_missing(data_directory).items() if key in found} if found else found


def missing_partition(directory: str) -> Missing | None:
    """What a partition's directory held that is not there; None when it is there, or when nobody knows of it."""
    directory = os.path.realpath(directory)
    key = names.parse_partition_directory(os.path.basename(directory))
    return None if key is None or os.path.exists(directory) else missing_from(os.path.dirname(directory)).get(key)


def _look_for_missing(data_directory: str) -> dict[TopicPartition, Missing]:
    lines = _lines(data_directory)
    clean = os.path.exists(f"{data_directory}/{names.CLEAN_SHUTDOWN}")
    entries = os.listdir(data_directory) if os.path.isdir(data_directory) else []
    there = {key for name in entries if (key := names.parse_partition_directory(name)) is not None}
    return missing.find(lines, there, [name for name in entries if names.is_deleted_directory(name)], clean=clean)


def _lines(data_directory: str) -> missing.Lines:
    found: list[dict[TopicPartition, int] | None] = []
    for name in (names.RECOVERY_POINT_CHECKPOINT, names.LOG_START_CHECKPOINT, names.REPLICATION_CHECKPOINT):
        try:
            found.append(checkpoints.decode_offsets(read(f"{data_directory}/{name}")))
        except (OSError, checkpoints.CorruptCheckpoint):
            found.append(None)
    return missing.Lines(*found)


def topic_of(path: str) -> str | None:
    """The topic whose partition's directory holds the file, by the directory's name."""
    found = names.parse_partition_directory(os.path.basename(os.path.dirname(os.path.realpath(path))))
    return found[0] if found is not None else None


def read(path: str) -> bytes:
    """A whole small file."""
    with open(path, "rb") as file:
        return file.read()
