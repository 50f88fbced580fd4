"""Descriptions: every name, its source and synonyms as Apache Kafka 4.3 shows them, and no secrets."""

from __future__ import annotations

from odradek.metadata.broker_config import BrokerConfig, Source
from odradek.metadata.describe import Described, describe_all_brokers, describe_broker, describe_group, describe_topic
from odradek.metadata.topic_config import TopicConfig


def by_name(entries: list[Described]) -> dict[str, Described]:
    assert [entry.name for entry in entries] == sorted(entry.name for entry in entries)
    return {entry.name: entry for entry in entries}


def topic(broker: BrokerConfig, **overrides: str) -> dict[str, Described]:
    set_configs = {name.replace("_", "."): value for name, value in overrides.items()}
    return by_name(describe_topic(TopicConfig(set_configs, broker), broker))


def test_a_topic_on_which_nothing_is_set_shows_the_brokers_default() -> None:
    found = topic(BrokerConfig())
    assert len(found) == 33
    segment = found["segment.bytes"]
    assert (segment.value, segment.source, segment.type) == ("1073741824", 5, 3)
    assert segment.synonyms == [Source(5, "log.segment.bytes", "1073741824")]
    assert found["retention.ms"].synonyms == [], "Kafka's default is in hours, under another name"
    assert found["retention.ms"].value == "604800000"
    assert found["remote.storage.enable"].synonyms == []
    assert not any(entry.read_only or entry.sensitive for entry in found.values())


def test_all_layers_are_listed_nearest_first() -> None:
    broker = BrokerConfig({"log.segment.bytes": "2000000"}, dynamic_default={"log.segment.bytes": "3000000"})
    segment = topic(broker, segment_bytes="4000000")["segment.bytes"]
    assert (segment.value, segment.source) == ("4000000", 1)
    assert [(s.source, s.name, s.text) for s in segment.synonyms] == [
        (1, "segment.bytes", "4000000"),
        (3, "log.segment.bytes", "3000000"),
        (4, "log.segment.bytes", "2000000"),
        (5, "log.segment.bytes", "1073741824"),
    ]


def test_a_broker_shows_every_name_and_which_may_change() -> None:
    found = by_name(describe_broker(BrokerConfig({"num.partitions": "4", "listener.name.x.ssl.keystore.type": "PEM"})))
    assert (found["num.partitions"].value, found["num.partitions"].source) == ("4", 4)
    assert found["num.partitions"].read_only
    assert not found["log.retention.ms"].read_only
    assert found["log.retention.ms"].value is None
    assert found["listener.name.x.ssl.keystore.type"].value == "PEM"
    assert "without effect" in found["num.io.threads"].documentation


def test_a_secret_is_never_shown() -> None:
    found = by_name(describe_broker(BrokerConfig({"ssl.key.password": "hunter2"})))
    secret = found["ssl.key.password"]
    assert secret.sensitive and secret.value is None
    assert secret.synonyms == [Source(4, "ssl.key.password", None)]
    assert "hunter2" not in repr(found)


def test_the_defaults_of_all_brokers_are_only_what_was_set() -> None:
    broker = BrokerConfig({"log.retention.ms": "1"}, dynamic_default={"log.retention.ms": "2"})
    [entry] = describe_all_brokers(broker)
    assert (entry.name, entry.value, entry.source) == ("log.retention.ms", "2", 3)
    assert entry.synonyms == [Source(3, "log.retention.ms", "2")]


def test_a_group_falls_back_on_the_broker() -> None:
    found = by_name(describe_group({"share.isolation.level": "read_committed"}, BrokerConfig()))
    assert found["consumer.session.timeout.ms"].synonyms == [Source(5, "group.consumer.session.timeout.ms", "45000")]
    assert (found["share.isolation.level"].value, found["share.isolation.level"].source) == ("read_committed", 8)
    assert found["share.auto.offset.reset"].synonyms == [Source(5, "share.auto.offset.reset", "latest")]
    assert found["share.isolation.level"].synonyms == [
        Source(8, "share.isolation.level", "read_committed"),
        Source(5, "share.isolation.level", "read_uncommitted"),
    ]


def test_a_topics_own_value_is_shown_as_it_is_read_and_a_brokers_as_it_was_typed() -> None:
    broker = BrokerConfig(dynamic_default={"message.max.bytes": " 2000000 "})
    found = topic(broker, retention_ms=" +077 ", cleanup_policy="compact, delete,compact", preallocate="TRUE")
    assert [found[name].synonyms[0].text for name in ("retention.ms", "cleanup.policy", "preallocate")] == [
        "77",
        "compact,delete",
        "true",
    ]
    assert (found["max.message.bytes"].value, found["max.message.bytes"].synonyms[0].text) == ("2000000", " 2000000 ")
