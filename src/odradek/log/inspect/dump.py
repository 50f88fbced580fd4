"""What a file of a log says, entry by entry.

A file is known by its name: the suffix of a segment's files (also behind `.deleted`, `.swap`, `.cleaned`), the names
of checkpoints and the like. Everything comes out as named tuples, ready for a table or for JSON.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from enum import StrEnum
from struct import Struct
from typing import Final, NamedTuple

from odradek.base.errors import OdradekError
from odradek.base.ids import uuid_to_text
from odradek.log import checkpoints, clean_shutdown, meta_properties, names, partition_metadata, producer_snapshot
from odradek.log.epoch_cache import EpochCache
from odradek.log.index_entries import trim_zeros
from odradek.log.inspect.internal_records import reader_of
from odradek.log.inspect.scanning import ScannedFile, base_offset_of, read, topic_of, walk_path
from odradek.log.meta_properties import MetaProperties
from odradek.log.offset_index import ENTRY_SIZE as OFFSET_ENTRY_SIZE
from odradek.log.offset_index import OffsetIndex
from odradek.log.time_index import ENTRY_SIZE as TIME_ENTRY_SIZE
from odradek.log.time_index import TimeIndex
from odradek.records.batch import BatchHeader
from odradek.records.record import Record, read_records


class InspectError(OdradekError):
    """A path that is nothing of a log's."""


class Kind(StrEnum):
    """What a file is to a log."""

    LOG = "log"
    OFFSET_INDEX = "offset index"
    TIME_INDEX = "time index"
    TRANSACTION_INDEX = "transaction index"
    SNAPSHOT = "producer snapshot"
    EPOCHS = "leader epochs"
    OFFSETS = "offset checkpoint"
    PARTITION_METADATA = "partition metadata"
    META_PROPERTIES = "directory identity"
    CLEAN_SHUTDOWN = "clean mark"


class DumpedBatch(NamedTuple):
    """A sound batch. `records` is None unless they were asked for; an internal topic's are read (`internal_records`)."""

    position: int
    size: int
    header: BatchHeader
    records: tuple[NamedTuple, ...] | None


class DumpedFault(NamedTuple):
    """Where the batches end before the file does."""

    position: int
    bytes_left: int
    reason: str


class DumpedProducer(NamedTuple):
    """A producer in a snapshot."""

    producer_id: int
    epoch: int
    last_sequence: int
    last_offset: int
    last_timestamp: int
    coordinator_epoch: int
    transaction_first_offset: int


class DumpedOffset(NamedTuple):
    """A line of an offset checkpoint."""

    topic: str
    partition: int
    offset: int


class DumpedTopicId(NamedTuple):
    """The topic that a partition's directory belongs to."""

    topic_id: str


class DumpedCleanMark(NamedTuple):
    """The broker epoch of a run that ended in order; -1 when unknown."""

    broker_epoch: int


class AbortedTransaction(NamedTuple):
    """An entry of a transaction index (34 bytes, big endian: version int16, then four int64)."""

    version: int
    producer_id: int
    first_offset: int
    last_offset: int
    last_stable_offset: int


_ABORTED: Final = Struct(">hqqqq")
_BY_SUFFIX: Final = {
    names.LOG: Kind.LOG,
    names.OFFSET_INDEX: Kind.OFFSET_INDEX,
    names.TIME_INDEX: Kind.TIME_INDEX,
    names.TRANSACTION_INDEX: Kind.TRANSACTION_INDEX,
    names.SNAPSHOT: Kind.SNAPSHOT,
}
_BY_NAME: Final = {
    names.LEADER_EPOCH_CHECKPOINT: Kind.EPOCHS,
    names.PARTITION_METADATA: Kind.PARTITION_METADATA,
    names.RECOVERY_POINT_CHECKPOINT: Kind.OFFSETS,
    names.LOG_START_CHECKPOINT: Kind.OFFSETS,
    names.REPLICATION_CHECKPOINT: Kind.OFFSETS,
    names.CLEANER_CHECKPOINT: Kind.OFFSETS,
    names.META_PROPERTIES: Kind.META_PROPERTIES,
    names.CLEAN_SHUTDOWN: Kind.CLEAN_SHUTDOWN,
}


