"""OffsetForLeaderEpoch (API key 23), versions 2 to 4.

Where a leader epoch ended: how a consumer finds out that what it read has been cut off since (KIP-320), and how a
follower of the old kind decides where to cut (KIP-279). Answers the largest epoch at or below the asked one, and its
end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from odradek.base.errors import OdradekError
from odradek.sync.turns import pieces
from odradek.wire.errors import ErrorCode
from odradek.wire.messages.offset_for_leader_epoch import (
    EpochEndOffset,
    OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse,
    OffsetForLeaderPartition,
    OffsetForLeaderTopicResult,
)

if TYPE_CHECKING:
    from odradek.broker.context import RequestContext


async def handle(request: OffsetForLeaderEpochRequest, context: RequestContext) -> OffsetForLeaderEpochResponse:
    """One answer per partition asked for; -1 for epoch and offset where the epoch is not known."""
    topics = [OffsetForLeaderTopicResult(topic.topic) for topic in request.topics]
    places = (
        (result, asked) for topic, result in zip(request.topics, topics, strict=True) for asked in topic.partitions
    )  # fmt: skip
    async for piece in pieces(places):
        for result, asked in piece:
            result.partitions.append(_answer(result.topic, asked, context))
    return OffsetForLeaderEpochResponse(topics=topics)


def _answer(topic: str, asked: OffsetForLeaderPartition, context: RequestContext) -> EpochEndOffset:
    answer = EpochEndOffset(partition=asked.partition)
    try:
        partition = context.broker.partitions.by_name(topic, asked.partition)
        partition.check_leader_epoch(asked.current_leader_epoch)
        answer.leader_epoch, answer.end_offset = partition.end_offset_for_epoch(asked.leader_epoch)
    except OdradekError as error:
        answer.error_code = getattr(error, "code", ErrorCode.UNKNOWN_SERVER_ERROR)
    return answer
