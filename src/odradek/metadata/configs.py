"""Decisions about configurations: what a resource's will be after AlterConfigs or IncrementalAlterConfigs. Pure.

Kafka's two ways: the legacy call replaces everything that was set on a resource, the incremental one (KIP-339) sets,
deletes, appends to or subtracts from single names. Both give the whole new set, which is then checked as a whole by
its kind: a topic's by `topic_config`, a broker's by `broker_config`, a group's by `group_config`. Codes and words are
Kafka's; one of ours: a name that no broker configuration has is refused, with the nearest known ones, where Kafka
keeps it for plug-ins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import NamedTuple

from odradek.base.config import ConfigDef, ConfigError, ConfigType, UnknownConfigError
from odradek.metadata import group_config, names, topic_config
from odradek.metadata.broker_config import BrokerConfig, check_dynamic
from odradek.metadata.broker_keys import BROKER_CONFIG
from odradek.metadata.errors import InvalidConfigError, InvalidRequestError, UnknownTopicError
from odradek.metadata.group_config import GROUP_CONFIG
from odradek.metadata.image import Change, ConfigChange, Image, TopicChange
from odradek.metadata.topic_keys import TOPIC_CONFIG


class ResourceType(IntEnum):
    """Kinds of things that have configurations, numbered as on the wire."""

    TOPIC = 2
    BROKER = 4
    BROKER_LOGGER = 8
    CLIENT_METRICS = 16
    GROUP = 32


class Resource(NamedTuple):
    """One thing with configurations; a broker called "" is the defaults of all."""

    type: int
    name: str


class Operation(IntEnum):
    """What to do with one name (KIP-339)."""

    SET = 0
    DELETE = 1
    APPEND = 2
    SUBTRACT = 3


class Alteration(NamedTuple):
    """One name of an incremental request."""

    name: str
    operation: int
    value: str | None


def incremental(
    image: Image, resource: Resource, alterations: Sequence[Alteration], config: BrokerConfig, node_id: int
) -> Change | None:
    """What IncrementalAlterConfigs changes; None when nothing. Raises a `MetadataError` where Kafka refuses."""
    check_distinct([alteration.name for alteration in alterations])
    for alteration in alterations:
        if alteration.operation not in _OPERATIONS:
            raise InvalidRequestError(f"Unknown operations type {alteration.operation}")
    _check_values([a.name for a in alterations if a.value is None and a.operation != Operation.DELETE])
    definition = _definition(resource)
    configs = dict(current(image, resource))
    for alteration in alterations:
        _alter(configs, alteration, definition)
    return _decide(image, resource, configs, config, node_id)


def legacy(
    image: Image, resource: Resource, configs: Sequence[tuple[str, str | None]], config: BrokerConfig, node_id: int
) -> Change | None:
    """What AlterConfigs changes: `configs` replace all that was set. None when nothing changes."""
    check_distinct([name for name, _ in configs])
    _check_values([name for name, value in configs if value is None])
    _definition(resource)
    return _decide(image, resource, {name: value for name, value in configs if value is not None}, config, node_id)


def current(image: Image, resource: Resource) -> Mapping[str, str]:
    """What is set on a resource now."""
    if resource.type == ResourceType.TOPIC:
        topic = image.topics.get(resource.name)
        return topic.configs if topic is not None else {}
    held = image.broker_configs if resource.type == ResourceType.BROKER else image.group_configs
    return held.get(resource.name, {})


_OPERATIONS = frozenset(Operation)
_DEFINITIONS = {
    ResourceType.TOPIC: TOPIC_CONFIG,
    ResourceType.BROKER: BROKER_CONFIG,
    ResourceType.GROUP: GROUP_CONFIG,
}


def _definition(resource: Resource) -> ConfigDef:
    for type, definition in _DEFINITIONS.items():
        if type == resource.type:
            return definition
    raise InvalidRequestError(f"Unknown resource type {resource.type}")


def check_distinct(given: list[str]) -> None:
    """Raise `InvalidRequestError` when a request names a configuration twice."""
    if len(set(given)) != len(given):
        raise InvalidRequestError("Error due to duplicate config keys")


def _check_values(null: list[str]) -> None:
    if null:
        raise InvalidRequestError(f"Null value not supported for : {', '.join(null)}")


def _alter(configs: dict[str, str], alteration: Alteration, definition: ConfigDef) -> None:
    name, operation, value = alteration
    if operation == Operation.DELETE or value is None:
        configs.pop(name, None)
    elif operation == Operation.SET:
        configs[name] = value
    else:
        configs[name] = _list_after(configs.get(name), alteration, definition)


def _list_after(text: str | None, alteration: Alteration, definition: ConfigDef) -> str:
    key = definition.keys.get(alteration.name)
    if key is None or key.type is not ConfigType.LIST:
        verb = Operation(alteration.operation).name
        raise InvalidConfigError(f"Can't {verb} to key {alteration.name} because its type is not LIST.")
    before = text if text is not None else key.default_text or ""
    items = [item for item in before.split(",") if item]
    given = [item.strip() for item in (alteration.value or "").split(",")]
    if alteration.operation == Operation.APPEND:
        items += [item for item in dict.fromkeys(given) if item not in items]
    else:
        items = [item for item in items if item not in given]
    return ",".join(items)


def _decide(image: Image, resource: Resource, configs: dict[str, str], config: BrokerConfig, node_id: int) -> Change | None:
    if resource.type == ResourceType.TOPIC:
        return _decide_topic(image, resource.name, configs, config)
    if resource.type == ResourceType.BROKER:
        _check_broker(image, resource.name, configs, config, node_id)
        kind = "broker"
    else:
        if not resource.name:
            raise InvalidRequestError("Default group resources are not allowed.")
        group_config.check(configs, config)
        kind = "group"
    unchanged = configs == current(image, resource)
    return None if unchanged else ConfigChange(kind, resource.name, configs)


def _decide_topic(image: Image, name: str, configs: dict[str, str], config: BrokerConfig) -> Change | None:
    if not name:
        raise InvalidRequestError("Default topic resources are not allowed.")
    names.validate(name)
    topic_config.check(configs, config)
    topic = image.topics.get(name)
    if topic is None:
        raise UnknownTopicError(f"The topic '{name}' does not exist.")
    return None if configs == topic.configs else TopicChange(topic, topic._replace(configs=configs))


def _check_broker(image: Image, name: str, configs: dict[str, str], config: BrokerConfig, node_id: int) -> None:
    if name:
        check_node_id(name, node_id)
    try:
        check_dynamic(configs, per_broker=bool(name))
        default = image.broker_configs.get("", {}) if name else configs
        config.with_dynamic(default, configs if name else image.broker_configs.get(str(node_id), {}))
    except UnknownConfigError as error:
        raise InvalidConfigError(str(error)) from error
    except ConfigError as error:
        # INVALID_REQUEST for a refused value is Kafka's choice for brokers (KAFKA-13609); clients know it so.
        raise InvalidRequestError(str(error)) from error


def check_node_id(name: str, node_id: int) -> None:
    """Raise `InvalidRequestError` unless `name` is this broker's number."""
    digits = name.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise InvalidRequestError(f"Node id must be an integer, but it is: {name}")
    if int(name) != node_id:
        raise InvalidRequestError(f"Unexpected broker id, expected {node_id}, but received {name}")
