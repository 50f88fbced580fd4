"""Metadata (API key 3), versions 0 to 13.

Who leads what, and where brokers are: every client's first question, asked again and again, and with thousands of
partitions the longest answer there is. So a topic's part of the answer is made once and kept with the topic
(`Image.derived`); a request only collects them.

By version: an empty list means all topics in version 0, none from 1 on (where null means all); a topic may be asked
for by id from 12 on, and one that is asked for by both is answered once. What isn't there is created when the client
(from version 4 on) and `auto.create.topics.enable` allow it, and answered as it then is; Kafka answers
UNKNOWN_TOPIC_OR_PARTITION to that request, and lets the client ask again.

A request that is wrong in itself (an id before version 12, neither name nor id) is refused as a whole: every topic of
it has the error, no brokers are told. Kafka looks at no names once a request has an id; here both are answered.

Left out on purpose: REBOOTSTRAP_REQUIRED (version 13) is for clusters whose brokers have all changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from odradek.base.ids import ZERO_UUID
from odradek.broker.handlers._permissions import CLUSTER_OPERATIONS, NOT_ASKED, TOPIC_OPERATIONS
from odradek.metadata import names
from odradek.metadata.errors import MetadataError, TopicExistsError
from odradek.metadata.image import NO_LEADER, PartitionImage, TopicImage
from odradek.metadata.topics import NewTopic, internal_topic
from odradek.wire.errors import ErrorCode
from odradek.wire.messages.metadata import (
    MetadataRequest,
    MetadataRequestTopic,
    MetadataResponse,
    MetadataResponseBroker,
    MetadataResponsePartition,
    MetadataResponseTopic,
)

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from odradek.broker.context import RequestContext

_BY_ID_VERSION = 12
_NEVER_MADE = names.CLUSTER_METADATA_TOPIC


def handle(request: MetadataRequest, context: RequestContext) -> MetadataResponse | Coroutine[None, None, MetadataResponse]:
    """The answer at once where nothing is to be created, else a coroutine of it."""
    asked = request.topics
    if asked is None or (context.version == 0 and not asked):
        return _response(request, context, [_answer_of(context, topic) for topic in context.broker.image.topics.values()])
    if any(_contradicts_itself(topic, context.version) for topic in asked):
        refused = [MetadataResponseTopic(ErrorCode.INVALID_REQUEST, each.name or "", each.topic_id) for each in asked]
        return MetadataResponse(topics=refused, error_code=ErrorCode.INVALID_REQUEST)
    missing = _to_create(request, context)
    if missing:
        return _create_and_answer(request, context, missing)
    return _response(request, context, _answers(asked, context, {}))


def _contradicts_itself(topic: MetadataRequestTopic, version: int) -> bool:
    by_id = topic.topic_id != ZERO_UUID
    return (topic.name is None and not by_id) or (version < _BY_ID_VERSION and (topic.name is None or by_id))


async def _create_and_answer(request: MetadataRequest, context: RequestContext, missing: list[str]) -> MetadataResponse:
    broker = context.broker
    live = len(broker.image.live_brokers())
    wanted = [
        internal_topic(name, broker.config, live) if name in (names.GROUP_TOPIC, names.TRANSACTION_TOPIC) else NewTopic(name)
        for name in missing
    ]
    results = await broker.controller.create_topics(wanted)
    codes = {
        name: result.code
        for name, result in zip(missing, results, strict=True)
        if isinstance(result, MetadataError) and not isinstance(result, TopicExistsError)
    }
    return _response(request, context, _answers(request.topics or [], context, codes))


def _to_create(request: MetadataRequest, context: RequestContext) -> list[str]:
    """The names that are asked for, allowed, missing, and to be made."""
    if not request.allow_auto_topic_creation or not context.broker.config.get_bool("auto.create.topics.enable"):
        return []
    topics = context.broker.image.topics
    wanted = [t.name for t in request.topics or () if t.name is not None and t.topic_id == ZERO_UUID]
    return [name for name in dict.fromkeys(wanted) if name not in topics and names.is_valid(name) and name != _NEVER_MADE]


def _answers(asked: list[MetadataRequestTopic], context: RequestContext, codes: dict[str, int]) -> list[MetadataResponseTopic]:
    """One answer per topic, each once; `codes` are why some could not be made."""
    image = context.broker.image
    answers: dict[bytes | str, MetadataResponseTopic] = {}
    for topic in asked:
        by_id = topic.topic_id != ZERO_UUID
        name = topic.name or ""
        found = image.topic_by_id(topic.topic_id) if by_id else image.topic(name)
        if found is not None:
            answers[found.topic_id] = _answer_of(context, found)
        elif by_id:
            answers[topic.topic_id] = MetadataResponseTopic(ErrorCode.UNKNOWN_TOPIC_ID, None, topic.topic_id)
        else:
            answers[name] = _missing(name, codes)
    return list(answers.values())


def _missing(name: str, codes: dict[str, int]) -> MetadataResponseTopic:
    unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION if names.is_valid(name) else ErrorCode.INVALID_TOPIC_EXCEPTION
    return MetadataResponseTopic(codes.get(name, unknown), name, is_internal=names.is_internal(name))


def _answer_of(context: RequestContext, topic: TopicImage) -> MetadataResponseTopic:
    """A topic's part of the answer, made once per change of the topic. It is shared: nobody may alter it."""
    derived = context.broker.image.derived
    kept = derived.get(topic.name)
    if kept is not None and kept[0] is topic:
        return kept[1]  # type: ignore[no-any-return]
    answer = MetadataResponseTopic(
        ErrorCode.NONE, topic.name, topic.topic_id, topic.is_internal,
        [_partition(index, partition) for index, partition in enumerate(topic.partitions)],
    )  # fmt: skip
    derived[topic.name] = (topic, answer)
    return answer


def _partition(index: int, partition: PartitionImage) -> MetadataResponsePartition:
    code = ErrorCode.LEADER_NOT_AVAILABLE if partition.leader == NO_LEADER else ErrorCode.NONE
    replicas, isr = list(partition.replicas), list(partition.isr)
    return MetadataResponsePartition(code, index, partition.leader, partition.leader_epoch, replicas, isr)


def _response(request: MetadataRequest, context: RequestContext, topics: list[MetadataResponseTopic]) -> MetadataResponse:
    if request.include_topic_authorized_operations:
        topics = [_with_operations(topic) for topic in topics]
    include_cluster = request.include_cluster_authorized_operations
    return MetadataResponse(
        brokers=_brokers(context),
        cluster_id=context.broker.cluster_id,
        controller_id=context.broker.image.controller_id,
        topics=topics,
        cluster_authorized_operations=CLUSTER_OPERATIONS if include_cluster else NOT_ASKED,
    )


def _with_operations(topic: MetadataResponseTopic) -> MetadataResponseTopic:
    # As Kafka: also for a name that isn't there, since what one may do with it does not depend on that.
    operations = NOT_ASKED if topic.error_code == ErrorCode.UNKNOWN_TOPIC_ID else TOPIC_OPERATIONS
    return MetadataResponseTopic(topic.error_code, topic.name, topic.topic_id, topic.is_internal, topic.partitions, operations)


def _brokers(context: RequestContext) -> list[MetadataResponseBroker]:
    """The live brokers with their addresses behind the listener that the client came through."""
    return [
        MetadataResponseBroker(broker.node_id, endpoint.host, endpoint.port, broker.rack)
        for broker in context.broker.image.live_brokers()
        if (endpoint := broker.endpoints.get(context.listener)) is not None
    ]
