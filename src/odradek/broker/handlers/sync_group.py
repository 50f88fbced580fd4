"""SyncGroup (API key 14), versions 0 to 5.

Version 3 adds static members (KIP-345), 5 the protocol type and name, checked and given back (KIP-559). A follower's
answer waits for the leader's assignment, and everybody's until that is stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from odradek.broker.handlers._client import client_of
from odradek.wire.errors import ErrorCode
from odradek.wire.messages.sync_group import SyncGroupRequest, SyncGroupResponse

if TYPE_CHECKING:
    from odradek.broker.context import RequestContext

PROTOCOL_SINCE = 5


async def handle(request: SyncGroupRequest, context: RequestContext) -> SyncGroupResponse:
    """The member's part of the assignment. From version 5 on a member must say which protocol it takes the group to speak."""
    if context.version >= PROTOCOL_SINCE and (request.protocol_type is None or request.protocol_name is None):
        return SyncGroupResponse(error_code=ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
    return await context.broker.groups.sync_group(request, client_of(context))
