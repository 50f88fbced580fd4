"""What each partition of a fetch would give: a slice of a file, or an error; no byte is read.

Asked in Kafka's order: is there such a partition, does the asker mean its present leader, may it read here at all, has its log
diverged from ours (KIP-595), and only then for the offset. A wrong answer here is a client that reads on behind a truncation,
or looks for metadata for ever; so each refusal has Kafka's code, and nothing of what was found out before it is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NoReturn

from odradek.base.errors import OdradekError
from odradek.broker.partitions import UnknownTopicId
from odradek.log.errors import OffsetOutOfRange
from odradek.log.results import EMPTY_SLICE, WOULD_BLOCK, Slice
from odradek.wire.errors import ErrorCode
from odradek.wire.messages.fetch import EpochEndOffset, PartitionData

if TYPE_CHECKING:
    from odradek.broker.fetch_session import FetchItem
    from odradek.broker.partitions import PartitionTable
    from odradek.replication.partition import Partition


class NotAReplica(OdradekError):
    """A fetch by a broker that has no replica of the partition."""

    code: ClassVar[int] = ErrorCode.NOT_LEADER_OR_FOLLOWER


class InconsistentTopicId(OdradekError):
    """A session's topic was deleted, and another one has its name."""

    code: ClassVar[int] = ErrorCode.INCONSISTENT_TOPIC_ID


class Measured:
    """What one partition would give. `cold` when finding it needs the disk: then `limits` are what to look for with
    (bytes at most, the exclusive end offset, whether one batch may be larger)."""

    __slots__ = ("cold", "data", "item", "limits", "partition", "slice")

    def __init__(self, item: FetchItem) -> None:
        self.item = item
        self.partition: Partition | None = None
        self.slice: Slice = EMPTY_SLICE
        self.cold = False
        self.limits = (0, 0, False)
        self.data = PartitionData(item.index, high_watermark=-1, records=b"")

    def fail(self, error: Exception) -> None:
        """Answer with the error alone, whatever was found out before it."""
        code = getattr(error, "code", ErrorCode.KAFKA_STORAGE_ERROR)
        self.data = PartitionData(self.item.index, error_code=code, high_watermark=-1, records=b"")
        if self.partition is not None:  # where there is no such partition, Kafka says "none" instead of null
            self.data.aborted_transactions = None


class Measurer:
    """How one fetch asks: by id or by name, for committed records or all, as the replica on a broker (-1: none)."""

    __slots__ = ("_committed", "_partitions", "by_id", "replica_id")

    def __init__(self, partitions: PartitionTable, *, by_id: bool, committed: bool, replica_id: int = -1) -> None:
        self.by_id = by_id
        self.replica_id = replica_id
        self._committed = committed
        self._partitions = partitions

    def measure(self, found: Measured, max_bytes: int, *, min_one_batch: bool) -> None:
        """Fill in `found`. Raises what the partition refuses, each with Kafka's `code`."""
        item, data, table = found.item, found.data, self._partitions
        try:
            partition = table.by_id(item.topic_id, item.index) if self.by_id else table.by_name(item.topic, item.index)
        except UnknownTopicId as error:
            self._topic_is_gone(found, error)
        found.partition = partition
        data.aborted_transactions = None  # null but for who asked for read_committed
        if item.current_leader_epoch >= 0:  # any negative epoch means that the client doesn't say
            partition.check_leader_epoch(item.current_leader_epoch)
        if self.replica_id >= 0:
            raise NotAReplica(f"{partition.topic}-{partition.index} has no replica on a broker {self.replica_id}")
        if item.last_fetched_epoch >= 0 and _diverges(found, partition):
            return
        end = partition.last_stable_offset if self._committed else partition.high_watermark
        found.limits = (min(item.max_bytes, max_bytes), end, min_one_batch)
        result = partition.log.read_slice(item.fetch_offset, found.limits[0], end, min_one_batch=min_one_batch)
        if result is WOULD_BLOCK:
            found.cold = True
        else:
            found.slice = result
        _tell_offsets(data, partition)
        if self._committed:
            data.aborted_transactions = []

    def _topic_is_gone(self, found: Measured, error: UnknownTopicId) -> NoReturn:
        """A session keeps the name that an id had: it is asked for then, as Kafka does."""
        item = found.item
        if not item.topic:
            raise error
        found.partition = self._partitions.by_name(item.topic, item.index)
        raise InconsistentTopicId(f"{item.topic} is another topic than the one that was asked for")


def _diverges(found: Measured, partition: Partition) -> bool:
    """Whether what the asker fetched last is not what this log holds there: then it is told where they part."""
    epoch, end = partition.end_offset_for_epoch(found.item.last_fetched_epoch)
    if epoch < 0 or end < 0:
        log = partition.log
        raise OffsetOutOfRange(log.name, found.item.fetch_offset, log.log_start_offset, log.log_end_offset)
    if epoch == found.item.last_fetched_epoch and end >= found.item.fetch_offset:
        return False
    found.data.diverging_epoch = EpochEndOffset(epoch, end)
    _tell_offsets(found.data, partition)
    return True


def _tell_offsets(data: PartitionData, partition: Partition) -> None:
    data.high_watermark = partition.high_watermark
    data.last_stable_offset = partition.last_stable_offset
    data.log_start_offset = partition.log.log_start_offset
