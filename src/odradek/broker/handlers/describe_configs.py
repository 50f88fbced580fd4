"""DescribeConfigs (API key 32), versions 1 to 4.

Every configuration of a topic, of this broker, of all brokers (name ""), of its loggers or of a group, with where its
value comes from; from version 3 on with type and documentation. Configurations that have no effect here are shown,
and their documentation says so. Passwords never are.

A few bytes name a resource, and its configurations are thousands. So the same question (a resource with the same names of
configurations) is answered once, however often it is asked; many resources are described and encoded in pieces, with turns
for others between them; and an answer holds `ANSWER_CONFIGS_MAX` configurations at most, which is ten thousand topics
with all of theirs: what is asked beyond is refused, and can be asked for in another request.

Left out on purpose: client metrics subscriptions (KIP-714), which this broker doesn't take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from odradek.broker.answers import AnswerInPieces, Encoded
from odradek.broker.handlers import _loggers
from odradek.metadata import names
from odradek.metadata.broker_config import DYNAMIC_BROKER_LOGGER
from odradek.metadata.configs import ResourceType
from odradek.metadata.describe import Described, describe_all_brokers, describe_broker, describe_group, describe_topic
from odradek.metadata.errors import InvalidRequestError, MetadataError, UnknownTopicError
from odradek.sync.turns import pieces
from odradek.wire.errors import ErrorCode
from odradek.wire.messages.describe_configs import (
    ENCODE_RESPONSE,
    DescribeConfigsRequest,
    DescribeConfigsResource,
    DescribeConfigsResourceResult,
    DescribeConfigsResponse,
    DescribeConfigsResult,
    DescribeConfigsSynonym,
)

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from odradek.broker.context import RequestContext

_UNKNOWN_TYPE = 0
PIECE = 20  # resources described between two turns of others: some hundred configurations, a few milliseconds
ANSWER_CONFIGS_MAX = 400_000
TOO_MANY = f"One answer holds {ANSWER_CONFIGS_MAX} configurations; ask for this resource in another request."


def handle(
    request: DescribeConfigsRequest, context: RequestContext
) -> DescribeConfigsResponse | Coroutine[None, None, Encoded]:
    """One result per resource, in the order of the request; a coroutine of it where they are many."""
    resources = _each_once(request.resources)
    description = _Description(request, context)
    if len(resources) <= PIECE:
        return DescribeConfigsResponse(results=[description.of(resource) for resource in resources])
    return _describe_in_pieces(description, resources, context)


def _each_once(resources: list[DescribeConfigsResource]) -> list[DescribeConfigsResource]:
    asked: dict[tuple[int, str, frozenset[str]], DescribeConfigsResource] = {}
    for resource in resources:
        keys = frozenset(resource.configuration_keys or ())
        asked.setdefault((resource.resource_type, resource.resource_name, keys), resource)
    return list(asked.values())


async def _describe_in_pieces(
    description: _Description, resources: list[DescribeConfigsResource], context: RequestContext
) -> Encoded:
    answer = AnswerInPieces(
        context.api_key, context.version, ENCODE_RESPONSE, DescribeConfigsResponse(), field="results"
    )  # fmt: skip
    async for piece in pieces(resources, PIECE):
        answer.add([description.of(resource) for resource in piece])
    return answer.finish()


class _Description:
    """One request's: what is left to be told, and how."""

    def __init__(self, request: DescribeConfigsRequest, context: RequestContext) -> None:
        self._request = request
        self._context = context
        self._left = ANSWER_CONFIGS_MAX

    def of(self, resource: DescribeConfigsResource) -> DescribeConfigsResult:
        """A resource's part of the answer, or why there is none."""
        if self._left <= 0:
            return DescribeConfigsResult(ErrorCode.POLICY_VIOLATION, TOO_MANY, resource.resource_type, resource.resource_name)
        result = _describe(resource, self._request, self._context)
        self._left -= len(result.configs)
        return result


def _describe(
    resource: DescribeConfigsResource, request: DescribeConfigsRequest, context: RequestContext
) -> DescribeConfigsResult:
    result = DescribeConfigsResult(ErrorCode.NONE, "", resource.resource_type, resource.resource_name)
    try:
        found = _configs(resource, context)
    except MetadataError as error:
        result.error_code, result.error_message = error.code, str(error)
        return result
    wanted = frozenset(resource.configuration_keys or ())
    result.configs = [_result(entry, request) for entry in found if not wanted or entry.name in wanted]
    return result


def _configs(resource: DescribeConfigsResource, context: RequestContext) -> list[Described]:
    kind, name, broker = resource.resource_type, resource.resource_name, context.broker
    if kind == ResourceType.TOPIC:
        names.validate(name)
        topic = broker.image.topic(name)
        if topic is None:
            raise UnknownTopicError(f"The topic '{name}' does not exist.")
        return describe_topic(broker.controller.topic_config(topic), broker.config)
    if kind == ResourceType.BROKER:
        if not name:
            return describe_all_brokers(broker.config)
        _check_broker(name, broker.node_id, "expected {} or empty string, but received {}")
        return describe_broker(broker.config)
    if kind == ResourceType.BROKER_LOGGER:
        if not name:
            raise InvalidRequestError("Broker id must not be empty")
        _check_broker(name, broker.node_id, "expected {} but received {}")
        return [_level(logger, level) for logger, level in _loggers.levels().items()]
    if kind == ResourceType.GROUP:
        if not name:
            raise InvalidRequestError("Group name must not be empty")
        return describe_group(broker.image.group_configs.get(name, {}), broker.config)
    raise InvalidRequestError(f"Unexpected resource type {kind} for resource {name}")


def _check_broker(name: str, node_id: int, words: str) -> None:
    digits = name.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise InvalidRequestError(f"Broker id must be an integer, but it is: {name}")
    if int(name) != node_id:
        raise InvalidRequestError("Unexpected broker id, " + words.format(node_id, name))


def _level(logger: str, level: str) -> Described:
    return Described(logger, level, DYNAMIC_BROKER_LOGGER, _UNKNOWN_TYPE, False, False, [], "")


def _result(entry: Described, request: DescribeConfigsRequest) -> DescribeConfigsResourceResult:
    synonyms = [DescribeConfigsSynonym(s.name, s.text, s.source) for s in entry.synonyms] if request.include_synonyms else []
    return DescribeConfigsResourceResult(
        entry.name, entry.value, entry.read_only, entry.source, entry.sensitive, synonyms, entry.type,
        entry.documentation if request.include_documentation else None,
    )  # fmt: skip