def kind_of(path: str) -> Kind | None:
    """What the file's name says; None for a stranger."""
    name = os.path.basename(path)
    for stage in (names.DELETED, names.CLEANED, names.SWAP, names.DAMAGED):
        name = name.removesuffix(stage)
    return _BY_NAME.get(name) or _BY_SUFFIX.get(os.path.splitext(name)[1])


def known_files(directory: str) -> list[str]:
    """Paths of the files in a directory that `dump` can read, in the order of their names."""
    return sorted(path for path in (f"{directory}/{name}" for name in os.listdir(directory)) if kind_of(path) is not None)


def dump(path: str, *, records: bool = False) -> Iterator[NamedTuple]:
    """The file's entries. `records` decodes those of a log. Raises `InspectError`, the format's error, or OSError."""
    kind = kind_of(path)
    if kind is None:
        raise InspectError(f"{path}: not a file of a log; known are *{', *'.join(_BY_SUFFIX)}, {', '.join(_BY_NAME)}")
    if kind is Kind.LOG:
        return _log(path, records)
    return _READERS[kind](path)


def _log(path: str, with_records: bool) -> Iterator[NamedTuple]:
    walk, read_internal = walk_path(path), reader_of(topic_of(path))
    while True:
        try:
            position, header, batch = next(walk)
        except StopIteration as stop:
            scanned: ScannedFile = stop.value
            break
        yield DumpedBatch(position, len(batch), header, _records(batch, header, read_internal) if with_records else None)
    if scanned.fault is not None:
        yield DumpedFault(scanned.fault.position, scanned.size - scanned.fault.position, scanned.fault.reason)


def _records(
    batch: memoryview, header: BatchHeader, read_internal: Callable[[Record], NamedTuple] | None
) -> tuple[NamedTuple, ...]:
    found = read_records(bytes(batch), header)
    return tuple(found) if read_internal is None or header.is_control else tuple(map(read_internal, found))


def _offset_index(path: str) -> Iterator[NamedTuple]:
    data = trim_zeros(read(path), OFFSET_ENTRY_SIZE)
    return OffsetIndex(base_offset_of(path), len(data), data).entries()


def _time_index(path: str) -> Iterator[NamedTuple]:
    data = trim_zeros(read(path), TIME_ENTRY_SIZE)
    return TimeIndex(base_offset_of(path), len(data), data).entries()


def _transaction_index(path: str) -> Iterator[NamedTuple]:
    data = read(path)
    if len(data) % _ABORTED.size:
        raise InspectError(f"{path}: {len(data)} bytes are no whole number of entries of {_ABORTED.size} bytes")
    return (AbortedTransaction(*fields) for fields in _ABORTED.iter_unpack(data))


def _snapshot(path: str) -> Iterator[NamedTuple]:
    for entry in producer_snapshot.decode(read(path)):
        last = entry.last_batch
        yield DumpedProducer(
            entry.producer_id, entry.epoch, last.last_sequence if last else -1, last.last_offset if last else -1,
            entry.last_timestamp, entry.coordinator_epoch, entry.transaction_first_offset,
        )  # fmt: skip


def _epochs(path: str) -> Iterator[NamedTuple]:
    return iter(EpochCache.decode(read(path)).entries)


def _offsets(path: str) -> Iterator[NamedTuple]:
    found = checkpoints.decode_offsets(read(path))
    return (DumpedOffset(topic, partition, offset) for (topic, partition), offset in sorted(found.items()))


def _topic_id(path: str) -> Iterator[NamedTuple]:
    yield DumpedTopicId(uuid_to_text(partition_metadata.decode(read(path))))


def _identity(path: str) -> Iterator[MetaProperties]:
    yield meta_properties.decode(read(path))


def _clean_mark(path: str) -> Iterator[NamedTuple]:
    yield DumpedCleanMark(clean_shutdown.decode(read(path)))


_READERS: Final[dict[Kind, Callable[[str], Iterator[NamedTuple]]]] = {
    Kind.OFFSET_INDEX: _offset_index,
    Kind.TIME_INDEX: _time_index,
    Kind.TRANSACTION_INDEX: _transaction_index,
    Kind.SNAPSHOT: _snapshot,
    Kind.EPOCHS: _epochs,
    Kind.OFFSETS: _offsets,
    Kind.PARTITION_METADATA: _topic_id,
    Kind.META_PROPERTIES: _identity,
    Kind.CLEAN_SHUTDOWN: _clean_mark,
}
