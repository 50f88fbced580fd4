"""LeaveGroup (API key 13), versions 0 to 5.

Up to version 2 one member leaves, and its outcome is the response's. From 3 on several may, each with its own outcome, and an
administrator may name static members by instance alone (KIP-345); 5 adds the reason (KIP-800).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from odradek.broker.handlers._client import client_of
from odradek.wire.errors import ErrorCode
from odradek.wire.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse

if TYPE_CHECKING:
    from odradek.broker.context import RequestContext

MEMBERS_SINCE = 3


async def handle(request: LeaveGroupRequest, context: RequestContext) -> LeaveGroupResponse:
    """Takes members out; when the group is empty then, the answer waits until that is stored."""
    response = await context.broker.groups.leave_group(request, client_of(context))
    if context.version < MEMBERS_SINCE and response.error_code == ErrorCode.NONE:
        response.error_code = next((each.error_code for each in response.members), ErrorCode.NONE)
    return response
