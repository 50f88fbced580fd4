"""FindCoordinator: groups have one, and asking makes the topic that keeps them."""

from __future__ import annotations

from typing import Any

import pytest

import odradek
from odradek.wire.errors import ErrorCode
from odradek.wire.messages import describe_configs, find_coordinator, metadata
from odradek.wire.messages.describe_configs import DescribeConfigsRequest, DescribeConfigsResource
from odradek.wire.messages.find_coordinator import FindCoordinatorRequest

GROUP, TRANSACTION, SHARE = 0, 1, 2


@pytest.mark.parametrize("version", range(4))
def test_one_key_at_a_time(client: Any, broker: odradek.Broker, version: int) -> None:
    response = client.call(find_coordinator, version, FindCoordinatorRequest("g", GROUP))
    assert (response.error_code, response.host, response.port) == (0, "127.0.0.1", broker.port)
    if version >= 1:
        assert response.error_message == "NONE"


@pytest.mark.parametrize("version", range(4, 7))
def test_many_keys_at_once(client: Any, broker: odradek.Broker, version: int) -> None:
    request = FindCoordinatorRequest(key_type=GROUP, coordinator_keys=["a", "b", ""])
    found = client.call(find_coordinator, version, request).coordinators
    assert [coordinator.key for coordinator in found] == ["a", "b", ""]
    for coordinator in found:
        assert (coordinator.error_code, coordinator.host, coordinator.port) == (0, "127.0.0.1", broker.port)
        assert coordinator.error_message == ""


def test_the_first_question_makes_the_offsets_topic(raw_client_of: Any) -> None:
    with raw_client_of({"offsets.topic.num.partitions": "3"}) as client:
        names = [topic.name for topic in client.call(metadata, 9, metadata.MetadataRequest(None)).topics]
        assert names == []
        assert client.call(find_coordinator, 3, FindCoordinatorRequest("g", GROUP)).error_code == 0
        [made] = client.call(metadata, 9, metadata.MetadataRequest(None)).topics
        assert (made.name, made.is_internal, len(made.partitions)) == ("__consumer_offsets", True, 3)
        resource = DescribeConfigsResource(2, "__consumer_offsets", ["cleanup.policy", "segment.bytes"])
        [result] = client.call(describe_configs, 4, DescribeConfigsRequest([resource])).results
        assert {entry.name: entry.value for entry in result.configs} == {
            "cleanup.policy": "compact",
            "segment.bytes": "104857600",
        }


def test_a_transactional_id_is_sent_to_where_it_is_refused_in_words(client: Any) -> None:
    request = FindCoordinatorRequest(key_type=TRANSACTION, coordinator_keys=["t"])
    [found] = client.call(find_coordinator, 4, request).coordinators
    assert found.error_code == ErrorCode.NONE
    names = {topic.name for topic in client.call(metadata, 9, metadata.MetadataRequest(None)).topics}
    assert "__transaction_state" not in names


@pytest.mark.parametrize(("version", "key_type"), [(6, SHARE), (5, SHARE), (4, 9)])
def test_other_kinds_of_keys_are_refused(client: Any, version: int, key_type: int) -> None:
    request = FindCoordinatorRequest(key_type=key_type, coordinator_keys=["g:id:0"])
    [refused] = client.call(find_coordinator, version, request).coordinators
    assert (refused.error_code, refused.node_id, refused.host, refused.port) == (ErrorCode.INVALID_REQUEST, -1, "", -1)
    assert refused.error_message
