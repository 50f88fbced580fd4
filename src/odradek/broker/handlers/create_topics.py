"""CreateTopics (API key 19), versions 2 to 7.

Each topic has its own answer; a name that the request has twice is refused once, as Kafka does. From version 5 on the
answer carries the partition count, the replication factor and the configurations as they are in effect, from 7 on the
id. The request's time-out is not looked at: nothing here waits for other brokers.

Configurations are some thirty to a topic, and the same for all that were given the same: they are told of once and shared,
and the answer about many topics is encoded in pieces (`broker/answers.py`).
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from odradek.broker.answers import AnswerInPieces, Encoded
from odradek.metadata.describe import describe_topic
from odradek.metadata.errors import InvalidRequestError, MetadataError
from odradek.metadata.image import TopicImage
from odradek.metadata.topics import NewTopic
from odradek.sync.turns import pieces
from odradek.wire.messages.create_topics import (
    ENCODE_RESPONSE,
    CreatableTopic,
    CreatableTopicConfigs,
    CreatableTopicResult,
    CreateTopicsRequest,
    CreateTopicsResponse,
)

if TYPE_CHECKING:
    from odradek.broker.context import RequestContext

_CONFIGS_VERSION = 5
PIECE = 50  # topics answered between two turns of others: with all their configurations


async def handle(request: CreateTopicsRequest, context: RequestContext) -> CreateTopicsResponse | Encoded:
    """One result per name, in the order of the request; refused names come last."""
    given = [topic.name for topic in request.topics]
    refused = {name: "Duplicate topic name." for name, count in Counter(given).items() if count > 1}
    wanted = [topic for topic in request.topics if topic.name not in refused]
    results = await context.broker.controller.create_topics(
        [_new_topic(topic) for topic in wanted], validate_only=request.validate_only
    )
    outcomes = [(topic.name, result) for topic, result in zip(wanted, results, strict=True)]
    outcomes += [(name, InvalidRequestError(reason)) for name, reason in refused.items()]
    made = _Made(context)
    if len(outcomes) <= PIECE:
        return CreateTopicsResponse(topics=[_answer(*outcome, made) for outcome in outcomes])
    answer = AnswerInPieces(context.api_key, context.version, ENCODE_RESPONSE, CreateTopicsResponse(), "topics")
    async for piece in pieces(outcomes, PIECE):
        answer.add([_answer(*outcome, made) for outcome in piece])
    return answer.finish()


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


def _answer(name: str, outcome: TopicImage | MetadataError, made: _Made) -> CreatableTopicResult:
    return _error(name, outcome) if isinstance(outcome, MetadataError) else made.answer(outcome)


class _Made:
    """Answers about topics that were made, or would be."""

    def __init__(self, context: RequestContext) -> None:
        self._context = context
        self._configs: dict[tuple[tuple[str, str], ...], list[CreatableTopicConfigs]] = {}  # by what was given

    def answer(self, topic: TopicImage) -> CreatableTopicResult:
        return CreatableTopicResult(
            topic.name,
            topic.topic_id,
            error_message=None,
            num_partitions=len(topic.partitions),
            replication_factor=topic.replication_factor,
            configs=self._configs_of(topic) if self._context.version >= _CONFIGS_VERSION else [],
        )

    def _configs_of(self, topic: TopicImage) -> list[CreatableTopicConfigs]:
        given = tuple(sorted(topic.configs.items()))
        if given not in self._configs:
            broker = self._context.broker
            self._configs[given] = [
                CreatableTopicConfigs(entry.name, entry.value, entry.read_only, entry.source, entry.sensitive)
                for entry in describe_topic(broker.controller.topic_config(topic), broker.config)
            ]
        return self._configs[given]
