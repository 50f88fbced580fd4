"""Configurations of groups (KIP-848, KIP-932, KIP-1071): known by name, kept and shown, and without effect yet.

They belong to the consumer, share and streams group protocols, which are not served yet; classic groups have none.
They are kept so that tools that set them find them again, and so they are checked as Kafka checks them: each falls back
on the broker's name made by putting `group.` in front, and lies between the broker's `group.KIND.min.` and `.max.`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from odradek.base.config import ConfigDef, ConfigError, ConfigKey, ConfigType, ConfigValue, OneOf, Range, UnknownConfigError
from odradek.metadata.broker_config import BrokerConfig
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
_KINDS = ("consumer", "share", "streams")
# Java's notation of a duration (ISO 8601), as far as it makes sense here: days to seconds, not negative.
_DURATION = re.compile(r"by_duration:P(?=.)(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+([.,]\d{0,9})?S)?)?", re.IGNORECASE).fullmatch


def _where_to_start(name: str, value: ConfigValue) -> None:
    if value not in ("earliest", "latest") and _DURATION(str(value)) is None:
        raise ConfigError(name, value, "must be earliest, latest or by_duration:<PnDTnHnMn.nS>")


def _from_broker(name: str) -> ConfigKey:
    synonym = f"group.{name}"
    key = BROKER_CONFIG.keys[synonym]
    return ConfigKey(name, key.type, key.default, _DOC, validator=Range(0), synonyms=(synonym,), effective=False)


_OWN = (
    ConfigKey("share.auto.offset.reset", ConfigType.STRING, "latest", _DOC, effective=False, validator=_where_to_start),
    ConfigKey(
        "share.isolation.level", ConfigType.STRING, "read_uncommitted", _DOC, effective=False,
        validator=OneOf("read_committed", "read_uncommitted"),
    ),
    ConfigKey("share.renew.acknowledge.enable", ConfigType.BOOLEAN, True, _DOC, effective=False),
)  # fmt: skip

GROUP_CONFIG = ConfigDef("group", (*map(_from_broker, _FROM_BROKER), *_OWN))


def check(configs: Mapping[str, str], broker: BrokerConfig) -> None:
    """Raise `InvalidConfigError` unless a group may be given `configs`."""
    try:
        given = GROUP_CONFIG.parse(configs)
    except (ConfigError, UnknownConfigError) as error:
        raise InvalidConfigError(str(error)) from error
    for name, value in given.items():
        _check_bounds(name, value, broker)
    values = {name: broker[f"group.{name}"] for name in _FROM_BROKER} | given
    for kind in _KINDS:
        session, heartbeat = f"{kind}.session.timeout.ms", f"{kind}.heartbeat.interval.ms"
        low, high = values[heartbeat], values[session]
        if isinstance(low, int) and isinstance(high, int) and low >= high and not given.keys().isdisjoint((session, heartbeat)):
            raise InvalidConfigError(f"{session} ({high}) must be greater than {heartbeat} ({low})")


def _check_bounds(name: str, value: ConfigValue, broker: BrokerConfig) -> None:
    kind, _, rest = name.partition(".")
    for bound, is_low in (("min", True), ("max", False)):
        limit_name = f"group.{kind}.{bound}.{rest.removeprefix('num.')}"
        limit = broker[limit_name] if limit_name in BROKER_CONFIG else None
        if not isinstance(value, int) or not isinstance(limit, int):
            continue
        if value < limit if is_low else value > limit:
            words = "greater than or equal to" if is_low else "less than or equal to"
            raise InvalidConfigError(f"{name} ({value}) must be {words} {limit_name} ({limit})")
