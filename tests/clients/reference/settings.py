"""The broker settings that the suites count on, for Apache Kafka and for Odradek alike.

Four partitions where a topic is made by use, as librdkafka's tests assume; no pause before a group's first
generation; session time-outs that a test can wait for; one replica of everything internal.
"""

SUITE_CONFIG: dict[str, str] = {
    "num.partitions": "4",
    "auto.create.topics.enable": "true",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
}

# librdkafka's own tests assume some delay here (Kafka's default is 3000): they time the first members of a group into
# one generation.
LIBRDKAFKA_CONFIG: dict[str, str] = {
    **SUITE_CONFIG,
    "group.initial.rebalance.delay.ms": "1000",
    "group.min.session.timeout.ms": "6000",
}
