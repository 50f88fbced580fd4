"""A broker's configuration as it stands: static from its file and command line, dynamic from AlterConfigs, defaults.

Four layers, nearest first, as in Kafka (KIP-226): set on this broker at run time, set for all brokers at run time,
set when the broker was started, default. A `BrokerConfig` is a frozen snapshot of all four, parsed; a dynamic change
makes another one, so whoever holds a snapshot holds consistent values. Reading is one dictionary look-up.

Some names are several: `log.retention.ms` before `.minutes` before `.hours`, `log.dirs` before `log.dir`, `node.id`
before `broker.id`. The properties say what holds. Rules across names are checked when a snapshot is made, and name
both sides.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from odradek.base.config import ConfigError, ConfigKey, ConfigType, ConfigValue, Update, render
from odradek.base.errors import OdradekError
from odradek.metadata.broker_keys import BROKER_CONFIG
from odradek.metadata.broker_keys.shapes import WITHOUT_EFFECT
from odradek.metadata.topic_keys import TOPIC_CONFIG, UNIT_MS


class NotDynamicError(ConfigError):
    """A name that can't be changed at run time, or not for all brokers at once; its value may be as good as it likes."""

    def __init__(self, name: str, reason: str) -> None:
        OdradekError.__init__(self, reason)
        self.name = name
        self.value = None
        self.reason = reason


class Source(NamedTuple):
    """A value that somebody set: where (a `ConfigSource` of the wire), under which name, as which text."""

    source: int
    name: str
    text: str | None


# ConfigSource of DescribeConfigs (KIP-226).
DYNAMIC_TOPIC = 1
DYNAMIC_BROKER = 2
DYNAMIC_DEFAULT_BROKER = 3
STATIC_BROKER = 4
DEFAULT = 5
DYNAMIC_BROKER_LOGGER = 6
CLIENT_METRICS = 7
GROUP = 8

_INHERITED = frozenset(synonym for key in TOPIC_CONFIG for synonym in key.synonyms)
_LISTENER_PREFIX = "listener.name."
_MULTIPLE_NAMES = {
    "log.retention.ms": ("log.retention.ms", "log.retention.minutes", "log.retention.hours"),
    "log.roll.ms": ("log.roll.ms", "log.roll.hours"),
    "log.roll.jitter.ms": ("log.roll.jitter.ms", "log.roll.jitter.hours"),
    "log.flush.interval.ms": ("log.flush.interval.ms", "log.flush.scheduler.interval.ms"),
}
_NAMES_OF = {name: names for names in _MULTIPLE_NAMES.values() for name in names if name != "log.flush.scheduler.interval.ms"}


