"""CreatePartitions (API key 37), versions 0 to 3.

`count` is what the topic shall have, not what is added. Records stay where they are, and keys may from then on go
elsewhere: that is the asker's to know. A topic that the request names twice is refused.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from odradek.metadata.errors import MetadataError
from odradek.metadata.topics import NewPartitions
from odradek.wire.errors import ErrorCode
from odradek.wire.messages.create_partitions import (
    CreatePartitionsRequest,
    CreatePartitionsResponse,
    CreatePartitionsTopic,
    CreatePartitionsTopicResult,
)

if TYPE_CHECKING:
    from odradek.broker.context import RequestContext


async def handle(request: CreatePartitionsRequest, context: RequestContext) -> CreatePartitionsResponse:
    """One result per topic; the partitions can be produced to when success is answered."""
    given = [topic.name for topic in request.topics]
    twice = dict.fromkeys(name for name, count in Counter(given).items() if count > 1)
    wanted = [topic for topic in request.topics if topic.name not in twice]
    results = await context.broker.controller.create_partitions(
        [_new_partitions(topic) for topic in wanted], validate_only=request.validate_only
    )
    answers = [CreatePartitionsTopicResult(name, ErrorCode.INVALID_REQUEST, "Duplicate topic name.") for name in twice]
    for topic, result in zip(wanted, results, strict=True):
        refused = isinstance(result, MetadataError)
        code = result.code if isinstance(result, MetadataError) else ErrorCode.NONE
        answers.append(CreatePartitionsTopicResult(topic.name, code, str(result) if refused else None))
    return CreatePartitionsResponse(results=answers)


def _new_partitions(topic: CreatePartitionsTopic) -> NewPartitions:
    placed = topic.assignments
    assignments = None if placed is None else [assignment.broker_ids for assignment in placed]
    return NewPartitions(topic.name, topic.count, assignments)
