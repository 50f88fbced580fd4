"""OffsetCommit (API key 8), versions 2 to 10.

Version 2 to 4 carry a retention time of the client's own, 6 the leader epoch (KIP-320), 7 static members (KIP-345), 9
answers an unknown group with GROUP_ID_NOT_FOUND, 10 names topics by id. Here topics are found and their partitions
checked; the rest is the coordinator's. An id is looked up for names, too: it is stored with the offset, as Kafka
does, and tells a topic from an earlier one of the same name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from odradek.broker.handlers._client import client_of
from odradek.wire.errors import ErrorCode
from odradek.wire.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestTopic,
    OffsetCommitResponse,
    OffsetCommitResponsePartition,
    OffsetCommitResponseTopic,
)

if TYPE_CHECKING:
    from odradek.broker.context import RequestContext
    from odradek.metadata.image import TopicImage

TOPIC_IDS_SINCE = 10


async def handle(request: OffsetCommitRequest, context: RequestContext) -> OffsetCommitResponse:
    """Answers when the offsets are committed; what does not exist is refused and keeps nothing else from being committed."""
    image = context.broker.image
    by_id = context.version >= TOPIC_IDS_SINCE
    answers: list[OffsetCommitResponseTopic] = []
    existing: list[tuple[OffsetCommitRequestTopic, OffsetCommitResponseTopic]] = []
    for topic in request.topics:
        found = image.topic_by_id(topic.topic_id) if by_id else image.topic(topic.name)
        unknown = ErrorCode.UNKNOWN_TOPIC_ID if by_id and found is None else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        answer = _refuse_missing(topic, found, unknown)
        answers.append(answer)
        if found is not None and topic.partitions:
            topic.name, topic.topic_id = found.name, found.topic_id
            existing.append((topic, answer))
    if existing:
        request.topics = [topic for topic, _ in existing]
        committed = await context.broker.groups.offset_commit(request, client_of(context))
        for (_, answer), outcome in zip(existing, committed.topics, strict=True):
            answer.partitions += outcome.partitions
    return OffsetCommitResponse(topics=answers)


def _refuse_missing(topic: OffsetCommitRequestTopic, found: TopicImage | None, error: int) -> OffsetCommitResponseTopic:
    """Take the partitions that do not exist out of `topic`, into the answer."""
    count = 0 if found is None else len(found.partitions)
    missing = [each for each in topic.partitions if not 0 <= each.partition_index < count]
    topic.partitions = [each for each in topic.partitions if 0 <= each.partition_index < count]
    return OffsetCommitResponseTopic(
        name=topic.name,
        topic_id=topic.topic_id,
        partitions=[OffsetCommitResponsePartition(partition_index=each.partition_index, error_code=error) for each in missing],
    )
