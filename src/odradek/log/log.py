"""A partition's log: cursors, appends, reads."""

from __future__ import annotations

from odradek.log.config import LogConfig
from odradek.log.results import AppendResult, FoundTimestamp, NeedsRoll, Slice, WouldBlock
from odradek.records.batch import BatchHeader


class Log:
    """One partition on disk. One shard's object: all calls come from its loop.

    Made by `LogManager.open_or_create`. Cursors: `log_start_offset <= durable_offset <= log_end_offset` once loaded.
    """

    topic: str
    partition: int
    topic_id: bytes
    directory: str
    name: str  # "topic-partition"
    config: LogConfig
    log_start_offset: int
    log_end_offset: int
    durable_offset: int  # covered by the last finished fdatasync
    size_bytes: int
    offline_reason: str | None  # appends and reads raise LogOffline while set

    def append_now(
        self, batch: bytearray | memoryview, header: BatchHeader, *, leader_epoch: int, now_ms: int
    ) -> AppendResult | NeedsRoll:
        """Append one checked batch in this turn of the loop, or `NEEDS_ROLL`: then await `append`.

        The batch is patched in place (base offset, leader epoch). Raises RecordsError, ProducerStateError or LogError, each
        with a Kafka `code`; the log is then unchanged.
        """
        raise NotImplementedError

    async def append(
        self, batch: bytearray | memoryview, header: BatchHeader, *, leader_epoch: int, now_ms: int
    ) -> AppendResult:
        """As `append_now`, rolling and opening files as needed; callers are served in the order of their calls."""
        raise NotImplementedError

    @property
    def flush_due(self) -> bool:
        """Whether `flush.messages` demands a flush before the next answer."""
        raise NotImplementedError

    def read_slice(
        self, offset: int, max_bytes: int, end_offset: int, *, min_one_batch: bool = True
    ) -> Slice | WouldBlock:
        """Batches from the one that holds `offset` up to `end_offset` (exclusive) and `max_bytes`, whole; `WOULD_BLOCK` when
        finding them needs the disk: then await `read_slice_cold`. Empty at the end. Raises `OffsetOutOfRange`, `LogOffline`."""
        raise NotImplementedError

    async def read_slice_cold(
        self, offset: int, max_bytes: int, end_offset: int, *, min_one_batch: bool = True
    ) -> Slice:
        raise NotImplementedError

    async def flush(self, up_to: int | None = None) -> None:
        """Return once `durable_offset >= up_to` (default: the log end at the call). Shared by all who wait."""
        raise NotImplementedError

    async def offset_for_timestamp(self, timestamp: int) -> FoundTimestamp | None:
        """The first record whose timestamp is at or after `timestamp`."""
        raise NotImplementedError

    async def max_timestamp(self) -> FoundTimestamp | None:
        """The record with the largest timestamp (ListOffsets -3)."""
        raise NotImplementedError

    def end_offset_for_epoch(self, epoch: int) -> tuple[int, int]:
        """(epoch found, its end offset) as OffsetsForLeaderEpoch answers; (-1, -1) when unknown."""
        raise NotImplementedError

    async def truncate_to(self, offset: int) -> None:
        raise NotImplementedError

    async def truncate_fully_and_start_at(self, offset: int) -> None:
        raise NotImplementedError

    async def delete_records(self, before_offset: int) -> int:
        """Move the log start up to `before_offset` (-1: the log end); returns the new log start offset."""
        raise NotImplementedError

    async def retention(self, now_ms: int, *, upper_bound: int | None = None) -> int:
        """Delete segments that the topic's rules release, none at or beyond `upper_bound` (the high watermark)."""
        raise NotImplementedError

    def configure(self, config: LogConfig) -> None:
        raise NotImplementedError
