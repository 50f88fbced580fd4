"""Every topic configuration of Kafka 4.3: name, type, default, rule, and the broker's names that it falls back on.

The defaults here are Kafka's for a broker on which nothing is set; what holds for a topic is worked out by
`topic_config`. The rules are Kafka's too, so that what one accepts the other accepts.
"""

from __future__ import annotations

import re

from odradek.base.config import ConfigDef, ConfigError, ConfigKey, ConfigType, ConfigValue, OneOf, Range, Validator
from odradek.metadata.broker_keys import BROKER_CONFIG
from odradek.metadata.broker_keys.shapes import CLEANUP_POLICIES, COMPRESSION_TYPES, TIMESTAMP_TYPES, without_effect
from odradek.metadata.levels import GZIP_LEVEL

_NO_COMPACTION = "log compaction is not supported yet"
_NO_TIERS = "tiered storage is not supported"
_NO_REPLICATION = "replication between brokers is not supported yet"
_THROTTLED_FORM = re.compile(r"\*|\d+:\d+")

# Where the broker's value is in hours or minutes, this is what it is multiplied by.
UNIT_MS = {
    "log.roll.hours": 3_600_000,
    "log.roll.jitter.hours": 3_600_000,
    "log.retention.minutes": 60_000,
    "log.retention.hours": 3_600_000,
}


def _throttled_replicas(name: str, value: ConfigValue) -> None:
    items = value if isinstance(value, tuple) else ()
    if any(_THROTTLED_FORM.fullmatch(item) is None for item in items) or ("*" in items and len(items) > 1):
        raise ConfigError(name, value, "must be '*' or a list of PARTITION:BROKER")


def _key(
    name: str,
    type: ConfigType,
    doc: str,
    synonyms: tuple[str, ...],
    validator: Validator | None = None,
    *,
    inert: str = "",
) -> ConfigKey:
    default = next(
        key.default * UNIT_MS.get(synonym, 1) if isinstance(key.default, int) and synonym in UNIT_MS else key.default
        for synonym in synonyms
        if (key := BROKER_CONFIG.keys[synonym]).default is not None
    )
    key = ConfigKey(name, type, default, doc, validator=validator, synonyms=synonyms)
    return without_effect(inert, key)[0] if inert else key


_INT, _LONG, _LIST = ConfigType.INT, ConfigType.LONG, ConfigType.LIST
_STRING, _BOOLEAN, _DOUBLE = ConfigType.STRING, ConfigType.BOOLEAN, ConfigType.DOUBLE

_SEGMENTS = (
    _key("segment.bytes", _INT, "Size at which a segment is closed and the next begins. Retention and compaction work on"
         " whole segments.", ("log.segment.bytes",), Range(1 << 20)),
    _key("segment.ms", _LONG, "Age at which a segment is closed although it is not full.",
         ("log.roll.ms", "log.roll.hours"), Range(1)),
    _key("segment.jitter.ms", _LONG, "Up to so much is taken off segment.ms at random, so that segments don't all roll at"
         " one time.", ("log.roll.jitter.ms", "log.roll.jitter.hours"), Range(0)),
    _key("segment.index.bytes", _INT, "Largest offset index of a segment; a full one closes the segment.",
         ("log.index.size.max.bytes",), Range(4)),
    _key("index.interval.bytes", _INT, "Bytes of log between two index entries: smaller finds faster, larger costs less.",
         ("log.index.interval.bytes",), Range(0)),
    _key("preallocate", _BOOLEAN, "Whether a new segment's file is given its full size at once.", ("log.preallocate",),
         inert="segments are not preallocated"),
    _key("file.delete.delay.ms", _LONG, "How long a deleted segment's file stays on disk.",
         ("log.segment.delete.delay.ms",), Range(0)),
)  # fmt: skip