class BrokerConfig:
    """See the module. Frozen; `with_dynamic` makes the next one. Raises `ConfigError`, `UnknownConfigError` when made."""

    __slots__ = ("_values", "dynamic", "dynamic_default", "static", "topic_defaults")

    topic_defaults: dict[str, ConfigValue] | None  # kept here by `topic_config`: the same for all topics

    def __init__(
        self,
        static: Mapping[str, str] | None = None,
        *,
        dynamic_default: Mapping[str, str] | None = None,
        dynamic: Mapping[str, str] | None = None,
    ) -> None:
        self.static = dict(static or {})
        self.dynamic_default = dict(dynamic_default or {})
        self.dynamic = dict(dynamic or {})
        self._values: dict[str, ConfigValue] = {key.name: key.default for key in BROKER_CONFIG}
        for layer in (self.static, self.dynamic_default, self.dynamic):
            for name, text in layer.items():
                self._values[name] = key_of(name).parse(text)
        self.topic_defaults = None
        _check_together(self)

    def with_dynamic(self, default: Mapping[str, str], own: Mapping[str, str]) -> BrokerConfig:
        """The same static configuration under other dynamic ones."""
        return BrokerConfig(self.static, dynamic_default=default, dynamic=own)

    def __getitem__(self, name: str) -> ConfigValue:
        return self._values[name]

    def get_int(self, name: str) -> int:
        """A number that is set or has a default; `ConfigError` when it has neither."""
        value = self._values[name]
        return value if isinstance(value, int) else _refuse(name, value, "a number is needed here")

    def get_optional_int(self, name: str) -> int | None:
        """A number, or None where it is unset."""
        value = self._values[name]
        return value if isinstance(value, int) else None

    def get_bool(self, name: str) -> bool:
        return self._values[name] is True

    def get_float(self, name: str) -> float:
        value = self._values[name]
        return float(value) if isinstance(value, int | float) else _refuse(name, value, "a number is needed here")

    def get_str(self, name: str) -> str:
        """A text; "" where it is unset."""
        value = self._values[name]
        return value if isinstance(value, str) else ""

    def get_list(self, name: str) -> tuple[str, ...]:
        """A list; empty where it is unset."""
        value = self._values[name]
        return value if isinstance(value, tuple) else ()

    def of_listener(self, listener: str, name: str) -> tuple[str, ConfigValue]:
        """`listener.name.LISTENER.NAME`, the listener in small letters as in Kafka, and its value: None where it is unset."""
        full_name = f"{_LISTENER_PREFIX}{listener.lower()}.{name}"
        return full_name, self._values.get(full_name)

    @property
    def node_id(self) -> int | None:
        """`node.id`, else `broker.id`, else None (let the data directory say)."""
        found = self.get_optional_int("node.id")
        broker_id = self.get_int("broker.id")
        return found if found is not None else (broker_id if broker_id >= 0 else None)

    @property
    def log_dirs(self) -> tuple[str, ...]:
        """Where data lies: `log.dirs`, else `log.dir`."""
        return self.get_list("log.dirs") or self.get_list("log.dir")

    @property
    def client_listeners(self) -> tuple[str, ...]:
        """`listeners` without those that Kafka keeps for controllers."""
        return self._for_clients("listeners")

    @property
    def client_advertised(self) -> tuple[str, ...]:
        """`advertised.listeners` likewise: the `server.properties` that comes with Kafka names its controller's, too."""
        return self._for_clients("advertised.listeners")

    def _for_clients(self, name: str) -> tuple[str, ...]:
        for_controllers = self.get_list("controller.listener.names")
        return tuple(text for text in self.get_list(name) if text.partition("://")[0] not in for_controllers)

    def protocol_of(self, listener: str) -> str:
        """The security protocol of a listener (`listener.security.protocol.map`); PLAINTEXT for a name that is not there."""
        rows = (row.partition(":") for row in self.get_str("listener.security.protocol.map").split(","))
        return {name.strip(): protocol.strip() for name, _, protocol in rows}.get(listener, "PLAINTEXT")

    def first_set(self, *names: str) -> ConfigValue:
        """The value of the first of `names` that is not null, times in milliseconds."""
        for name in names:
            value = self._values[name]
            if value is not None:
                unit = UNIT_MS.get(name, 1)
                return value * unit if isinstance(value, int) and unit != 1 and value >= 0 else value
        return None

    def sources(self, name: str) -> list[Source]:
        """Who set `name` (or a synonym of it), nearest first; ends with the default when it has one."""
        names = _NAMES_OF.get(name, (name,))
        layers = ((DYNAMIC_BROKER, self.dynamic), (DYNAMIC_DEFAULT_BROKER, self.dynamic_default), (STATIC_BROKER, self.static))
        found = [Source(source, n, layer[n]) for source, layer in layers for n in names if n in layer]
        found += [
            Source(DEFAULT, n, text)
            for n in names
            if n in BROKER_CONFIG and (text := BROKER_CONFIG.keys[n].default_text) is not None
        ]
        # As Kafka lists them: from the first entry under the name itself, so hours don't show as a value of ms.
        start = next((i for i, entry in enumerate(found) if entry.name == name), len(found))
        return found[start:]


def key_of(name: str) -> ConfigKey:
    """The key behind a broker's name; `listener.name.NAME.` before it is looked through, as in Kafka."""
    if name.startswith(_LISTENER_PREFIX):
        base = name.removeprefix(_LISTENER_PREFIX).partition(".")[2]
        base = next((b for b in (base, base.partition(".")[2]) if b in BROKER_CONFIG), base)
        return BROKER_CONFIG.key(base)
    return BROKER_CONFIG.key(name)


