"""DescribeGroups (API key 15), versions 0 to 6.

Version 3 adds the operations that the client may do, 4 instance ids, 6 an error with a text for groups that don't
exist (KIP-1043). Classic groups only; without access control, every operation on a group is allowed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from odradek.broker.handlers._client import client_of
from odradek.wire.errors import ErrorCode
from odradek.wire.messages.describe_groups import DescribeGroupsRequest, DescribeGroupsResponse

if TYPE_CHECKING:
    from odradek.broker.context import RequestContext

# AclOperation numbers as bits: READ 3, DELETE 6, DESCRIBE 8, DESCRIBE_CONFIGS 10, ALTER_CONFIGS 11.
GROUP_OPERATIONS = 1 << 3 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 11


async def handle(request: DescribeGroupsRequest, context: RequestContext) -> DescribeGroupsResponse:
    """One answer per group, in the order asked."""
    response = await context.broker.groups.describe_groups(request, client_of(context))
    if request.include_authorized_operations:
        for group in response.groups:
            if group.error_code == ErrorCode.NONE:
                group.authorized_operations = GROUP_OPERATIONS
    return response