_KEEPING = (
    _key("cleanup.policy", _LIST, "What happens to old data: delete whole segments, compact to the last record of each key,"
         " both, or (empty) nothing.", ("log.cleanup.policy",), OneOf(*CLEANUP_POLICIES)),
    _key("retention.bytes", _LONG, "Size that each partition keeps; -1 is no limit.", ("log.retention.bytes",)),
    _key("retention.ms", _LONG, "Age that records are kept to; -1 is no limit.",
         ("log.retention.ms", "log.retention.minutes", "log.retention.hours"), Range(-1)),
    _key("delete.retention.ms", _LONG, "How long compaction keeps a tombstone, so that readers see the deletion.",
         ("log.cleaner.delete.retention.ms",), Range(0), inert=_NO_COMPACTION),
    _key("min.compaction.lag.ms", _LONG, "Age below which a record is not compacted.",
         ("log.cleaner.min.compaction.lag.ms",), Range(0), inert=_NO_COMPACTION),
    _key("max.compaction.lag.ms", _LONG, "Age at which a record must be compacted.",
         ("log.cleaner.max.compaction.lag.ms",), Range(1), inert=_NO_COMPACTION),
    _key("min.cleanable.dirty.ratio", _DOUBLE, "Part of a log that must be dirty before compaction begins.",
         ("log.cleaner.min.cleanable.ratio",), Range(0, 1), inert=_NO_COMPACTION),
)  # fmt: skip

_WRITING = (
    _key("max.message.bytes", _INT, "The largest batch that a producer may send, after compression.",
         ("message.max.bytes",), Range(0)),
    _key("min.insync.replicas", _INT, "In-sync copies that acks=all needs.", ("min.insync.replicas",), Range(1)),
    _key("flush.messages", _LONG, "Records after which the log is flushed to disk; with 1, every acknowledgement waits for"
         " the disk.", ("log.flush.interval.messages",), Range(1)),
    _key("flush.ms", _LONG, "Age at which unflushed data is flushed to disk.",
         ("log.flush.interval.ms", "log.flush.scheduler.interval.ms"), Range(0)),
    _key("compression.type", _STRING, "How batches are stored: as the producer sent them (producer), not compressed, or in"
         " one codec.", ("compression.type",), OneOf(*COMPRESSION_TYPES)),
    _key("compression.gzip.level", _INT, "gzip level where the broker compresses; -1 is the library's.",
         ("compression.gzip.level",), GZIP_LEVEL),
    _key("compression.lz4.level", _INT, "lz4 level where the broker compresses.", ("compression.lz4.level",),
         Range(1, 17)),
    _key("compression.zstd.level", _INT, "zstd level where the broker compresses.", ("compression.zstd.level",),
         Range(-131072, 22)),
    _key("message.timestamp.type", _STRING, "Whose time a record carries: the producer's or the broker's.",
         ("log.message.timestamp.type",), OneOf(*TIMESTAMP_TYPES)),
    _key("message.timestamp.before.max.ms", _LONG, "How far a record's time may lie in the past.",
         ("log.message.timestamp.before.max.ms",), Range(0)),
    _key("message.timestamp.after.max.ms", _LONG, "How far a record's time may lie in the future.",
         ("log.message.timestamp.after.max.ms",), Range(0)),
    _key("unclean.leader.election.enable", _BOOLEAN, "Whether a copy that lags may lead when no other is left, losing data.",
         ("unclean.leader.election.enable",), inert="no copy ever lags while there is one"),
)  # fmt: skip

_WITHOUT_EFFECT = (
    _key("local.retention.bytes", _LONG, "Size that is kept on local disk; -2 follows retention.bytes.",
         ("log.local.retention.bytes",), Range(-2), inert=_NO_TIERS),
    _key("local.retention.ms", _LONG, "Age to which records are kept on local disk; -2 follows retention.ms.",
         ("log.local.retention.ms",), Range(-2), inert=_NO_TIERS),
    *without_effect(
        _NO_TIERS,
        ConfigKey("remote.storage.enable", _BOOLEAN, False, "Whether segments go to tiered storage."),
        ConfigKey("remote.log.copy.disable", _BOOLEAN, False, "Whether no more segments go to tiered storage."),
        ConfigKey("remote.log.delete.on.disable", _BOOLEAN, False, "Whether switching tiering off deletes what is there."),
    ),
    *without_effect(
        _NO_REPLICATION,
        ConfigKey("leader.replication.throttled.replicas", _LIST, (), "Replicas whose leaders' traffic is throttled.",
                  validator=_throttled_replicas),
        ConfigKey("follower.replication.throttled.replicas", _LIST, (), "Replicas whose followers' traffic is throttled.",
                  validator=_throttled_replicas),
    ),
)  # fmt: skip

TOPIC_CONFIG = ConfigDef("topic", (*_SEGMENTS, *_KEEPING, *_WRITING, *_WITHOUT_EFFECT))
