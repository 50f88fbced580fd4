"""Heartbeat (API key 12), versions 0 to 4; 3 adds static members (KIP-345).

Answered at once: it neither waits nor writes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from odradek.broker.handlers._client import client_of
from odradek.wire.messages.heartbeat import HeartbeatRequest, HeartbeatResponse

if TYPE_CHECKING:
    from odradek.broker.context import RequestContext


def handle(request: HeartbeatRequest, context: RequestContext) -> HeartbeatResponse:
    """Prolongs the member's session; REBALANCE_IN_PROGRESS tells it to join again."""
    return context.broker.groups.heartbeat(request, client_of(context))
