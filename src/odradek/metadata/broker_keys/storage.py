"""Logs and topics: where they are, when they roll, how long they stay, how they reach the disk, what topics default to."""

from __future__ import annotations

from odradek.metadata.broker_keys.shapes import (
    CLEANUP_POLICIES,
    CLUSTER_WIDE,
    COMPRESSION_TYPES,
    DAY,
    GIB,
    HOUR,
    KIB,
    LONG_MAX,
    MIB,
    MINUTE,
    TIMESTAMP_TYPES,
    boolean,
    double,
    integer,
    listing,
    long,
    string,
    without_effect,
)  # fmt: skip
from odradek.metadata.levels import GZIP_LEVEL

_MESSAGE_MAX = MIB + 12  # a 1 MiB batch and the twelve bytes before it


_TOPICS = (
    integer("num.partitions", 1, "Partitions of a topic whose maker named no number.", 1),
    integer("default.replication.factor", 1, "Copies of a topic's partitions when its maker named no number.", 1),
    integer("min.insync.replicas", 1, "In-sync copies that acks=all needs.", 1, update=CLUSTER_WIDE),
    boolean("auto.create.topics.enable", True, "Whether asking for a topic that isn't there makes it."),
    boolean("delete.topic.enable", True, "Whether topics may be deleted."),
    integer("message.max.bytes", _MESSAGE_MAX, "The largest batch that a producer may send.", 0, update=CLUSTER_WIDE),
    string(
        "compression.type", "producer", "How batches are stored: as the producer sent them, or in one codec.",
        words=COMPRESSION_TYPES, update=CLUSTER_WIDE,
    ),
    integer("compression.gzip.level", -1, "gzip level where the broker compresses; -1 is the library's.",
            validator=GZIP_LEVEL, update=CLUSTER_WIDE),
    integer("compression.lz4.level", 9, "lz4 level where the broker compresses.", 1, 17, update=CLUSTER_WIDE),
    integer("compression.zstd.level", 3, "zstd level where the broker compresses.", -131072, 22, update=CLUSTER_WIDE),
    string("log.message.timestamp.type", "CreateTime", "Whose time a record carries: the producer's or the broker's.",
           words=TIMESTAMP_TYPES, update=CLUSTER_WIDE),
    long("log.message.timestamp.before.max.ms", LONG_MAX, "How far a record's time may lie in the past.",
         0, update=CLUSTER_WIDE),
    long("log.message.timestamp.after.max.ms", HOUR, "How far a record's time may lie in the future.",
         0, update=CLUSTER_WIDE),
    *without_effect(
        "no copy ever lags while there is one",
        boolean(
            "unclean.leader.election.enable", False, "Whether a copy that lags may lead when no other is left, losing data.",
            CLUSTER_WIDE,
        ),
    ),
)  # fmt: skip

_SEGMENTS = (
    listing("log.dirs", None, "Directories for data, one per disk. Unset: log.dir. One is used yet."),
    listing("log.dir", ("odradek-data",), "The directory for data where log.dirs is unset."),
    integer("log.segment.bytes", GIB, "Size at which a segment is closed and the next begins.", MIB, update=CLUSTER_WIDE),
    long("log.roll.ms", None, "Age at which a segment is closed. Unset: log.roll.hours.", 1, update=CLUSTER_WIDE),
    integer("log.roll.hours", 168, "Age at which a segment is closed, when log.roll.ms is unset.", 1),
    long(
        "log.roll.jitter.ms", None, "Up to so much is taken off that age, at random. Unset: the hours.", 0, update=CLUSTER_WIDE
    ),
    integer("log.roll.jitter.hours", 0, "The same in hours, when log.roll.jitter.ms is unset.", 0),
    integer(
        "log.index.size.max.bytes", 10 * MIB, "Largest offset index; a full one closes its segment.", 4, update=CLUSTER_WIDE
    ),
    integer("log.index.interval.bytes", 4 * KIB, "Bytes of log between two index entries.", 0, update=CLUSTER_WIDE),
    integer(
        "num.recovery.threads.per.data.dir",
        2,
        "Logs that are scanned at one time after a crash; eight times as many are loaded at a start and closed at a stop.",
        1,
        update=CLUSTER_WIDE,
    ),
    *without_effect(
        "segments are not preallocated",
        boolean("log.preallocate", False, "Whether a new segment's file is given its full size at once.", CLUSTER_WIDE),
    ),
)

_RETENTION = (
    listing("log.cleanup.policy", ("delete",), "What happens to old data: delete segments, compact them, or both.",
            words=CLEANUP_POLICIES, update=CLUSTER_WIDE),
    long("log.retention.bytes", -1, "Size that a partition keeps; -1 is no limit.", update=CLUSTER_WIDE),
    long("log.retention.ms", None, "Age that records are kept to; -1 is no limit. Unset: the minutes, then the hours.",
         -1, update=CLUSTER_WIDE),
    integer("log.retention.minutes", None, "The same in minutes, when log.retention.ms is unset."),
    integer("log.retention.hours", 168, "The same in hours, when neither of the others is set."),
    long("log.retention.check.interval.ms", 5 * MINUTE, "How often segments are looked over for deletion.", 1),
    long("log.segment.delete.delay.ms", MINUTE, "How long a deleted segment's file stays.", 0, update=CLUSTER_WIDE),
    *without_effect(
        "log compaction is not supported yet",
        long("log.cleaner.delete.retention.ms", DAY, "How long compaction keeps tombstones.", 0, update=CLUSTER_WIDE),
        long("log.cleaner.min.compaction.lag.ms", 0, "Age below which records are not compacted.", 0, update=CLUSTER_WIDE),
        long("log.cleaner.max.compaction.lag.ms", LONG_MAX, "Age at which records must be compacted.", 1, update=CLUSTER_WIDE),
        double("log.cleaner.min.cleanable.ratio", 0.5, "Part of a log that must be dirty before compaction begins.",
               0, 1, CLUSTER_WIDE),
    ),
    *without_effect(
        "tiered storage is not supported",
        long("log.local.retention.bytes", -2, "Kept on local disk under tiered storage; -2 follows log.retention.bytes.",
             -2, update=CLUSTER_WIDE),
        long("log.local.retention.ms", -2, "Kept on local disk under tiered storage; -2 follows log.retention.ms.",
             -2, update=CLUSTER_WIDE),
    ),
)  # fmt: skip

_FLUSHING = (
    long("log.flush.interval.messages", LONG_MAX, "Records after which a log is flushed, and acknowledged only then.",
         1, update=CLUSTER_WIDE),
    long("log.flush.interval.ms", None, "Age at which unflushed data is flushed. Unset: log.flush.scheduler.interval.ms.",
         0, update=CLUSTER_WIDE),
    long("log.flush.scheduler.interval.ms", LONG_MAX, "How often logs are looked over for data that is due to be flushed."),
    integer("log.flush.offset.checkpoint.interval.ms", MINUTE, "How often recovery points are written down.", 0),
    integer("log.flush.start.offset.checkpoint.interval.ms", MINUTE, "How often log start offsets are written down.", 0),
    *without_effect(
        "the high watermark of a partition without other copies is its end",
        long("replica.high.watermark.checkpoint.interval.ms", 5000, "How often high watermarks are written down."),
    ),
)  # fmt: skip

KEYS = (*_TOPICS, *_SEGMENTS, *_RETENTION, *_FLUSHING)
