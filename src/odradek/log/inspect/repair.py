"""Making a partition's directory sound again, at the price that `verify` names: by acts that are first shown, then done.

At the first fault the log ends: what follows is set aside (`.damaged` files beside the log) and cut, later segments
are set aside whole. Indexes are rebuilt wherever they are missing or wrong; snapshots, epochs and checkpoints that
know of more than is left are cut back; unreadable ones go, for the next start makes them anew. Where flushed data is
missing at the end, the recovery point is forgotten: that accepts the loss. A partition's directory that is missing
altogether is made anew with one empty segment that begins where the lost ones ended, as far as the checkpoints know: no
offset gets a second value, and consumers don't take new records for those that they have read. The clean mark of the data
directory is removed, so that the next start looks at everything again, and gives the partition a new leader epoch.

The directory must not be in use: its lock is taken for the time of the repair.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final, NamedTuple

from odradek.aio import file_lock
from odradek.base.errors import OdradekError
from odradek.log import checkpoints, names, producer_snapshot
from odradek.log.config import LogConfig
from odradek.log.epoch_cache import EpochCache
from odradek.log.inspect.dump import InspectError
from odradek.log.inspect.scanning import (
    ScannedFile,
    base_offset_of,
    flushed_up_to,
    missing_partition,
    read,
    scan_path,
    segment_paths,
    sibling,
)
from odradek.log.inspect.verify import Severity, verify
from odradek.log.missing import Missing
from odradek.log.segment import Segment
from odradek.records.batch import BatchHeader

_CHUNK: Final = 4 << 20


class Act(NamedTuple):
    """One thing that was done, or would be."""

    path: str
    what: str


class _Planned(NamedTuple):
    act: Act
    do: Callable[[], None]


def repair(directory: str, *, apply: bool = False, config: LogConfig | None = None) -> list[Act]:
    """What it takes to make the partition's `directory` sound, done if `apply`. Raises InspectError, LockedError, OSError."""
    directory = os.path.realpath(directory)
    gone = missing_partition(directory)
    if (gone is None and not os.path.isdir(directory)) or not names.parse_partition_directory(os.path.basename(directory)):
        raise InspectError(f"{directory}: not a partition's directory (topic-partition)")
    data_directory = os.path.dirname(directory)
    in_data_directory = os.path.exists(f"{data_directory}/{names.META_PROPERTIES}")
    lock = file_lock.acquire(f"{data_directory}/{names.LOCK}") if in_data_directory and apply else None
    try:
        if gone is not None:
            planned = [_make_anew(directory, gone), *_plan_scan(data_directory)]
        elif planned := _plan(directory, config or LogConfig()):
            planned += [*_plan_scan(data_directory), *_plan_points(directory, data_directory)] if in_data_directory else []
        if apply:
            for step in planned:
                step.do()
    finally:
        if lock is not None:
            lock.release()
    return [step.act for step in planned]


def _plan(directory: str, config: LogConfig) -> list[_Planned]:
    planned: list[_Planned] = []
    end: int | None = None
    broken = False
    for path in segment_paths(directory):
        base_offset = base_offset_of(path)
        if broken or (end is not None and base_offset < end):
            broken = True
            planned += _set_aside_whole(path)
            continue
        scanned, rebuilt = _rebuild(path, config)
        end = scanned.next_offset
        if scanned.fault is not None:
            broken = True
            planned.append(_cut(scanned))
        if broken or any(found.severity is Severity.STALE for found in verify(path)) or _lacks_index(path):
            planned.append(_write_indexes(path, rebuilt))
    flushed, start = flushed_up_to(directory)
    if max(end or 0, start) < flushed:
        end = max(end or 0, start)
        planned.append(_Planned(Act(directory, f"accept that offsets {end} to {flushed - 1} are lost"), _nothing))
    return planned + _plan_side_files(directory, end)


def _nothing() -> None:
    """The acts that follow do it."""


def _rebuild(path: str, config: LogConfig) -> tuple[ScannedFile, Segment]:
    segment = Segment(os.path.dirname(path), base_offset_of(path))
    segment.start_indexes(config)

    def visit(position: int, header: BatchHeader, batch: memoryview) -> None:
        segment.note(position, header.last_offset, header.max_timestamp, config.index_interval_bytes)

    scanned = scan_path(path, visit)
    segment.close_indexes()
    return scanned, segment


def _lacks_index(path: str) -> bool:
    return not (os.path.exists(sibling(path, names.OFFSET_INDEX)) and os.path.exists(sibling(path, names.TIME_INDEX)))


