"""DescribeCluster: the brokers behind the listener that one came through."""

from __future__ import annotations

from typing import Any

import pytest

import odradek
from odradek.wire.errors import ErrorCode
from odradek.wire.messages import describe_cluster
from odradek.wire.messages.describe_cluster import DescribeClusterRequest


@pytest.mark.parametrize("version", range(3))
def test_every_version_tells_the_brokers(client: Any, broker: odradek.Broker, version: int) -> None:
    response = client.call(describe_cluster, version, DescribeClusterRequest())
    assert (response.error_code, response.error_message, response.endpoint_type) == (0, None, 1)
    assert len(response.cluster_id) == 22
    [told] = response.brokers
    assert (told.host, told.port, told.is_fenced) == ("127.0.0.1", broker.port, False)
    assert response.controller_id == told.broker_id
    assert response.cluster_authorized_operations == -(2**31)


def test_permitted_operations_are_told_when_asked_for(client: Any) -> None:
    request = DescribeClusterRequest(include_cluster_authorized_operations=True)
    assert client.call(describe_cluster, 1, request).cluster_authorized_operations == 8096


@pytest.mark.parametrize(
    ("endpoint_type", "code"), [(2, ErrorCode.MISMATCHED_ENDPOINT_TYPE), (3, ErrorCode.UNSUPPORTED_ENDPOINT_TYPE)]
)
def test_there_are_no_controllers_to_talk_to(client: Any, endpoint_type: int, code: int) -> None:
    response = client.call(describe_cluster, 1, DescribeClusterRequest(endpoint_type=endpoint_type))
    assert (response.error_code, response.brokers) == (code, [])
    assert response.error_message
