"""Who asks, as the group coordinator keeps it. No API: the leading underscore says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from odradek.coordinator.config import ClientInfo

if TYPE_CHECKING:
    from odradek.broker.context import RequestContext


def client_of(context: RequestContext) -> ClientInfo:
    """The host is written as Kafka writes it into `__consumer_offsets`: with a leading slash and no port."""
    return ClientInfo(context.client_id or "", f"/{context.client_host}", context.version)
