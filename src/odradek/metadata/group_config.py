"""Configurations of groups (KIP-848, KIP-932, KIP-1071): known by name, kept and shown, and without effect yet.

They belong to the consumer, share and streams group protocols, which are not served yet; classic groups have none.
They are kept so that tools that set them find them again. Each falls back on the broker's name made by putting
`group.` in front.
"""

from __future__ import annotations

from collections.abc import Mapping

from odradek.base.config import ConfigDef, ConfigError, ConfigKey, ConfigType, OneOf, Range, UnknownConfigError
from odradek.metadata.broker_keys import BROKER_CONFIG
from odradek.metadata.errors import InvalidConfigError

_DOC = "Accepted without effect: this group protocol is not supported yet."
_FROM_BROKER = (
    "consumer.session.timeout.ms",
    "consumer.heartbeat.interval.ms",
    "consumer.assignment.interval.ms",
    "share.session.timeout.ms",
    "share.heartbeat.interval.ms",
    "share.assignment.interval.ms",
    "share.record.lock.duration.ms",
    "share.delivery.count.limit",
    "share.partition.max.record.locks",
    "streams.session.timeout.ms",
    "streams.heartbeat.interval.ms",
    "streams.assignment.interval.ms",
    "streams.num.standby.replicas",
    "streams.initial.rebalance.delay.ms",
)


def _from_broker(name: str) -> ConfigKey:
    synonym = f"group.{name}"
    key = BROKER_CONFIG.keys[synonym]
    return ConfigKey(name, key.type, key.default, _DOC, validator=Range(0), synonyms=(synonym,), effective=False)


_OWN = (
    ConfigKey("share.auto.offset.reset", ConfigType.STRING, "latest", _DOC, effective=False),
    ConfigKey(
        "share.isolation.level", ConfigType.STRING, "read_uncommitted", _DOC, effective=False,
        validator=OneOf("read_committed", "read_uncommitted"),
    ),
    ConfigKey("share.renew.acknowledge.enable", ConfigType.BOOLEAN, True, _DOC, effective=False),
)  # fmt: skip

GROUP_CONFIG = ConfigDef("group", (*map(_from_broker, _FROM_BROKER), *_OWN))


def check(configs: Mapping[str, str]) -> None:
    """Raise `InvalidConfigError` unless a group may be given `configs`."""
    try:
        GROUP_CONFIG.parse(configs)
    except (ConfigError, UnknownConfigError) as error:
        raise InvalidConfigError(str(error)) from error
