"""What holds for a topic: its own over the broker's over Kafka's defaults, and what it may not be given."""

from __future__ import annotations

import pytest

from odradek.metadata.broker_config import BrokerConfig
from odradek.metadata.errors import InvalidConfigError
from odradek.metadata.topic_config import TopicConfig, check
from odradek.metadata.topic_keys import TOPIC_CONFIG


def test_without_any_setting_kafkas_defaults_hold() -> None:
    config = TopicConfig({}, BrokerConfig())
    assert config.get_int("segment.bytes") == 1 << 30
    assert config.get_int("retention.ms") == 7 * 24 * 3600 * 1000
    assert config.get_int("max.message.bytes") == 1048588
    assert config.get_list("cleanup.policy") == ("delete",)
    assert config.get_str("compression.type") == "producer"
    assert config.values.keys() == TOPIC_CONFIG.keys.keys()


def test_the_brokers_value_is_the_topics_default() -> None:
    broker = BrokerConfig({"log.segment.bytes": "2000000", "log.retention.hours": "2", "log.roll.jitter.hours": "1"})
    config = TopicConfig({"segment.bytes": "3000000"}, broker)
    assert config.get_int("segment.bytes") == 3000000
    assert config.get_int("retention.ms") == 7_200_000
    assert config.get_int("segment.jitter.ms") == 3_600_000


@pytest.mark.parametrize(
    ("given", "retention_ms"),
    [
        ({"log.retention.ms": "1", "log.retention.minutes": "2", "log.retention.hours": "3"}, 1),
        ({"log.retention.minutes": "2", "log.retention.hours": "3"}, 120_000),
        ({"log.retention.hours": "3"}, 10_800_000),
        ({"log.retention.hours": "-1"}, -1),
        ({"log.retention.ms": "-1", "log.retention.hours": "3"}, -1),
        ({}, 604_800_000),
    ],
)
def test_the_finer_unit_goes_before_the_coarser(given: dict[str, str], retention_ms: int) -> None:
    assert TopicConfig({}, BrokerConfig(given)).get_int("retention.ms") == retention_ms


def test_an_unreadable_override_from_elsewhere_gives_way() -> None:
    config = TopicConfig({"retention.ms": "a week", "message.format.version": "2.0"}, BrokerConfig())
    assert config.get_int("retention.ms") == 604_800_000


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        # What Apache Kafka 4.3.1 answered to the same.
        ({"segment.bytes": "1048575"}, "Invalid value 1048575 for configuration segment.bytes: Value must be at least 1048576"),
        ({"segment.bytes": "x"}, "Invalid value x for configuration segment.bytes: Not a number of type INT"),
        ({"cleanup.policy": "foo"}, "Invalid value foo for configuration cleanup.policy: String must be one of: compact"),
        ({"cleanup.policy": "Compact"}, "String must be one of: compact, delete"),
        (
            {"compression.type": "none"},
            "Invalid value none for configuration compression.type: String must be one of: uncompressed, zstd, lz4, snappy,"
            " gzip, producer",
        ),
        ({"min.cleanable.dirty.ratio": "2"}, "Invalid value 2.0 for configuration min.cleanable.dirty.ratio"),
        ({"preallocate": "yes"}, "Expected value to be either true or false"),
        ({"compression.gzip.level": "0"}, "Value must be between 1 and 9 or equal to -1"),
        ({"compression.zstd.level": "99"}, "Value must be no more than 22"),
        (
            {"min.compaction.lag.ms": "10", "max.compaction.lag.ms": "5"},
            "conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)",
        ),
        ({"leader.replication.throttled.replicas": "zz"}, "leader.replication.throttled.replicas"),
        ({"remote.storage.enable": "true"}, "Tiered Storage functionality is disabled in the broker."),
        ({"message.format.version": "2.0"}, "Unknown topic config name: message.format.version"),
        ({"retention.bytes": "99999999999999999999"}, "Not a number of type LONG"),
    ],
)
def test_a_topic_is_refused_what_kafka_refuses(overrides: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidConfigError) as refused:
        check(overrides, BrokerConfig())
    assert words in str(refused.value)


@pytest.mark.parametrize(
    "overrides",
    [
        {"cleanup.policy": ""},
        {"cleanup.policy": "delete,delete"},
        {"retention.ms": " 5 "},
        {"retention.bytes": "-5"},
        {"leader.replication.throttled.replicas": "*"},
        {"leader.replication.throttled.replicas": "0:1,1:2"},
        {"local.retention.ms": "999999999999"},
        {"remote.storage.enable": "false"},
    ],
)
def test_a_topic_is_given_what_kafka_gives(overrides: dict[str, str]) -> None:
    check(overrides, BrokerConfig())
