"""Identity, listeners, sockets, connections and requests."""

from __future__ import annotations

from odradek.metadata.broker_keys.shapes import (
    CLUSTER_WIDE,
    INT_MAX,
    KIB,
    MIB,
    MINUTE,
    PER_BROKER,
    SECOND,
    integer,
    listing,
    long,
    string,
    without_effect,
)  # fmt: skip

KEYS = (
    integer("node.id", None, "This broker's number in the cluster. Unset: what the data directory remembers, or 1.", 0),
    integer("broker.id", -1, "The older name of node.id; -1 means unset."),
    string("broker.rack", None, "The rack this broker stands in, told to clients and used to spread replicas."),
    listing(
        "listeners", ("PLAINTEXT://:9092",),
        "Where the broker listens: a list of NAME://HOST:PORT. An empty host is every address, port 0 a free one.",
        update=PER_BROKER,
    ),
    listing(
        "advertised.listeners", None,
        "What clients are told to connect to, by listener name. Unset: the listener's own address, or localhost where"
        " it listens on every address.",
    ),
    listing(
        "controller.listener.names", None,
        "Listeners that Kafka keeps for its controllers. They are not opened here: there is no quorum to talk to.",
    ),
    integer("socket.listen.backlog.size", 50, "Connections that may wait to be accepted, per listener.", 1),
    integer("socket.send.buffer.bytes", 100 * KIB, "SO_SNDBUF of client connections; -1 leaves it to the system."),
    integer("socket.receive.buffer.bytes", 100 * KIB, "SO_RCVBUF of client connections; -1 leaves it to the system."),
    integer("socket.request.max.bytes", 100 * MIB, "The longest request that is read; a longer one ends its connection.", 1),
    integer(
        "max.connections", INT_MAX, "Connections at one time. Further ones wait to be accepted until one has gone.", 0,
        update=CLUSTER_WIDE,
    ),
    integer(
        "max.connection.creation.rate", INT_MAX, "Connections accepted per second. Further ones wait for their turn.", 0,
        update=CLUSTER_WIDE,
    ),
    integer("max.connections.per.ip", INT_MAX, "Connections at one time from one address.", 0, update=CLUSTER_WIDE),
    string(
        "max.connections.per.ip.overrides", "",
        "Other limits for some addresses: a list of ADDRESS:LIMIT, before max.connections.per.ip.", update=CLUSTER_WIDE,
    ),
    long("connections.max.idle.ms", 10 * MINUTE, "A connection without a request for so long is closed; negative: never."),
    integer("fetch.max.bytes", 55 * MIB, "The most bytes that one fetch answers with; its first batch is always whole.", KIB),
    integer("max.incremental.fetch.session.cache.slots", 1000, "Incremental fetch sessions that are remembered.", 0),
    integer(
        "max.request.partition.size.limit", 2000,
        "Partitions that one DescribeTopicPartitions answers with; the rest comes with the next page.", 1,
    ),
    *without_effect(
        "only PLAINTEXT is served yet",
        string(
            "listener.security.protocol.map", "SASL_SSL:SASL_SSL,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT",
            "Which protocol each listener name speaks.", update=PER_BROKER,
        ),
    ),
    long(
        "queued.max.request.bytes", -1,
        "Bytes of large requests that are arriving; beyond, reading pauses. Positive: holds where it is less than"
        " odradek.memory.inflight.bytes.",
    ),
    *without_effect(
        "a request is handled in the turn of the loop that read it; odradek.connection.inflight.max bounds what is not yet"
        " answered",
        integer("queued.max.requests", 500, "Requests that are read and not yet answered, in the whole broker.", 1),
    ),
    *without_effect(
        "the broker asks nothing of other brokers",
        integer("request.timeout.ms", 30 * SECOND, "How long the broker waits for what it asks of others itself.", 1),
    ),
)  # fmt: skip
