"""DeleteTopics (API key 20), versions 1 to 6.

Topics go by name, from version 6 on also by id. Whatever is named twice, by whichever of the two, is refused and not
deleted: it is more likely a mistake than a wish (KIP-516). With `delete.topic.enable=false` everything is refused,
with the code that the version knows.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from odradek.base.ids import ZERO_UUID
from odradek.metadata.errors import MetadataError
from odradek.metadata.image import Image
from odradek.wire.errors import ErrorCode, message_of
from odradek.wire.messages.delete_topics import DeletableTopicResult, DeleteTopicsRequest, DeleteTopicsResponse

if TYPE_CHECKING:
    from odradek.broker.context import RequestContext

_BY_ID_VERSION = 6
_DISABLED_VERSION = 3


async def handle(request: DeleteTopicsRequest, context: RequestContext) -> DeleteTopicsResponse:
    """One result per topic asked for; each is gone when its success is answered."""
    asked = _asked(request, context.version)
    if not context.broker.config.get_bool("delete.topic.enable"):
        known = context.version >= _DISABLED_VERSION
        code = ErrorCode.TOPIC_DELETION_DISABLED if known else ErrorCode.INVALID_REQUEST
        return DeleteTopicsResponse(responses=[_result(*topic, code, "Topic deletion is disabled.") for topic in asked])
    answers, doomed = _sort_out(asked, context.broker.image)
    results = await context.broker.controller.delete_topics(list(doomed))
    for (topic_id, name), result in zip(doomed.items(), results, strict=True):
        if isinstance(result, MetadataError):
            answers.append(_result(name, topic_id, result.code, str(result)))
        else:
            answers.append(_result(name, topic_id, ErrorCode.NONE))
    return DeleteTopicsResponse(responses=answers)


def _asked(request: DeleteTopicsRequest, version: int) -> list[tuple[str | None, bytes]]:
    if version < _BY_ID_VERSION:
        return [(name, ZERO_UUID) for name in request.topic_names]
    return [(topic.name, topic.topic_id) for topic in request.topics]


def _sort_out(asked: list[tuple[str | None, bytes]], image: Image) -> tuple[list[DeletableTopicResult], dict[bytes, str]]:
    """The refusals, and what is to be deleted: names by id."""
    answers: list[DeletableTopicResult] = []
    doomed: dict[bytes, str] = {}
    counts = Counter(asked)
    for name, topic_id in counts:
        topic = image.topic_by_id(topic_id) if name is None else image.topic(name)
        refusal = _refusal(name, topic_id, counts[name, topic_id])
        if refusal is not None:
            answers.append(refusal)
        elif topic is None:
            unknown = ErrorCode.UNKNOWN_TOPIC_ID if name is None else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
            answers.append(_result(name, topic_id, unknown))
        elif topic.topic_id in doomed:
            del doomed[topic.topic_id]
            reason = "The provided topic name maps to an ID that was already supplied."
            answers.append(_result(topic.name, topic.topic_id, ErrorCode.INVALID_REQUEST, reason))
        else:
            doomed[topic.topic_id] = topic.name
    return answers, doomed


def _refusal(name: str | None, topic_id: bytes, count: int) -> DeletableTopicResult | None:
    """Why the request itself is wrong about a topic, or None."""
    if name is not None and topic_id != ZERO_UUID:
        reason = "You may not specify both topic name and topic id."
        return _result(name, topic_id, ErrorCode.INVALID_REQUEST, reason)
    if name is None and topic_id == ZERO_UUID:
        return _result(name, topic_id, ErrorCode.INVALID_REQUEST, "Neither topic name nor id were specified.")
    if count > 1:
        kind = "id" if name is None else "name"
        return _result(name, topic_id, ErrorCode.INVALID_REQUEST, f"Duplicate topic {kind}.")
    return None


def _result(name: str | None, topic_id: bytes, code: int, reason: str | None = None) -> DeletableTopicResult:
    shown = reason if reason is not None or code == ErrorCode.NONE else message_of(code)
    return DeletableTopicResult(name, topic_id, code, shown)
