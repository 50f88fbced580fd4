"""Groups, committed offsets, idempotent producers and transactions."""

from __future__ import annotations

from odradek.metadata.broker_keys.shapes import (
    CLUSTER_WIDE,
    DAY,
    INT_MAX,
    KIB,
    MIB,
    MINUTE,
    SECOND,
    integer,
    long,
    short,
    without_effect,
)  # fmt: skip

_GROUPS = (
    integer("group.min.session.timeout.ms", 6 * SECOND, "The shortest session that a classic member may ask for."),
    integer("group.max.session.timeout.ms", 30 * MINUTE, "The longest session that a classic member may ask for."),
    integer(
        "group.initial.rebalance.delay.ms", 3 * SECOND,
        "How long the first rebalance of an empty group waits for more members. 0 makes tests fast.",
    ),
    integer("group.max.size", INT_MAX, "Members that one group may have.", 1),
)  # fmt: skip

_OFFSETS = (
    integer("offset.metadata.max.bytes", 4 * KIB, "The longest text that may be committed with an offset."),
    integer("offsets.retention.minutes", 10080, "How long the offsets of a group without members are kept.", 1),
    long("offsets.retention.check.interval.ms", 10 * MINUTE, "How often old offsets are looked for.", 1),
    integer("offsets.commit.timeout.ms", 5 * SECOND, "How long a commit may take until it is durable.", 1),
    integer("offsets.topic.num.partitions", 50, "Partitions of __consumer_offsets. Don't change it later.", 1),
    short("offsets.topic.replication.factor", 3, "Copies of __consumer_offsets; fewer brokers than that make fewer.", 1),
    integer("offsets.topic.segment.bytes", 100 * MIB, "Segment size of __consumer_offsets: small, so that it loads fast.", 1),
    *without_effect(
        "offsets are loaded in pieces of 1 MiB",
        integer("offsets.load.buffer.size", 5 * MIB, "Bytes read at a time when offsets are loaded.", 1),
    ),
    *without_effect(
        "records of __consumer_offsets are not compressed",
        integer("offsets.topic.compression.codec", 0, "Codec of the records in __consumer_offsets, by number; 0 is none."),
    ),
)

_PRODUCERS = (
    integer(
        "producer.id.expiration.ms", DAY, "How long an idle producer's sequence numbers are remembered.", 1,
        update=CLUSTER_WIDE,
    ),
    integer("producer.id.expiration.check.interval.ms", 10 * MINUTE, "How often idle producers are looked for.", 1),
    integer("transaction.state.log.num.partitions", 50, "Partitions of __transaction_state. Don't change it later.", 1),
    short("transaction.state.log.replication.factor", 3, "Copies of __transaction_state; fewer brokers make fewer.", 1),
    integer("transaction.state.log.segment.bytes", 100 * MIB, "Segment size of __transaction_state.", 1),
    integer("transaction.state.log.min.isr", 2, "In-sync copies that __transaction_state needs; at most its copies.", 1),
    *without_effect(
        "transactions are not supported yet",
        integer("transaction.max.timeout.ms", 15 * MINUTE, "The longest transaction that a producer may ask for.", 1),
        integer("transactional.id.expiration.ms", 7 * DAY, "How long an idle transactional id is remembered.", 1),
    ),
)  # fmt: skip

KEYS = (*_GROUPS, *_OFFSETS, *_PRODUCERS)
