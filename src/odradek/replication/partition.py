"""One partition as its leader sees it: append, commit, wake.

The partition stands between the handlers and the log. It stamps its leader epoch on what is appended, knows how far
consumers may read (the high watermark), when an append counts as committed (what `acks=all` waits for), and whom to
wake when there is more to read. On one node without replicas the high watermark is the log's end and an append is
committed once it is durable; `fsync_all=False` (`odradek.acks.all.fsync`) makes it Kafka's way: committed when
appended.

Commit is a group affair: those who append while a flush runs share the next one. A failed flush fails all that wait,
since the log's directory goes offline with it. Concurrency: a shard's object, touched from its loop only.
"""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import TYPE_CHECKING, ClassVar, Protocol

from odradek.base.errors import OdradekError
from odradek.log.log import Log
from odradek.log.results import NEEDS_ROLL, AppendResult, NeedsRoll
from odradek.replication.commit_queue import CommitQueue
from odradek.wire.errors import ErrorCode

if TYPE_CHECKING:
    from odradek.records.batch import BatchHeader


class Role(Enum):
    """What this node is to the partition."""

    LEADER = "leader"
    FOLLOWER = "follower"


class PartitionError(OdradekError):
    """A request that the partition's state forbids; `code` is Kafka's error code."""

    code: ClassVar[int] = ErrorCode.UNKNOWN_SERVER_ERROR


class FencedLeaderEpoch(PartitionError):
    """The asker knows an older leader than this one (KIP-320)."""

    code: ClassVar[int] = ErrorCode.FENCED_LEADER_EPOCH


class UnknownLeaderEpoch(PartitionError):
    """The asker knows a newer leader: this one has yet to hear of it (KIP-320)."""

    code: ClassVar[int] = ErrorCode.UNKNOWN_LEADER_EPOCH


class NotEnoughReplicas(PartitionError):
    """`acks=all` needs more in-sync replicas than there are."""

    code: ClassVar[int] = ErrorCode.NOT_ENOUGH_REPLICAS


class CommitLost(PartitionError):
    """What was appended is no longer in the log."""

    code: ClassVar[int] = ErrorCode.NOT_LEADER_OR_FOLLOWER


class AppendWatcher(Protocol):
    """Somebody who waits for more to read."""

    def on_append(self, size: int) -> None:
        """`size` bytes more are readable."""


