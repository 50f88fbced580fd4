"""What holds for a topic: its own configurations over the broker's over the defaults.

`TopicConfig` is the answer for one topic, parsed once and kept until the topic or the broker's configuration changes.
`check` is the decision whether a topic may have a set of configurations, in Kafka's words (LogConfig.validate).
"""

from __future__ import annotations

from collections.abc import Mapping

from odradek.base.config import ConfigError, ConfigValue, UnknownConfigError
from odradek.metadata.broker_config import BrokerConfig
from odradek.metadata.errors import InvalidConfigError
from odradek.metadata.topic_keys import TOPIC_CONFIG


class TopicConfig:
    """The effective values of a topic by Kafka's names. Frozen."""

    __slots__ = ("overrides", "values")

    def __init__(self, overrides: Mapping[str, str], broker: BrokerConfig) -> None:
        self.overrides = overrides
        self.values = effective_values(overrides, broker)

    def __getitem__(self, name: str) -> ConfigValue:
        return self.values[name]

    def get_int(self, name: str) -> int:
        value = self.values[name]
        if not isinstance(value, int):
            raise ConfigError(name, value, "a number is needed here")
        return value

    def get_str(self, name: str) -> str:
        return str(self.values[name])

    def get_bool(self, name: str) -> bool:
        return self.values[name] is True

    def get_list(self, name: str) -> tuple[str, ...]:
        value = self.values[name]
        return value if isinstance(value, tuple) else ()

    @property
    def is_compacted(self) -> bool:
        return "compact" in self.get_list("cleanup.policy")


def effective_values(overrides: Mapping[str, str], broker: BrokerConfig) -> dict[str, ConfigValue]:
    """Every topic configuration with the value that holds.

    An override that can't be read (a metadata store from elsewhere) gives way to the broker's value: a topic must open.
    """
    values = dict(_defaults(broker))
    for name, text in overrides.items():
        try:
            values[name] = TOPIC_CONFIG.key(name).parse(text)
        except (ConfigError, UnknownConfigError):
            continue
    return values


def _defaults(broker: BrokerConfig) -> dict[str, ConfigValue]:
    """What holds for a topic on which nothing is set."""
    if broker.topic_defaults is None:
        broker.topic_defaults = {}
        for key in TOPIC_CONFIG:
            value = broker.first_set(*key.synonyms) if key.synonyms else None
            broker.topic_defaults[key.name] = key.default if value is None else value
    return broker.topic_defaults


def check(overrides: Mapping[str, str], broker: BrokerConfig) -> None:
    """Raise `InvalidConfigError` unless a topic may be given `overrides`."""
    try:
        values = dict(effective_values({}, broker), **TOPIC_CONFIG.parse(overrides))
    except (ConfigError, UnknownConfigError) as error:
        raise InvalidConfigError(str(error)) from error
    low, high = values["min.compaction.lag.ms"], values["max.compaction.lag.ms"]
    if isinstance(low, int) and isinstance(high, int) and low > high:
        raise InvalidConfigError(
            f"conflict topic config setting min.compaction.lag.ms ({low}) > max.compaction.lag.ms ({high})"
        )
    if overrides.get("remote.storage.enable", "").strip().lower() == "true":
        raise InvalidConfigError(
            "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage."
        )
