"""One segment: a stretch of the log in one file, with its two indexes.

A segment is *active* (the last one, takes appends) or *sealed*. Its size is kept here, so nothing asks the file
system for it. The file is opened when it is needed, and so are the indexes; an idle segment is a handful of numbers.

Index entries are made in memory and written whole when the segment is sealed, closed or put to rest. A crash loses at
most what recovery rebuilds anyway: it scans the active segment, and any other whose index is missing or makes no
sense.
"""

from __future__ import annotations

from odradek.aio.storage import File, Storage
from odradek.base.errors import check
from odradek.log import names
from odradek.log.config import LogConfig
from odradek.log.offset_index import OffsetIndex
from odradek.log.results import Lease
from odradek.log.time_index import NO_TIMESTAMP, TimeIndex

_MIN_INDEX_BYTES = 64  # some entries must fit, however small segment.index.bytes is set
_INDEX_READ_LIMIT = 2**31


class Segment:
    """Numbers, and what is open. One log's, touched from its loop only."""

    __slots__ = (
        "base_offset",
        "created_ms",
        "directory",
        "dirty",
        "file",
        "first_timestamp",
        "index_after",
        "indexes_saved",
        "jitter_ms",
        "lease",
        "max_timestamp",
        "max_timestamp_offset",
        "offset_index",
        "size",
        "time_index",
        "used",
    )

    def __init__(self, directory: str, base_offset: int, *, size: int = 0, created_ms: int = 0, jitter_ms: int = 0) -> None:
        self.directory = directory
        self.base_offset = base_offset
        self.size = size
        self.created_ms = created_ms
        self.jitter_ms = jitter_ms
        self.file: File | None = None
        self.offset_index: OffsetIndex | None = None
        self.time_index: TimeIndex | None = None
        self.first_timestamp: int | None = None  # the first batch's largest one
        self.max_timestamp = NO_TIMESTAMP
        self.max_timestamp_offset = base_offset
        self.index_after = 0  # a batch that begins beyond this position gets an index entry
        self.dirty = False  # holds bytes that no fdatasync covers
        self.indexes_saved = False  # the files say what the objects say
        self.used = False  # since the last sweep for files to close
        self.lease = Lease()

    def path(self, suffix: str) -> str:
        return f"{self.directory}/{names.segment_file(self.base_offset, suffix)}"

    @property
    def is_ready(self) -> bool:
        return self.file is not None and self.offset_index is not None and self.time_index is not None

    async def open_file(self, storage: Storage, *, create: bool = False) -> File:
        """The log file, opened if it isn't."""
        if self.file is None:
            file = await storage.open(self.path(names.LOG), create=create)
            if self.file is not None:  # somebody else was quicker
                await file.close()
            else:
                self.file = file
        self.used = True
        return self.file

    def start_indexes(self, config: LogConfig) -> None:
        """Empty indexes: for a new segment, or before rebuilding them."""
        limit = max(config.segment_index_bytes, _MIN_INDEX_BYTES)
        self.offset_index = OffsetIndex(self.base_offset, limit)
        self.time_index = TimeIndex(self.base_offset, limit)
        self.max_timestamp = NO_TIMESTAMP
        self.max_timestamp_offset = self.base_offset
        self.index_after = config.index_interval_bytes
        self.indexes_saved = False

    async def load_indexes(self, storage: Storage, config: LogConfig) -> None:
        """Read both index files. Raises CorruptIndex or FileNotFoundError: then they have to be rebuilt."""
        if self.offset_index is not None and self.time_index is not None:
            return
        limit = max(config.segment_index_bytes, _MIN_INDEX_BYTES)
        positions = await storage.read_bytes(self.path(names.OFFSET_INDEX), limit=_INDEX_READ_LIMIT)
        times = await storage.read_bytes(self.path(names.TIME_INDEX), limit=_INDEX_READ_LIMIT)
        self.adopt_indexes(
            OffsetIndex.load(self.base_offset, positions, limit, log_size=self.size),
            TimeIndex.load(self.base_offset, times, limit),
            config,
        )

    def adopt_indexes(self, offset_index: OffsetIndex, time_index: TimeIndex, config: LogConfig) -> None:
        """Take indexes that fit the file as it is on disk."""
        self.offset_index = offset_index
        self.time_index = time_index
        self.max_timestamp, self.max_timestamp_offset = time_index.last_entry
        last_position = offset_index.entry_at(len(offset_index) - 1).position if len(offset_index) else 0
        self.index_after = last_position + config.index_interval_bytes
        self.indexes_saved = True

    def take_indexes_of(self, rebuilt: Segment) -> None:
        """Take what a scan of this segment's file has made."""
        self.offset_index = rebuilt.offset_index
        self.time_index = rebuilt.time_index
        self.max_timestamp = rebuilt.max_timestamp
        self.max_timestamp_offset = rebuilt.max_timestamp_offset
        self.first_timestamp = rebuilt.first_timestamp
        self.index_after = rebuilt.index_after
        self.indexes_saved = False

    def note(self, position: int, last_offset: int, max_timestamp: int, interval: int) -> None:
        """A batch lies at `position`: keep the largest timestamp and, each `interval` bytes, make index entries.

        The order is Kafka's: the batch's own timestamp counts for the entry made at it.
        """
        if self.first_timestamp is None:
            self.first_timestamp = max_timestamp
        if max_timestamp > self.max_timestamp:
            self.max_timestamp = max_timestamp
            self.max_timestamp_offset = last_offset
        if position > self.index_after:
            self.add_index_entry(position, last_offset, interval)

    def add_index_entry(self, position: int, last_offset: int, interval: int) -> None:
        offset_index, time_index = self._indexes()
        if not offset_index.is_full and not time_index.is_full:
            offset_index.append(last_offset, position)
            time_index.maybe_append(self.max_timestamp, self.max_timestamp_offset)
        self.index_after = position + interval
        self.indexes_saved = False

    @property
    def index_full(self) -> bool:
        """The segment has to be rolled, since its indexes take no more."""
        offset_index, time_index = self._indexes()
        return offset_index.is_full or time_index.is_full

    def _indexes(self) -> tuple[OffsetIndex, TimeIndex]:
        offset_index, time_index = self.offset_index, self.time_index
        if offset_index is None or time_index is None:
            check(False, "a segment's indexes must be loaded to be used", path=self.path(names.LOG))
            raise AssertionError  # check() has raised; this tells the type checker so
        return offset_index, time_index

    def close_indexes(self) -> None:
        """Add the closing entry, so that the time index alone tells the segment's largest timestamp."""
        _, time_index = self._indexes()
        if self.max_timestamp > time_index.last_entry.timestamp:
            time_index.maybe_append(self.max_timestamp, self.max_timestamp_offset, closing=True)
            self.indexes_saved = False

    async def save_indexes(self, storage: Storage, *, sync: bool) -> None:
        """Write both index files, whole, if they are out of date."""
        if self.indexes_saved:
            return
        offset_index, time_index = self._indexes()
        self.indexes_saved = True
        try:
            await storage.write_atomically(self.path(names.OFFSET_INDEX), offset_index.encoded(), sync=sync)
            await storage.write_atomically(self.path(names.TIME_INDEX), time_index.encoded(), sync=sync)
        except OSError:
            self.indexes_saved = False
            raise

    def take_file(self) -> File | None:
        """Its file, to be closed by the caller; the segment can be opened again."""
        file, self.file = self.file, None
        return file

    async def close_file(self) -> None:
        """Give the descriptor back."""
        file = self.take_file()
        if file is not None:
            await file.close()

    def drop_indexes(self) -> None:
        """Free the memory of indexes that are in their files."""
        if self.indexes_saved:
            self.offset_index = self.time_index = None
