"""DescribeConfigs, AlterConfigs and IncrementalAlterConfigs, as a client sees them together."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from odradek.wire.errors import ErrorCode
from odradek.wire.messages import alter_configs, create_topics, describe_configs, incremental_alter_configs
from odradek.wire.messages.create_topics import CreatableTopic
from odradek.wire.messages.describe_configs import DescribeConfigsRequest, DescribeConfigsResource

TOPIC, BROKER, LOGGER, METRICS, GROUP = 2, 4, 8, 16, 32
SET, DELETE, APPEND, SUBTRACT = range(4)


@pytest.fixture
def topic(client: Any) -> str:
    name = f"configs-{uuid.uuid4().hex[:8]}"
    client.call(create_topics, 7, create_topics.CreateTopicsRequest([CreatableTopic(name, 1, 1)]))
    return name


@pytest.fixture
def node(client: Any) -> str:
    from odradek.wire.messages import metadata

    return str(client.call(metadata, 9, metadata.MetadataRequest([], False)).brokers[0].node_id)


def describe(client: Any, kind: int, name: str, *names: str, version: int = 4, **kwargs: Any) -> Any:
    resource = DescribeConfigsResource(kind, name, list(names) or None)
    [result] = client.call(describe_configs, version, DescribeConfigsRequest([resource], **kwargs)).results
    assert (result.resource_type, result.resource_name) == (kind, name)
    return result


def value(client: Any, kind: int, name: str, config: str) -> tuple[str | None, int]:
    [entry] = describe(client, kind, name, config).configs
    return entry.value, entry.config_source


def alter(client: Any, kind: int, name: str, *changes: tuple[str, int, str | None], **kwargs: Any) -> tuple[int, str | None]:
    api = incremental_alter_configs
    resource = api.AlterConfigsResource(kind, name, [api.AlterableConfig(*change) for change in changes])
    [result] = client.call(api, 1, api.IncrementalAlterConfigsRequest([resource], **kwargs)).responses
    assert (result.resource_type, result.resource_name) == (kind, name)
    return result.error_code, result.error_message


def replace(client: Any, kind: int, name: str, *configs: tuple[str, str | None], version: int = 2, **kwargs: Any) -> Any:
    resource = alter_configs.AlterConfigsResource(kind, name, [alter_configs.AlterableConfig(*config) for config in configs])
    [result] = client.call(alter_configs, version, alter_configs.AlterConfigsRequest([resource], **kwargs)).responses
    return result.error_code, result.error_message


@pytest.mark.parametrize("version", range(1, 5))
def test_every_version_describes_a_topic(client: Any, topic: str, version: int) -> None:
    result = describe(client, TOPIC, topic, version=version, include_synonyms=True, include_documentation=True)
    assert result.error_code == 0 and len(result.configs) == 33
    entry = next(entry for entry in result.configs if entry.name == "segment.bytes")
    assert (entry.value, entry.config_source, entry.read_only, entry.is_sensitive) == ("1073741824", 5, False, False)
    assert [(s.name, s.value, s.source) for s in entry.synonyms] == [("log.segment.bytes", "1073741824", 5)]
    assert entry.config_type == (3 if version >= 3 else 0)
    assert bool(entry.documentation) == (version >= 3)


def test_synonyms_and_documentation_come_only_when_asked_for(client: Any, topic: str) -> None:
    [entry] = describe(client, TOPIC, topic, "segment.bytes").configs
    assert (entry.synonyms, entry.documentation) == ([], None)


def test_names_may_be_picked(client: Any, topic: str) -> None:
    assert [e.name for e in describe(client, TOPIC, topic, "segment.ms", "nonsense").configs] == ["segment.ms"]


def test_a_broker_is_described_with_what_may_change(client: Any, node: str) -> None:
    entries = {entry.name: entry for entry in describe(client, BROKER, node).configs}
    assert len(entries) > 330
    assert (entries["num.partitions"].value, entries["num.partitions"].config_source) == ("2", 4)
    assert entries["num.partitions"].read_only and not entries["log.retention.ms"].read_only
    assert entries["ssl.key.password"].is_sensitive


@pytest.mark.parametrize(
    ("kind", "name", "code"),
    [
        (TOPIC, "nope", ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        (TOPIC, "a/b", ErrorCode.INVALID_TOPIC_EXCEPTION),
        (TOPIC, "", ErrorCode.INVALID_TOPIC_EXCEPTION),
        (BROKER, "4711", ErrorCode.INVALID_REQUEST),
        (BROKER, "x", ErrorCode.INVALID_REQUEST),
        (LOGGER, "", ErrorCode.INVALID_REQUEST),
        (LOGGER, "4711", ErrorCode.INVALID_REQUEST),
        (GROUP, "", ErrorCode.INVALID_REQUEST),
        (METRICS, "m", ErrorCode.INVALID_REQUEST),
        (7, "x", ErrorCode.INVALID_REQUEST),
    ],
)
def test_what_cannot_be_described_says_why(client: Any, kind: int, name: str, code: int) -> None:
    result = describe(client, kind, name)
    assert (result.error_code, result.configs) == (code, [])
    assert result.error_message


def test_single_names_are_set_and_deleted(client: Any, topic: str) -> None:
    assert alter(client, TOPIC, topic, ("retention.ms", SET, "5"), ("segment.ms", SET, "6")) == (0, None)
    assert value(client, TOPIC, topic, "retention.ms") == ("5", 1)
    assert alter(client, TOPIC, topic, ("retention.ms", DELETE, None)) == (0, None)
    assert value(client, TOPIC, topic, "retention.ms") == ("604800000", 5)
    assert value(client, TOPIC, topic, "segment.ms") == ("6", 1)


def test_lists_grow_and_shrink(client: Any, topic: str) -> None:
    assert alter(client, TOPIC, topic, ("cleanup.policy", APPEND, "compact")) == (0, None)
    assert value(client, TOPIC, topic, "cleanup.policy") == ("delete,compact", 1)
    assert alter(client, TOPIC, topic, ("cleanup.policy", SUBTRACT, "delete")) == (0, None)
    assert value(client, TOPIC, topic, "cleanup.policy") == ("compact", 1)


@pytest.mark.parametrize("version", range(3))
def test_the_legacy_call_replaces_all(client: Any, topic: str, version: int) -> None:
    alter(client, TOPIC, topic, ("segment.ms", SET, "6"))
    assert replace(client, TOPIC, topic, ("retention.ms", "5"), version=version) == (0, None)
    assert value(client, TOPIC, topic, "retention.ms") == ("5", 1)
    assert value(client, TOPIC, topic, "segment.ms")[1] == 5


def test_validating_changes_nothing(client: Any, topic: str) -> None:
    assert alter(client, TOPIC, topic, ("retention.ms", SET, "5"), validate_only=True) == (0, None)
    assert replace(client, TOPIC, topic, ("retention.ms", "5"), validate_only=True) == (0, None)
    code, _ = alter(client, TOPIC, topic, ("retention.ms", SET, "x"), validate_only=True)
    assert code == ErrorCode.INVALID_CONFIG
    assert value(client, TOPIC, topic, "retention.ms")[1] == 5


@pytest.mark.parametrize(
    ("kind", "name", "change", "code"),
    [
        (TOPIC, "nope", ("retention.ms", SET, "5"), ErrorCode.UNKNOWN_TOPIC_OR_PARTITION),
        (TOPIC, "", ("retention.ms", SET, "5"), ErrorCode.INVALID_REQUEST),
        (BROKER, "4711", ("log.retention.ms", SET, "5"), ErrorCode.INVALID_REQUEST),
        (BROKER, "", ("num.partitions", SET, "5"), ErrorCode.INVALID_REQUEST),
        (BROKER, "", ("log.retention.msec", SET, "5"), ErrorCode.INVALID_CONFIG),
        (GROUP, "g", ("foo", SET, "5"), ErrorCode.INVALID_CONFIG),
        (7, "x", ("foo", SET, "5"), ErrorCode.INVALID_REQUEST),
    ],
)
def test_what_cannot_be_altered_says_why(client: Any, kind: int, name: str, change: Any, code: int) -> None:
    found, reason = alter(client, kind, name, change)
    assert found == code and reason


def test_a_resource_named_twice_is_refused_and_unchanged(client: Any, topic: str) -> None:
    api = incremental_alter_configs
    resource = api.AlterConfigsResource(TOPIC, topic, [api.AlterableConfig("retention.ms", SET, "5")])
    results = client.call(api, 1, api.IncrementalAlterConfigsRequest([resource, resource])).responses
    assert [result.error_code for result in results] == [ErrorCode.INVALID_REQUEST] * 2
    old = alter_configs.AlterConfigsResource(TOPIC, topic, [alter_configs.AlterableConfig("retention.ms", "5")])
    results = client.call(alter_configs, 2, alter_configs.AlterConfigsRequest([old, old])).responses
    assert [result.error_code for result in results] == [ErrorCode.INVALID_REQUEST] * 2
    assert value(client, TOPIC, topic, "retention.ms")[1] == 5


@pytest.fixture
def clean_broker(client: Any, node: str) -> Iterator[None]:
    yield
    replace(client, BROKER, node)
    replace(client, BROKER, "")


@pytest.mark.usefixtures("clean_broker")
def test_a_brokers_dynamic_configuration_is_every_topics_default(client: Any, topic: str, node: str) -> None:
    assert alter(client, BROKER, "", ("log.retention.ms", SET, "7000")) == (0, None)
    assert value(client, TOPIC, topic, "retention.ms") == ("7000", 3)
    assert alter(client, BROKER, node, ("log.retention.ms", SET, "8000")) == (0, None)
    assert value(client, TOPIC, topic, "retention.ms") == ("8000", 2)
    [entry] = describe(client, BROKER, "").configs
    assert (entry.name, entry.value, entry.config_source) == ("log.retention.ms", "7000", 3)


def test_a_groups_configuration_is_kept(client: Any) -> None:
    group = f"group-{uuid.uuid4().hex[:8]}"
    assert alter(client, GROUP, group, ("consumer.session.timeout.ms", SET, "50000")) == (0, None)
    assert value(client, GROUP, group, "consumer.session.timeout.ms") == ("50000", 8)


@pytest.fixture
def quiet_rooms() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in ("odradek", "odradek.log")]
    before = [logger.level for logger in loggers]
    yield
    for logger, level in zip(loggers, before, strict=True):
        logger.setLevel(level)


@pytest.mark.usefixtures("quiet_rooms")
def test_the_rooms_log_levels_can_be_changed_at_run_time(client: Any, node: str) -> None:
    assert alter(client, LOGGER, node, ("log", SET, "DEBUG")) == (0, None)
    levels = {entry.name: entry.value for entry in describe(client, LOGGER, node).configs}
    assert levels["log"] == "DEBUG"
    assert logging.getLogger("odradek.log").level == logging.DEBUG
    assert alter(client, LOGGER, node, ("log", DELETE, None)) == (0, None)
    levels = {entry.name: entry.value for entry in describe(client, LOGGER, node).configs}
    assert levels["log"] == levels["root"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("nope", SET, "INFO"), ErrorCode.INVALID_CONFIG),
        (("log", SET, "LOUD"), ErrorCode.INVALID_CONFIG),
        (("root", DELETE, None), ErrorCode.INVALID_REQUEST),
        (("log", APPEND, "INFO"), ErrorCode.INVALID_REQUEST),
    ],
)
def test_what_a_logger_refuses(client: Any, node: str, change: Any, code: int) -> None:
    assert alter(client, LOGGER, node, change)[0] == code
    assert replace(client, LOGGER, node, ("log", "INFO"))[0] == ErrorCode.INVALID_REQUEST


def test_a_logger_named_twice_is_refused(client: Any, node: str) -> None:
    assert alter(client, LOGGER, node, ("log", SET, "DEBUG"), ("log", SET, "INFO"))[0] == ErrorCode.INVALID_REQUEST