class Partition:
    """The leader's view. `topic_id` is 16 bytes, offsets are Kafka's, the counts of replicas include this one."""

    __slots__ = (
        "_commits",
        "_flush_task",
        "_loop",
        "_watchers",
        "bytes_in",
        "bytes_out",
        "fsync_all",
        "in_sync_count",
        "index",
        "leader_epoch",
        "log",
        "records_in",
        "replica_count",
        "role",
        "topic",
        "topic_id",
    )

    def __init__(
        self,
        topic: str,
        index: int,
        topic_id: bytes,
        log: Log,
        *,
        leader_epoch: int,
        fsync_all: bool,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.topic = topic
        self.index = index
        self.topic_id = topic_id
        self.log = log
        self.role = Role.LEADER
        self.leader_epoch = leader_epoch
        self.in_sync_count = self.replica_count = 1
        self.fsync_all = fsync_all
        # What was appended and fetched since the start, for metrics; whoever fetches adds to `bytes_out`.
        self.bytes_in = self.records_in = self.bytes_out = 0
        self._loop = loop
        self._commits = CommitQueue()
        self._flush_task: asyncio.Task[None] | None = None
        self._watchers: dict[AppendWatcher, None] = {}

    def __repr__(self) -> str:
        return f"<Partition {self.topic}-{self.index} epoch={self.leader_epoch} end={self.log.log_end_offset}>"

    @property
    def high_watermark(self) -> int:
        """The exclusive end of what consumers may read."""
        return self.log.log_end_offset

    @property
    def last_stable_offset(self) -> int:
        """The exclusive end of what `read_committed` consumers may read: without transactions, the high watermark."""
        return self.high_watermark

    @property
    def waiting_commit_count(self) -> int:
        return len(self._commits)

    def check_leader_epoch(self, asked: int) -> None:
        """Raise unless the asker means this leader; -1 means that it doesn't say."""
        if asked == -1 or asked == self.leader_epoch:
            return
        where = f"{self.topic}-{self.index}: leader epoch is {self.leader_epoch}, the request says {asked}"
        raise FencedLeaderEpoch(where) if asked < self.leader_epoch else UnknownLeaderEpoch(where)

    @property
    def min_in_sync_count(self) -> int:
        """How many replicas `acks=all` needs in sync: `min.insync.replicas`, but never more than the partition has.

        Kafka 4 reads it so: one setting for a whole cluster then suits its topics of fewer replicas too.
        """
        return min(self.log.config.min_insync_replicas, self.replica_count)

    def check_in_sync(self) -> None:
        """Raise unless `acks=all` can be honoured now."""
        needed = self.min_in_sync_count
        if self.in_sync_count < needed:
            raise NotEnoughReplicas(
                f"{self.topic}-{self.index}: {self.in_sync_count} of {self.replica_count} replicas in sync, acks=all needs "
                f"{needed} (min.insync.replicas)"
            )

    def append_now(self, batch: bytearray | memoryview, header: BatchHeader, now_ms: int) -> AppendResult | NeedsRoll:
        """Append one checked batch from the loop, or answer NEEDS_ROLL: then `append` is the way."""
        result = self.log.append_now(batch, header, leader_epoch=self.leader_epoch, now_ms=now_ms)
        if result is not NEEDS_ROLL:
            self.bytes_in += header.batch_length
            self.records_in += header.record_count
            if self._watchers:
                self._wake(header.batch_length)
        return result

    async def append(self, batch: bytearray | memoryview, header: BatchHeader, now_ms: int) -> AppendResult:
        """Append one checked batch, rolling the segment first where that is due."""
        result = await self.log.append(batch, header, leader_epoch=self.leader_epoch, now_ms=now_ms)
        self.bytes_in += header.batch_length
        self.records_in += header.record_count
        self._wake(header.batch_length)
        return result

    def commit(self, end_offset: int) -> asyncio.Future[None] | None:
        """A future of everything before `end_offset` being committed; None when it is already."""
        if not self.fsync_all or self.log.durable_offset >= end_offset:
            return None
        return self._await_flush(end_offset)

    def flush_due(self, end_offset: int) -> asyncio.Future[None] | None:
        """Kafka's `flush.messages`: a future of the flush when so many records are unflushed, whatever the acks; else None."""
        if not self.log.flush_due:
            return None
        return self._await_flush(end_offset)

    def end_offset_for_epoch(self, epoch: int) -> tuple[int, int]:
        """The largest epoch at or below `epoch`, and its end (the log end for the newest); (-1, -1) when none is known.

        The leader's own epoch begins at the log's end until something is appended under it. So an epoch between it and the
        log's newest, all of whose records a power cut took, is told to have ended there: a client that has read some goes back
        to where the log was cut, and does not start over wherever `auto.offset.reset` says.
        """
        if epoch == self.leader_epoch:
            return epoch, self.log.log_end_offset
        newest = self.log.latest_epoch
        if newest < epoch < self.leader_epoch:
            return (newest if newest >= 0 else epoch), self.log.log_end_offset
        return self.log.end_offset_for_epoch(epoch)

    def watch(self, watcher: AppendWatcher) -> None:
        self._watchers[watcher] = None

    def unwatch(self, watcher: AppendWatcher) -> None:
        self._watchers.pop(watcher, None)

    def wake(self) -> None:
        """Have everybody who waits for more to read look again now."""
        self._wake(0)

    def retire(self, error: Exception) -> None:
        """The partition is going (deleted, closed, lost): nobody may wait for it any longer."""
        self._commits.fail(error)
        self._wake(0)
        self._watchers.clear()

    def _wake(self, size: int) -> None:
        for watcher in list(self._watchers):
            watcher.on_append(size)

    def _await_flush(self, end_offset: int) -> asyncio.Future[None]:
        future = self._commits.wait(end_offset, self._loop)
        if self._flush_task is None:
            self._flush_task = self._loop.create_task(self._flush_for_waiters())
        return future

    async def _flush_for_waiters(self) -> None:
        # A task's first step runs in the next turn of the loop: all that is appended in this turn shares the first flush.
        try:
            while self._commits:
                await self.log.flush()
                self._commits.release(self.log.durable_offset)
                if self._commits and self._commits.lowest > self.log.log_end_offset:
                    raise CommitLost(f"{self.topic}-{self.index}: the log was cut below what was to be committed")
        except (OdradekError, OSError) as error:
            self._commits.fail(error)
        finally:
            self._flush_task = None
