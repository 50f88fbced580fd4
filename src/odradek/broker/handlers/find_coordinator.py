"""FindCoordinator (API key 10), versions 0 to 6.

Which broker keeps a group: the leader of the partition of `__consumer_offsets` that the group's name falls on. The
topic is made by the first question for a group, as in Kafka, and the question is answered when it is there: Kafka
answers COORDINATOR_NOT_AVAILABLE meanwhile, and clients ask again after a pause. From version 4 on many keys are asked
for at once, and a coordinator that was found has an empty message (before: the word NONE).

Left out on purpose: there is no transaction coordinator yet. A transactional id is sent here all the same, since
InitProducerId says so in words that clients pass on, whereas an error here makes them retry until they give up. Share
groups (key type 2) are refused, as Kafka does where they are off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from odradek.base.errors import OdradekError
from odradek.sync.turns import await_in_turns
from odradek.wire.errors import ErrorCode, message_of
from odradek.wire.messages.find_coordinator import Coordinator, FindCoordinatorRequest, FindCoordinatorResponse

if TYPE_CHECKING:
    from odradek.broker.context import RequestContext

GROUP, TRANSACTION = 0, 1
_MANY_KEYS_VERSION = 4


async def handle(request: FindCoordinatorRequest, context: RequestContext) -> FindCoordinatorResponse:
    """The coordinator of each key."""
    if context.version >= _MANY_KEYS_VERSION:
        found = await await_in_turns(lambda key: _find(key, request.key_type, context), request.coordinator_keys)
        return FindCoordinatorResponse(coordinators=found)
    found_one = await _find(request.key, request.key_type, context)
    return FindCoordinatorResponse(
        error_code=found_one.error_code,
        error_message=found_one.error_message or "NONE",
        node_id=found_one.node_id,
        host=found_one.host,
        port=found_one.port,
    )


async def _find(key: str, key_type: int, context: RequestContext) -> Coordinator:
    if key_type == TRANSACTION:
        return _here(key, context)
    if key_type != GROUP:
        return _nowhere(key, ErrorCode.INVALID_REQUEST, f"There is no coordinator for keys of type {key_type}.")
    try:
        topic = await context.broker.internal_topics.ensure_offsets_topic()
    except OdradekError as error:
        reason = f"__consumer_offsets cannot be created: {error}"
        return _nowhere(key, ErrorCode.COORDINATOR_NOT_AVAILABLE, reason)
    leader = topic.partitions[context.broker.groups.partition_for(key)].leader
    if leader == context.broker.node_id:
        return _here(key, context)
    broker = context.broker.image.brokers.get(leader)
    endpoint = broker.endpoints.get(context.listener) if broker is not None and not broker.fenced else None
    if endpoint is None:
        return _nowhere(key, ErrorCode.COORDINATOR_NOT_AVAILABLE, message_of(ErrorCode.COORDINATOR_NOT_AVAILABLE))
    return Coordinator(key, leader, endpoint.host, endpoint.port, ErrorCode.NONE, "")


def _here(key: str, context: RequestContext) -> Coordinator:
    endpoint = context.endpoint
    return Coordinator(key, context.broker.node_id, endpoint.host, endpoint.port, ErrorCode.NONE, "")


def _nowhere(key: str, code: int, reason: str) -> Coordinator:
    return Coordinator(key, -1, "", -1, code, reason)
