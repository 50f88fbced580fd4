"""DescribeCluster (API key 60), versions 0 to 2.

The brokers and who controls them. Version 1 adds the kind of endpoint that the client means (KIP-919): 1 brokers, 2
controllers; there are no controllers to talk to here, so that 2 is a mismatch. Version 2 shows fenced brokers where
asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from odradek.broker.handlers._permissions import CLUSTER_OPERATIONS, NOT_ASKED
from odradek.wire.errors import ErrorCode
from odradek.wire.messages.describe_cluster import DescribeClusterBroker, DescribeClusterRequest, DescribeClusterResponse

if TYPE_CHECKING:
    from odradek.broker.context import RequestContext

_BROKERS, _CONTROLLERS = 1, 2


def handle(request: DescribeClusterRequest, context: RequestContext) -> DescribeClusterResponse:
    """The cluster as the listener that the client came through shows it."""
    if request.endpoint_type == _CONTROLLERS:
        reason = "The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER"
        return DescribeClusterResponse(error_code=ErrorCode.MISMATCHED_ENDPOINT_TYPE, error_message=reason)
    if request.endpoint_type != _BROKERS:
        reason = f"Unsupported endpoint type {request.endpoint_type}"
        return DescribeClusterResponse(error_code=ErrorCode.UNSUPPORTED_ENDPOINT_TYPE, error_message=reason)
    image = context.broker.image
    brokers = [
        DescribeClusterBroker(node_id, endpoint.host, endpoint.port, broker.rack, broker.fenced)
        for node_id, broker in sorted(image.brokers.items())
        if (endpoint := broker.endpoints.get(context.listener)) is not None
        and (request.include_fenced_brokers or not broker.fenced)
    ]
    return DescribeClusterResponse(
        cluster_id=context.broker.cluster_id,
        controller_id=image.controller_id if image.controller_id in image.brokers else -1,
        brokers=brokers,
        cluster_authorized_operations=CLUSTER_OPERATIONS if request.include_cluster_authorized_operations else NOT_ASKED,
    )
