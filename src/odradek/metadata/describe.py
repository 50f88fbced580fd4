"""How configurations are shown: each name with its value, where the value comes from, and what else would have given one.

The sources are numbered as on the wire (KIP-226); the synonyms are listed nearest first, so that the first is the one
that holds. A quirk of Kafka's is kept, since tools compare: a topic's `retention.ms` lists `log.retention.ms` among
its synonyms but never `log.retention.hours`, and so shows DEFAULT as its source when the broker was given hours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from odradek.base.config import ConfigDef, ConfigKey, ConfigValue, Update
from odradek.metadata.broker_config import (
    DEFAULT,
    DYNAMIC_DEFAULT_BROKER,
    DYNAMIC_TOPIC,
    GROUP,
    BrokerConfig,
    Source,
    key_of,
    shown,
)
from odradek.metadata.broker_keys import BROKER_CONFIG
from odradek.metadata.group_config import GROUP_CONFIG
from odradek.metadata.topic_config import TopicConfig
from odradek.metadata.topic_keys import TOPIC_CONFIG


class Described(NamedTuple):
    """One configuration as DescribeConfigs shows it; `source` and `type` are the wire's numbers."""

    name: str
    value: str | None
    source: int
    type: int
    read_only: bool
    sensitive: bool
    synonyms: list[Source]
    documentation: str


def describe_topic(topic: TopicConfig, broker: BrokerConfig) -> list[Described]:
    """All configurations of a topic, by name."""
    return [
        _entry(key, topic[key.name], _over_broker(key, topic[key.name], topic.overrides, DYNAMIC_TOPIC, broker))
        for key in _TOPIC_KEYS
    ]


def describe_broker(broker: BrokerConfig) -> list[Described]:
    """All configurations of this broker, by name, with those of single listeners that were set."""
    names = BROKER_CONFIG.keys | dict.fromkeys((*broker.static, *broker.dynamic_default, *broker.dynamic))
    return [_broker_entry(name, broker, broker.sources(name)) for name in sorted(names)]


def describe_all_brokers(broker: BrokerConfig) -> list[Described]:
    """What was set at run time for all brokers."""
    return [
        _broker_entry(name, broker, [Source(DYNAMIC_DEFAULT_BROKER, name, text)])._replace(value=_safe(name, text))
        for name, text in sorted(broker.dynamic_default.items())
    ]


def describe_group(overrides: Mapping[str, str], broker: BrokerConfig) -> list[Described]:
    """All configurations of a group, by name."""
    found = []
    for key in _GROUP_KEYS:
        value = broker.first_set(*key.synonyms) if key.synonyms else key.default
        if key.name in overrides:
            value = key.parse(overrides[key.name])
        sources = _over_broker(key, value, overrides, GROUP, broker)
        if not key.synonyms:
            sources.append(Source(DEFAULT, key.name, key.default_text))
        found.append(_entry(key, value, sources))
    return found


def _sorted_keys(definition: ConfigDef) -> list[ConfigKey]:
    return sorted(definition, key=lambda key: key.name)


_TOPIC_KEYS = _sorted_keys(TOPIC_CONFIG)
_GROUP_KEYS = _sorted_keys(GROUP_CONFIG)


def _over_broker(
    key: ConfigKey, value: ConfigValue, overrides: Mapping[str, str], source: int, broker: BrokerConfig
) -> list[Source]:
    """A resource's own value as it is read (not as it was typed, which Kafka shows of brokers only), then the broker's."""
    own = [Source(source, key.name, shown(key, value))] if key.name in overrides else []
    return own + (broker.sources(key.synonyms[0]) if key.synonyms else [])


def _entry(key: ConfigKey, value: ConfigValue, sources: list[Source]) -> Described:
    source = sources[0].source if sources else DEFAULT
    return Described(key.name, shown(key, value), source, key.type, False, key.sensitive, sources, key.documentation)


def _broker_entry(name: str, broker: BrokerConfig, sources: list[Source]) -> Described:
    key = key_of(name)
    entry = _entry(key, broker[name], [s._replace(text=_safe(s.name, s.text)) for s in sources])
    return entry._replace(name=name, read_only=key.update is Update.READ_ONLY)


def _safe(name: str, text: str | None) -> str | None:
    return None if key_of(name).sensitive else text