def _cut(scanned: ScannedFile) -> _Planned:
    aside = f"{scanned.path}.{scanned.sound_size}{names.DAMAGED}"
    left = scanned.size - scanned.sound_size

    def do() -> None:
        with open(scanned.path, "r+b") as file, open(aside, "wb") as copy:
            file.seek(scanned.sound_size)
            while chunk := file.read(_CHUNK):
                copy.write(chunk)
            copy.flush()
            os.fsync(copy.fileno())
            file.truncate(scanned.sound_size)
            os.fsync(file.fileno())

    reason = scanned.fault.reason if scanned.fault is not None else ""
    what = f"cut {left} bytes from position {scanned.sound_size} on ({reason}), kept as {os.path.basename(aside)}"
    return _Planned(Act(scanned.path, what), do)


def _set_aside_whole(path: str) -> list[_Planned]:
    planned = [_Planned(Act(path, "set aside: it follows a fault"), lambda: os.rename(path, path + names.DAMAGED))]
    for suffix in (names.OFFSET_INDEX, names.TIME_INDEX, names.TRANSACTION_INDEX):
        if os.path.exists(other := sibling(path, suffix)):
            planned.append(_remove(other, "its segment is set aside"))
    return planned


def _remove(path: str, why: str) -> _Planned:
    return _Planned(Act(path, f"remove: {why}"), lambda: os.remove(path))


def _write_indexes(path: str, segment: Segment) -> _Planned:
    def do() -> None:
        if segment.offset_index is not None and segment.time_index is not None:
            _write(sibling(path, names.OFFSET_INDEX), segment.offset_index.encoded())
            _write(sibling(path, names.TIME_INDEX), segment.time_index.encoded())

    return _Planned(Act(path, "rebuild both indexes"), do)


def _plan_side_files(directory: str, end: int | None) -> list[_Planned]:
    planned: list[_Planned] = []
    for name in sorted(os.listdir(directory)):
        path, parsed = f"{directory}/{name}", names.parse_segment_file(name)
        if parsed is not None and parsed[1] == names.SNAPSHOT and not parsed[2]:
            if end is not None and parsed[0] > end:
                planned.append(_remove(path, f"it is as of offset {parsed[0]}, the log ends at {end}"))
            elif not _readable(lambda path=path: producer_snapshot.decode(read(path))):  # type: ignore[misc]
                planned.append(_remove(path, "unreadable"))
    return planned + _plan_epochs(f"{directory}/{names.LEADER_EPOCH_CHECKPOINT}", end)


def _plan_epochs(path: str, end: int | None) -> list[_Planned]:
    if not os.path.exists(path):
        return []
    try:
        epochs = EpochCache.decode(read(path))
    except OdradekError:
        return [_remove(path, "unreadable")]
    # An epoch that begins at the end is sound: a log that retention has emptied keeps its last one so.
    if end is None or not epochs.truncate_from_end(end + 1):
        return []
    return [_Planned(Act(path, f"forget epochs that begin after offset {end}"), lambda: _write(path, epochs.encode()))]


def _make_anew(directory: str, gone: Missing) -> _Planned:
    """An empty log under the next offsets. Built aside: a directory that is there is one that nobody looks for any more."""
    made = directory + names.TEMPORARY

    def do() -> None:
        os.makedirs(made, exist_ok=True)
        for suffix in (names.LOG, names.OFFSET_INDEX, names.TIME_INDEX):
            _write(f"{made}/{names.segment_file(gone.end_offset, suffix)}", b"")
        _sync_directory(made)
        os.rename(made, directory)
        _sync_directory(os.path.dirname(directory))

    lost = f"what it held below offset {gone.end_offset} is" if gone.end_offset else "whatever it held is"
    return _Planned(Act(directory, f"make it anew, empty, from offset {gone.end_offset} on: accept that {lost} lost"), do)


def _plan_scan(data_directory: str) -> list[_Planned]:
    mark = f"{data_directory}/{names.CLEAN_SHUTDOWN}"
    return [_remove(mark, "the next start looks at everything")] if os.path.exists(mark) else []


def _plan_points(directory: str, data_directory: str) -> list[_Planned]:
    """The next start must scan this partition anew, whatever the checkpoints said."""
    path = f"{data_directory}/{names.RECOVERY_POINT_CHECKPOINT}"
    key = names.parse_partition_directory(os.path.basename(directory))
    if not os.path.exists(path) or key is None:
        return []
    try:
        points = checkpoints.decode_offsets(read(path))
    except OdradekError:
        return [_remove(path, "unreadable")]
    if not points.pop(key, 0):
        return []
    act = Act(path, f"forget the recovery point of {os.path.basename(directory)}")
    return [_Planned(act, lambda: _write(path, checkpoints.encode_offsets(points)))]


def _readable(reading: Callable[[], object]) -> bool:
    try:
        reading()
    except OdradekError:
        return False
    return True


def _write(path: str, data: bytes) -> None:
    """Replace a file so that it is never seen half written."""
    with open(path + names.TEMPORARY, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + names.TEMPORARY, path)


def _sync_directory(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
