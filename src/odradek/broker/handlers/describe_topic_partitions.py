"""DescribeTopicPartitions (API key 75), version 0.

Topics page by page, in the order of their names: at most `response_partition_limit` partitions (bounded by
`max.request.partition.size.limit`) are answered, and a cursor says where the next page begins. No topics named means
all. The eligible leader replicas (KIP-966) are empty: a partition's in-sync set says all there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from odradek.broker.handlers._permissions import TOPIC_OPERATIONS
from odradek.metadata import names
from odradek.metadata.image import NO_LEADER, PartitionImage, TopicImage
from odradek.wire.errors import ErrorCode
from odradek.wire.messages.describe_topic_partitions import (
    Cursor,
    DescribeTopicPartitionsRequest,
    DescribeTopicPartitionsResponse,
    DescribeTopicPartitionsResponsePartition,
    DescribeTopicPartitionsResponseTopic,
)

if TYPE_CHECKING:
    from odradek.broker.context import RequestContext


def handle(request: DescribeTopicPartitionsRequest, context: RequestContext) -> DescribeTopicPartitionsResponse:
    """One page."""
    image, cursor = context.broker.image, request.cursor
    asked = sorted({topic.name for topic in request.topics} if request.topics else image.topics)
    if cursor is not None:
        refused = _refused_cursor(cursor, asked, named=bool(request.topics))
        if refused:
            return DescribeTopicPartitionsResponse(
                topics=[DescribeTopicPartitionsResponseTopic(ErrorCode.INVALID_REQUEST, name) for name in refused]
            )
        asked = [name for name in asked if name >= cursor.topic_name]
    remaining = max(1, min(request.response_partition_limit, context.broker.config.get_int("max.request.partition.size.limit")))
    response = DescribeTopicPartitionsResponse()
    for name in asked:
        if remaining == 0:
            response.next_cursor = Cursor(name, 0)
            break
        topic = image.topic(name)
        if topic is None:
            response.topics.append(_missing(name))
            continue
        first = cursor.partition_index if cursor is not None and cursor.topic_name == name else 0
        answer = _page_of(topic, first, remaining)
        response.topics.append(answer)
        remaining -= len(answer.partitions)
        following = first + len(answer.partitions)
        if following < len(topic.partitions):
            response.next_cursor = Cursor(name, following)
            break
    return response


def _refused_cursor(cursor: Cursor, asked: list[str], *, named: bool) -> list[str]:
    """The topics to answer an error for: a cursor must point into the topics that are asked for."""
    wrong = cursor.partition_index < 0 or (named and cursor.topic_name not in asked)
    return (asked or [cursor.topic_name]) if wrong else []


def _page_of(topic: TopicImage, first: int, limit: int) -> DescribeTopicPartitionsResponseTopic:
    page = topic.partitions[first : first + limit]
    partitions = [_partition(first + offset, partition) for offset, partition in enumerate(page)]
    return DescribeTopicPartitionsResponseTopic(
        ErrorCode.NONE, topic.name, topic.topic_id, topic.is_internal, partitions, TOPIC_OPERATIONS
    )


def _partition(index: int, partition: PartitionImage) -> DescribeTopicPartitionsResponsePartition:
    code = ErrorCode.LEADER_NOT_AVAILABLE if partition.leader == NO_LEADER else ErrorCode.NONE
    return DescribeTopicPartitionsResponsePartition(
        code, index, partition.leader, partition.leader_epoch, list(partition.replicas), list(partition.isr), [], []
    )


def _missing(name: str) -> DescribeTopicPartitionsResponseTopic:
    code = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION if names.is_valid(name) else ErrorCode.INVALID_TOPIC_EXCEPTION
    return DescribeTopicPartitionsResponseTopic(
        code, name, is_internal=names.is_internal(name), topic_authorized_operations=TOPIC_OPERATIONS
    )
