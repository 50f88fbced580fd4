"""ListOffsets (API key 2), versions 1 to 11.

An offset for a moment: -1 the end (the last stable offset for `read_committed`), -2 the start, -3 the record with the
largest timestamp (KIP-734), -4 the earliest local offset (the start: nothing is tiered), -5 the latest tiered and -6
the earliest pending upload (none: -1). Anything else is a time, answered with the first record at or after it. Finding
a time may read the log, so the handler is a coroutine.

A partition that the request names twice, wherever in it, is answered once, with INVALID_REQUEST; a topic without
partitions is not answered. An isolation level that doesn't exist is refused: to take it for one of the two is a guess.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from odradek.base.errors import OdradekError
from odradek.log.results import FoundTimestamp
from odradek.sync.turns import pieces
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
_READ_UNCOMMITTED, _READ_COMMITTED = 0, 1
_NOTHING = FoundTimestamp(-1, -1, -1)


async def handle(request: ListOffsetsRequest, context: RequestContext) -> ListOffsetsResponse:
    """One answer per partition asked for."""
    known_isolation = request.isolation_level in (_READ_UNCOMMITTED, _READ_COMMITTED)
    by_topic = _by_topic(request)
    answers: dict[str, list[ListOffsetsPartitionResponse]] = {name: [] for name in by_topic}
    places = ((name, index, asked) for name, partitions in by_topic.items() for index, asked in partitions.items())
    async for piece in pieces(places):
        for name, index, (asked, *others) in piece:
            if others or not known_isolation:
                answers[name].append(_refused(index, ErrorCode.INVALID_REQUEST))
            else:
                answers[name].append(await _answer(name, asked, request.isolation_level, context))
    return ListOffsetsResponse(topics=[ListOffsetsTopicResponse(name, found) for name, found in answers.items()])


def _by_topic(request: ListOffsetsRequest) -> dict[str, dict[int, list[ListOffsetsPartition]]]:
    """What is asked, by topic and by partition."""
    found: dict[str, dict[int, list[ListOffsetsPartition]]] = {}
    for topic in request.topics:
        for asked in topic.partitions:
            found.setdefault(topic.name, {}).setdefault(asked.partition_index, []).append(asked)
    return found


def _refused(index: int, code: int) -> ListOffsetsPartitionResponse:
    return ListOffsetsPartitionResponse(index, code, timestamp=-1, offset=-1)


async def _answer(
    topic: str, asked: ListOffsetsPartition, isolation: int, context: RequestContext
) -> ListOffsetsPartitionResponse:
    index = asked.partition_index
    if context.version < _NEEDED_VERSION.get(asked.timestamp, 0) or asked.timestamp < EARLIEST_PENDING_UPLOAD:
        return _refused(index, ErrorCode.UNSUPPORTED_VERSION)
    try:
        partition = context.broker.partitions.by_name(topic, index)
        partition.check_leader_epoch(asked.current_leader_epoch)
        offset, timestamp, epoch = await _find(partition, asked.timestamp, isolation)
    except OdradekError as error:
        return _refused(index, getattr(error, "code", ErrorCode.UNKNOWN_SERVER_ERROR))
    return ListOffsetsPartitionResponse(index, ErrorCode.NONE, timestamp=timestamp, offset=offset, leader_epoch=epoch)


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
