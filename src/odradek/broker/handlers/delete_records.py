"""DeleteRecords (API key 21), versions 0 to 2.

Moves a partition's start up to an offset; -1 means the high watermark. What lies before is gone for readers at once,
its segments are deleted by the next retention. Refused for topics that are only compacted (their records are not
deleted by offset) and for the coordinators' own topics. The answer's low watermark is the new start: no other
broker's copy holds it back. Of a partition that the request names twice the last offset holds, as in Kafka, and there
is one answer; a topic without partitions is not answered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from odradek.base.errors import OdradekError
from odradek.metadata import names
from odradek.sync.turns import pieces
from odradek.wire.errors import ErrorCode
from odradek.wire.messages.delete_records import (
    DeleteRecordsPartition,
    DeleteRecordsPartitionResult,
    DeleteRecordsRequest,
    DeleteRecordsResponse,
    DeleteRecordsTopicResult,
)

if TYPE_CHECKING:
    from odradek.broker.context import RequestContext

HIGH_WATERMARK = -1
_NO_LOW_WATERMARK = -1


async def handle(request: DeleteRecordsRequest, context: RequestContext) -> DeleteRecordsResponse:
    """One result per partition."""
    wanted = {(topic.name, asked.partition_index): asked for topic in request.topics for asked in topic.partitions}
    results: dict[str, list[DeleteRecordsPartitionResult]] = {}
    async for piece in pieces(wanted.items()):
        for (name, _), asked in piece:
            results.setdefault(name, []).append(await _delete(name, asked, context))
    return DeleteRecordsResponse(topics=[DeleteRecordsTopicResult(name, found) for name, found in results.items()])


async def _delete(topic: str, asked: DeleteRecordsPartition, context: RequestContext) -> DeleteRecordsPartitionResult:
    result = DeleteRecordsPartitionResult(asked.partition_index, _NO_LOW_WATERMARK)
    try:
        partition = context.broker.partitions.by_name(topic, asked.partition_index)
        offset = partition.high_watermark if asked.offset == HIGH_WATERMARK else asked.offset
        if names.is_internal(topic):
            result.error_code = ErrorCode.INVALID_TOPIC_EXCEPTION
        elif partition.log.config.is_compacted and not partition.log.config.deletes:
            result.error_code = ErrorCode.POLICY_VIOLATION
        elif not 0 <= offset <= partition.high_watermark:
            result.error_code = ErrorCode.OFFSET_OUT_OF_RANGE
        else:
            result.low_watermark = await partition.log.delete_records(offset)
    except OdradekError as error:
        result.error_code = getattr(error, "code", ErrorCode.UNKNOWN_SERVER_ERROR)
    return result
