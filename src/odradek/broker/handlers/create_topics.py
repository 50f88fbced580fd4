"""CreateTopics (API key 19), versions 2 to 7.

Each topic has its own answer; a name that the request has twice is refused once, as Kafka does. From version 5 on the
answer carries the partition count, the replication factor and the configurations as they are in effect, from 7 on the
id. The request's time-out is not looked at: nothing here waits for other brokers.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from odradek.metadata.describe import describe_topic
from odradek.metadata.errors import InvalidRequestError, MetadataError
from odradek.metadata.image import TopicImage
from odradek.metadata.topics import NewTopic
from odradek.wire.messages.create_topics import (
    CreatableTopic,
    CreatableTopicConfigs,
    CreatableTopicResult,
    CreateTopicsRequest,
    CreateTopicsResponse,
)

if TYPE_CHECKING:
    from odradek.broker.context import RequestContext

_CONFIGS_VERSION = 5


async def handle(request: CreateTopicsRequest, context: RequestContext) -> CreateTopicsResponse:
    """One result per name, in the order of the request; refused names come last."""
    given = [topic.name for topic in request.topics]
    refused = {name: "Duplicate topic name." for name, count in Counter(given).items() if count > 1}
    wanted = [topic for topic in request.topics if topic.name not in refused]
    results = await context.broker.controller.create_topics(
        [_new_topic(topic) for topic in wanted], validate_only=request.validate_only
    )
    answers = [
        _error(topic.name, result) if isinstance(result, MetadataError) else _made(result, context)
        for topic, result in zip(wanted, results, strict=True)
    ]
    answers += [_error(name, InvalidRequestError(reason)) for name, reason in refused.items()]
    return CreateTopicsResponse(topics=answers)


def _new_topic(topic: CreatableTopic) -> NewTopic:
    return NewTopic(
        topic.name,
        topic.num_partitions,
        topic.replication_factor,
        [(assignment.partition_index, assignment.broker_ids) for assignment in topic.assignments],
        {config.name: config.value for config in topic.configs},
    )


def _error(name: str, error: MetadataError) -> CreatableTopicResult:
    return CreatableTopicResult(name, error_code=error.code, error_message=str(error))


def _made(topic: TopicImage, context: RequestContext) -> CreatableTopicResult:
    configs = []
    if context.version >= _CONFIGS_VERSION:
        configs = [
            CreatableTopicConfigs(entry.name, entry.value, entry.read_only, entry.source, entry.sensitive)
            for entry in describe_topic(context.broker.controller.topic_config(topic), context.broker.config)
        ]
    return CreatableTopicResult(
        topic.name,
        topic.topic_id,
        error_message=None,
        num_partitions=len(topic.partitions),
        replication_factor=topic.replication_factor,
        configs=configs,
    )
