"""ListConfigResources: what has configurations, by kind."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from odradek.wire.errors import ErrorCode
from odradek.wire.messages import create_topics, list_config_resources, metadata
from odradek.wire.messages import incremental_alter_configs as alter

TOPIC, BROKER, LOGGER, METRICS, GROUP = 2, 4, 8, 16, 32


@pytest.fixture
def node(client: Any) -> str:
    return str(client.call(metadata, 9, metadata.MetadataRequest([], False)).brokers[0].node_id)


def listed(client: Any, *kinds: int, version: int = 1) -> list[tuple[int, str]]:
    answer = client.call(list_config_resources, version, list_config_resources.ListConfigResourcesRequest(list(kinds)))
    assert answer.error_code == ErrorCode.NONE
    return [(each.resource_type, each.resource_name) for each in answer.config_resources]


def test_topics_and_brokers_are_told_whatever_is_set_on_them(client: Any, node: str) -> None:
    name = f"listed-{uuid.uuid4().hex[:8]}"
    client.call(create_topics, 7, create_topics.CreateTopicsRequest([create_topics.CreatableTopic(name, 1, 1)]))
    assert (TOPIC, name) in listed(client, TOPIC)
    assert listed(client, BROKER, LOGGER) == [(BROKER, node), (LOGGER, node)]
    assert {(TOPIC, name), (BROKER, node), (LOGGER, node)} <= set(listed(client)), "no kind means all"
    assert len(listed(client, TOPIC, TOPIC)) == len(listed(client, TOPIC))


def test_groups_are_told_while_something_is_set_on_them(client: Any) -> None:
    group = f"group-{uuid.uuid4().hex[:8]}"
    for operation, expected in ((0, True), (1, False)):
        change = alter.AlterableConfig("consumer.session.timeout.ms", operation, "50000" if operation == 0 else None)
        request = alter.IncrementalAlterConfigsRequest([alter.AlterConfigsResource(GROUP, group, [change])])
        assert client.call(alter, 1, request).responses[0].error_code == ErrorCode.NONE
        assert ((GROUP, group) in listed(client, GROUP)) == expected


def test_there_are_no_client_metrics_which_is_all_that_version_0_asks_for(client: Any) -> None:
    assert listed(client, version=0) == listed(client, METRICS) == []


@pytest.mark.parametrize("kinds", [[0], [77], [TOPIC, 1]])
def test_what_is_no_kind_is_unsupported(client: Any, kinds: list[int]) -> None:
    answer = client.call(list_config_resources, 1, list_config_resources.ListConfigResourcesRequest(kinds))
    assert (answer.error_code, answer.config_resources) == (ErrorCode.UNSUPPORTED_VERSION, [])
