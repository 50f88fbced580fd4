"""ListOffsets (API key 2), versions 1 to 11.

An offset for a moment: -1 the end (the last stable offset for `read_committed`), -2 the start, -3 the record with the
largest timestamp (KIP-734), -4 the earliest local offset (the start: nothing is tiered), -5 the latest tiered and -6
the earliest pending upload (none: -1). A partition that is named twice is answered once, with INVALID_REQUEST.
Anything else is a time, answered with the first record at or after it. Finding
a time may read the log, so the handler is a coroutine.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from odradek.base.errors import OdradekError
from odradek.log.results import FoundTimestamp
from odradek.wire.errors import ErrorCode
from odradek.wire.messages.list_offsets import (
    ListOffsetsPartition,
    ListOffsetsPartitionResponse,
    ListOffsetsRequest,
    ListOffsetsResponse,
    ListOffsetsTopicResponse,
)

if TYPE_CHECKING:
    from odradek.broker.context import RequestContext
    from odradek.replication.partition import Partition

LATEST, EARLIEST, MAX_TIMESTAMP = -1, -2, -3
EARLIEST_LOCAL, LATEST_TIERED, EARLIEST_PENDING_UPLOAD = -4, -5, -6
_NEEDED_VERSION = {MAX_TIMESTAMP: 7, EARLIEST_LOCAL: 8, LATEST_TIERED: 9, EARLIEST_PENDING_UPLOAD: 11}
_READ_COMMITTED = 1
_NOTHING = FoundTimestamp(-1, -1, -1)


async def handle(request: ListOffsetsRequest, context: RequestContext) -> ListOffsetsResponse:
    """One answer per partition asked for."""
    topics = []
    for topic in request.topics:
        counts = Counter(asked.partition_index for asked in topic.partitions)
        answers = [
            await _answer(topic.name, asked, request.isolation_level, context, twice=counts[index] > 1)
            for index, asked in {each.partition_index: each for each in topic.partitions}.items()
        ]
        topics.append(ListOffsetsTopicResponse(topic.name, answers))
    return ListOffsetsResponse(topics=topics)


async def _answer(
    topic: str, asked: ListOffsetsPartition, isolation: int, context: RequestContext, *, twice: bool
) -> ListOffsetsPartitionResponse:
    answer = ListOffsetsPartitionResponse(asked.partition_index, timestamp=-1, offset=-1)
    if twice:
        answer.error_code = ErrorCode.INVALID_REQUEST
        return answer
    if context.version < _NEEDED_VERSION.get(asked.timestamp, 0) or asked.timestamp < EARLIEST_PENDING_UPLOAD:
        answer.error_code = ErrorCode.UNSUPPORTED_VERSION
        return answer
    try:
        partition = context.broker.partitions.by_name(topic, asked.partition_index)
        partition.check_leader_epoch(asked.current_leader_epoch)
        found = await _find(partition, asked.timestamp, isolation)
        answer.offset, answer.timestamp, answer.leader_epoch = found
    except OdradekError as error:
        answer.error_code = getattr(error, "code", ErrorCode.UNKNOWN_SERVER_ERROR)
    return answer


async def _find(partition: Partition, timestamp: int, isolation: int) -> FoundTimestamp:
    log = partition.log
    end = partition.last_stable_offset if isolation == _READ_COMMITTED else partition.high_watermark
    if timestamp == LATEST:
        return FoundTimestamp(end, -1, partition.leader_epoch)
    if timestamp in (EARLIEST, EARLIEST_LOCAL):
        # An empty log has no epoch yet; Kafka notes a leader's epoch when it becomes the leader.
        empty = log.log_start_offset == log.log_end_offset
        epoch = partition.leader_epoch if empty else log.epochs.epoch_for_offset(log.log_start_offset)
        return FoundTimestamp(log.log_start_offset, -1, epoch)
    if timestamp in (LATEST_TIERED, EARLIEST_PENDING_UPLOAD):
        return _NOTHING
    found = await (log.max_timestamp() if timestamp == MAX_TIMESTAMP else log.offset_for_timestamp(timestamp))
    return found if found is not None and found.offset < end else _NOTHING
