"""Short ways to write a key, so that a table reads as a table."""

from __future__ import annotations

from odradek.base.config import INT_MAX, LONG_MAX, ConfigKey, ConfigType, OneOf, Range, Update, Validator

READ_ONLY = Update.READ_ONLY
PER_BROKER = Update.PER_BROKER
CLUSTER_WIDE = Update.CLUSTER_WIDE
KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
SECOND = 1000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

WITHOUT_EFFECT = "Accepted without effect: "
COMPRESSION_TYPES = ("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer")
TIMESTAMP_TYPES = ("CreateTime", "LogAppendTime")
CLEANUP_POLICIES = ("compact", "delete")

__all__ = ["INT_MAX", "LONG_MAX", "OneOf"]


def without_effect(reason: str, *keys: ConfigKey) -> tuple[ConfigKey, ...]:
    """Keys that are read and checked, and that nothing heeds yet; their documentation says what they mean and why not."""
    for key in keys:
        key.effective = False
        key.documentation += f" {WITHOUT_EFFECT}{reason}."
    return keys


def boolean(name: str, default: bool, doc: str, update: Update = READ_ONLY) -> ConfigKey:
    return ConfigKey(name, ConfigType.BOOLEAN, default, doc, update=update)


def integer(
    name: str,
    default: int | None,
    doc: str,
    low: int | None = None,
    high: int | None = None,
    *,
    type: ConfigType = ConfigType.INT,
    update: Update = READ_ONLY,
    validator: Validator | None = None,
) -> ConfigKey:
    if validator is None and (low is not None or high is not None):
        validator = Range(low, high)
    return ConfigKey(name, type, default, doc, validator=validator, update=update)


def long(
    name: str,
    default: int | None,
    doc: str,
    low: int | None = None,
    high: int | None = None,
    *,
    update: Update = READ_ONLY,
) -> ConfigKey:
    return integer(name, default, doc, low, high, type=ConfigType.LONG, update=update)


def short(name: str, default: int, doc: str, low: int | None = None) -> ConfigKey:
    return integer(name, default, doc, low, type=ConfigType.SHORT)


def double(name: str, default: float, doc: str, low: float, high: float, update: Update = READ_ONLY) -> ConfigKey:
    return ConfigKey(name, ConfigType.DOUBLE, default, doc, validator=Range(low, high), update=update)


def string(name: str, default: str | None, doc: str, *, words: tuple[str, ...] = (), update: Update = READ_ONLY) -> ConfigKey:
    return ConfigKey(name, ConfigType.STRING, default, doc, validator=OneOf(*words) if words else None, update=update)


def listing(
    name: str, default: tuple[str, ...] | None, doc: str, *, words: tuple[str, ...] = (), update: Update = READ_ONLY
) -> ConfigKey:
    return ConfigKey(name, ConfigType.LIST, default, doc, validator=OneOf(*words) if words else None, update=update)
