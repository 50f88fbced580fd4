"""ListGroups (API key 16), versions 0 to 5; 4 adds a filter of states (KIP-518), 5 one of types (KIP-848).

All groups that this broker coordinates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from odradek.broker.handlers._client import client_of
from odradek.wire.messages.list_groups import ListGroupsRequest, ListGroupsResponse

if TYPE_CHECKING:
    from odradek.broker.context import RequestContext


async def handle(request: ListGroupsRequest, context: RequestContext) -> ListGroupsResponse:
    """The groups that pass the filters; while any partition is being loaded, COORDINATOR_LOAD_IN_PROGRESS."""
    return await context.broker.groups.list_groups(request, client_of(context))
