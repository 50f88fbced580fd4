"""DeleteGroups (API key 42), versions 0 to 2: groups without members, with all their offsets (KIP-229)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from odradek.broker.handlers._client import client_of
from odradek.wire.messages.delete_groups import DeleteGroupsRequest, DeleteGroupsResponse

if TYPE_CHECKING:
    from odradek.broker.context import RequestContext


async def handle(request: DeleteGroupsRequest, context: RequestContext) -> DeleteGroupsResponse:
    """One outcome per group (NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND); answers when the deletions are committed."""
    return await context.broker.groups.delete_groups(request, client_of(context))