def check_dynamic(configs: Mapping[str, str], *, per_broker: bool) -> None:
    """Raise `ConfigError` unless `configs` may be set at run time: on one broker, or (`per_broker` False) for all.

    Names of Kafka's that nothing here heeds are taken, as tools and their users expect (see `why_without_effect`). Names that
    Kafka doesn't know are its users' own (for plug-ins) there; here they are refused as typing errors.
    """
    for name, text in configs.items():
        key = key_of(name)
        if key.update is Update.READ_ONLY:
            raise NotDynamicError(name, f"Cannot update these configs dynamically: [{name}] is read when the broker starts")
        if key.update is Update.PER_BROKER and not per_broker:
            where = "at default cluster level, broker id must be specified"
            raise NotDynamicError(name, f"Cannot update these configs {where}: [{name}]")
        key.parse(text)


def why_without_effect(name: str) -> str | None:
    """Why nothing changes when `name` is set; None when something does: here, or in what topics show as inherited."""
    key = key_of(name)
    if key.effective or key.name in _INHERITED:
        return None
    return key.documentation.rpartition(WITHOUT_EFFECT)[2].rstrip(".")


def shown(key: ConfigKey, value: ConfigValue) -> str | None:
    """A value as it may be shown: never a secret."""
    return None if key.type is ConfigType.PASSWORD else render(value)


def _refuse(name: str, value: ConfigValue, reason: str) -> int:
    raise ConfigError(name, value, reason)


def _check_together(config: BrokerConfig) -> None:
    """Rules over more than one name (Kafka's `validateValues`, as far as the names have an effect here)."""
    for name, low in (("log.retention.ms", -1), ("log.roll.ms", 1)):
        value = config.first_set(*_MULTIPLE_NAMES[name])
        if isinstance(value, int) and (value < low or (name == "log.retention.ms" and value == 0)):
            raise ConfigError(name, value, "must be unlimited (-1) or at least 1" if low == -1 else "must be at least 1")
    _check_order(config, "group.min.session.timeout.ms", "group.max.session.timeout.ms")
    _check_order(config, "log.cleaner.min.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms")
    _check_connections(config)
    queued = config.get_int("queued.max.request.bytes")
    if 0 < queued < config.get_int("socket.request.max.bytes"):
        limit = config.get_int("socket.request.max.bytes")
        raise ConfigError("queued.max.request.bytes", queued, f"must be at least socket.request.max.bytes ({limit})")
    if not config.log_dirs:
        raise ConfigError("log.dirs", "", "at least one log directory must be defined via log.dirs or log.dir")


def _check_connections(config: BrokerConfig) -> None:
    overrides = config.get_str("max.connections.per.ip.overrides")
    _check_overrides("max.connections.per.ip.overrides", overrides)
    if config.get_int("max.connections.per.ip") == 0 and not overrides.strip():
        raise ConfigError("max.connections.per.ip", 0, "can be 0 only where max.connections.per.ip.overrides is set")
    idle, delay = config.get_int("connections.max.idle.ms"), config.get_int("connection.failed.authentication.delay.ms")
    if 0 <= idle <= delay:
        limit = f"connection.failed.authentication.delay.ms ({delay})"
        raise ConfigError("connections.max.idle.ms", idle, f"must be above {limit}, or negative: never")


def _check_overrides(name: str, text: str) -> None:
    for item in filter(None, map(str.strip, text.split(","))):
        host, _, limit = item.rpartition(":")
        if not host or not limit.isdecimal():
            raise ConfigError(name, text, f"{item!r} is not ADDRESS:LIMIT, for example 10.0.0.7:100")


def _check_order(config: BrokerConfig, low: str, high: str) -> None:
    if config.get_int(low) > config.get_int(high):
        raise ConfigError(low, config.get_int(low), f"must not be above {high} ({config.get_int(high)})")
