"""AlterConfigs (API key 33), versions 0 to 2: replaces all that was set on a resource.

Deprecated since KIP-339 (two who alter at one time undo each other), and still what older clients send. Loggers can't
be altered this way, as in Kafka. A resource that the request names twice is refused.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from odradek.metadata.configs import Resource
from odradek.metadata.errors import MetadataError
from odradek.wire.errors import ErrorCode
from odradek.wire.messages.alter_configs import AlterConfigsRequest, AlterConfigsResourceResponse, AlterConfigsResponse

if TYPE_CHECKING:
    from odradek.broker.context import RequestContext

TWICE = "Each resource must appear at most once."


async def handle(request: AlterConfigsRequest, context: RequestContext) -> AlterConfigsResponse:
    """One result per resource, in the order of the request; what is altered is durable and in effect."""
    resources = [Resource(resource.resource_type, resource.resource_name) for resource in request.resources]
    times = Counter(resources)
    wanted = [
        (resource, [(config.name, config.value) for config in given.configs])
        for resource, given in zip(resources, request.resources, strict=True)
        if times[resource] == 1
    ]
    errors = await context.broker.controller.alter_configs(wanted, validate_only=request.validate_only)
    results = {resource: error for (resource, _), error in zip(wanted, errors, strict=True)}
    return AlterConfigsResponse(responses=[_result(resource, results) for resource in resources])


def _result(resource: Resource, results: dict[Resource, MetadataError | None]) -> AlterConfigsResourceResponse:
    if resource not in results:
        return AlterConfigsResourceResponse(ErrorCode.INVALID_REQUEST, TWICE, resource.type, resource.name)
    error = results[resource]
    code, reason = (ErrorCode.NONE, None) if error is None else (error.code, str(error))
    return AlterConfigsResourceResponse(code, reason, resource.type, resource.name)
