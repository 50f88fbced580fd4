"""FindCoordinator: groups have one, and asking makes the topic that keeps them."""

from __future__ import annotations

from typing import Any

import pytest

import odradek
from odradek.wire.errors import ErrorCode
from odradek.wire.messages import (
    create_topics,
    delete_groups,
    describe_configs,
    describe_groups,
    find_coordinator,
    join_group,
    list_groups,
    metadata,
    offset_fetch,
)
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


def test_other_questions_about_groups_make_nothing_and_send_to_look_for_the_coordinator(raw_client_of: Any) -> None:
    """As in Kafka: who has not asked where the coordinator is has no business with it."""
    here = ErrorCode.NOT_COORDINATOR
    with raw_client_of({}) as client:
        joining = join_group.JoinGroupRequest(
            "g", 6000, 6000, "", None, "consumer", [join_group.JoinGroupRequestProtocol("range", b"")]
        )
        assert client.call(join_group, 5, joining).error_code == here
        assert client.call(offset_fetch, 7, offset_fetch.OffsetFetchRequest("g", None)).error_code == here
        assert client.call(describe_groups, 5, describe_groups.DescribeGroupsRequest(["g"])).groups[0].error_code == here
        assert client.call(delete_groups, 2, delete_groups.DeleteGroupsRequest(["g"])).results[0].error_code == here
        assert client.call(list_groups, 4, list_groups.ListGroupsRequest()).error_code == ErrorCode.NONE
        none = FindCoordinatorRequest(key_type=GROUP, coordinator_keys=[])
        assert client.call(find_coordinator, 4, none).coordinators == []
        assert client.call(metadata, 9, metadata.MetadataRequest(None)).topics == []


def test_every_group_has_one_where_the_topic_was_made_by_hand(raw_client_of: Any) -> None:
    with raw_client_of({}) as client:
        wanted = create_topics.CreateTopicsRequest([create_topics.CreatableTopic("__consumer_offsets", 2, 1)])
        assert client.call(create_topics, 7, wanted).topics[0].error_code == ErrorCode.NONE
        request = FindCoordinatorRequest(key_type=GROUP, coordinator_keys=[f"group-{number}" for number in range(50)])
        found = client.call(find_coordinator, 4, request).coordinators
        assert {coordinator.error_code for coordinator in found} == {ErrorCode.NONE}


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
