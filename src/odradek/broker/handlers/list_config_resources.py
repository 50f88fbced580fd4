"""ListConfigResources (API key 74), versions 0 and 1 (KIP-1142): which things have configurations.

`kafka-configs --describe` begins with it where no name is given. Topics and brokers are told whether or not anything is
set on them, groups only where something is. No kind named means all; version 0 means client metrics only.

Left out on purpose: no metrics are taken from clients (KIP-714), so there never is a subscription to list.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from odradek.metadata.configs import ResourceType
from odradek.wire.errors import ErrorCode
from odradek.wire.messages.list_config_resources import (
    ConfigResource,
    ListConfigResourcesRequest,
    ListConfigResourcesResponse,
)

if TYPE_CHECKING:
    from odradek.broker.context import RequestContext
    from odradek.metadata.image import Image


def handle(request: ListConfigResourcesRequest, context: RequestContext) -> ListConfigResourcesResponse:
    """Every resource of the kinds asked for, each once; UNSUPPORTED_VERSION where one is no kind."""
    asked = request.resource_types or ([ResourceType.CLIENT_METRICS] if context.version == 0 else list(ResourceType))
    kinds = {kind.value: kind for kind in ResourceType}
    if any(kind not in kinds for kind in asked):
        return ListConfigResourcesResponse(error_code=ErrorCode.UNSUPPORTED_VERSION)
    image = context.broker.image
    found = [ConfigResource(name, kind) for kind in dict.fromkeys(asked) for name in _names(kinds[kind], image)]
    return ListConfigResourcesResponse(config_resources=found)


def _names(kind: ResourceType, image: Image) -> Iterable[str]:
    if kind == ResourceType.TOPIC:
        return image.topics
    if kind == ResourceType.GROUP:
        return image.group_configs
    if kind == ResourceType.CLIENT_METRICS:
        return ()
    return (str(broker.node_id) for broker in image.live_brokers())
