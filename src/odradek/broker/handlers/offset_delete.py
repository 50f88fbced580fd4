"""OffsetDelete (API key 47), version 0: some of a group's offsets, of topics that no member subscribes to (KIP-496)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from odradek.broker.handlers._client import client_of
from odradek.wire.errors import ErrorCode
from odradek.wire.messages.offset_delete import (
    OffsetDeleteRequest,
    OffsetDeleteResponse,
    OffsetDeleteResponsePartition,
    OffsetDeleteResponseTopic,
)

if TYPE_CHECKING:
    from odradek.broker.context import RequestContext


async def handle(request: OffsetDeleteRequest, context: RequestContext) -> OffsetDeleteResponse:
    """Partitions that do not exist are refused one by one, what concerns the group is the response's error."""
    image = context.broker.image
    refused: dict[str, list[OffsetDeleteResponsePartition]] = {}
    for topic in request.topics:
        found = image.topic(topic.name)
        count = 0 if found is None else len(found.partitions)
        refused[topic.name] = [
            OffsetDeleteResponsePartition(partition_index=each.partition_index, error_code=ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
            for each in topic.partitions
            if not 0 <= each.partition_index < count
        ]
        topic.partitions = [each for each in topic.partitions if 0 <= each.partition_index < count]
    request.topics = [topic for topic in request.topics if topic.partitions]
    response = await context.broker.groups.offset_delete(request, client_of(context))
    if response.error_code == ErrorCode.NONE:
        for answered in response.topics:
            refused[answered.name] += answered.partitions
        response.topics = [OffsetDeleteResponseTopic(name=name, partitions=partitions) for name, partitions in refused.items()]
    return response
