"""IncrementalAlterConfigs (API key 44), versions 0 and 1: sets, deletes, appends to and subtracts from single names (KIP-339).

Topics, this broker, all brokers (name ""), groups, and this broker's loggers, whose levels change at once and are not
kept. A resource that the request names twice is refused.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from odradek.broker.handlers import _loggers
from odradek.metadata.configs import Alteration, Resource, ResourceType
from odradek.metadata.errors import InvalidRequestError, MetadataError
from odradek.wire.errors import ErrorCode
from odradek.wire.messages.incremental_alter_configs import (
    AlterConfigsResource,
    AlterConfigsResourceResponse,
    IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
)

if TYPE_CHECKING:
    from odradek.broker.context import RequestContext


async def handle(request: IncrementalAlterConfigsRequest, context: RequestContext) -> IncrementalAlterConfigsResponse:
    """One result per resource, in the order of the request; what is altered is durable and in effect."""
    resources = [Resource(resource.resource_type, resource.resource_name) for resource in request.resources]
    times = Counter(resources)
    results: dict[Resource, MetadataError | None] = {}
    wanted: list[tuple[Resource, list[Alteration]]] = []
    for resource, given in zip(resources, request.resources, strict=True):
        if times[resource] > 1:
            results[resource] = InvalidRequestError("Each resource must appear at most once.")
        elif resource.type == ResourceType.BROKER_LOGGER:
            results[resource] = _alter_loggers(resource, given, request, context)
        else:
            wanted.append((resource, _alterations(given)))
    controller = context.broker.controller
    errors = await controller.alter_configs_incrementally(wanted, validate_only=request.validate_only)
    results.update((resource, error) for (resource, _), error in zip(wanted, errors, strict=True))
    return IncrementalAlterConfigsResponse(responses=[_result(resource, results[resource]) for resource in resources])


def _alterations(given: AlterConfigsResource) -> list[Alteration]:
    return [Alteration(config.name, config.config_operation, config.value) for config in given.configs]


def _alter_loggers(
    resource: Resource, given: AlterConfigsResource, request: IncrementalAlterConfigsRequest, context: RequestContext
) -> MetadataError | None:
    try:
        _loggers.alter(resource.name, context.broker.node_id, _alterations(given), validate_only=request.validate_only)
    except MetadataError as error:
        return error
    return None


def _result(resource: Resource, error: MetadataError | None) -> AlterConfigsResourceResponse:
    code, reason = (ErrorCode.NONE, None) if error is None else (error.code, str(error))
    return AlterConfigsResourceResponse(code, reason, resource.type, resource.name)
