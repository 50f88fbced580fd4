"""JoinGroup (API key 11), versions 0 to 9.

Version 1 adds the rebalance timeout, 4 the round for a member id (KIP-394), 5 static members (KIP-345), 7 the
protocol type and a nullable protocol name in the answer, 8 the client's reason (KIP-800), 9 skip-assignment
(KIP-814).

The answer waits for the other members, up to the rebalance timeout. Meanwhile the connection's later requests wait
too, as in Kafka.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from odradek.broker.handlers._client import client_of
from odradek.wire.messages.join_group import JoinGroupRequest, JoinGroupResponse

if TYPE_CHECKING:
    from odradek.broker.context import RequestContext

NULLABLE_PROTOCOL_SINCE = 7


async def handle(request: JoinGroupRequest, context: RequestContext) -> JoinGroupResponse:
    """Answers when the group's next generation is known, or at once with an error."""
    response = await context.broker.groups.join_group(request, client_of(context))
    if not response.protocol_name:
        response.protocol_name = None if context.version >= NULLABLE_PROTOCOL_SINCE else ""
    return response
