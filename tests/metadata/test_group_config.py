"""Configurations of groups: what Kafka takes is kept, what it refuses is refused."""

from __future__ import annotations

import pytest

from odradek.metadata.broker_config import BrokerConfig
from odradek.metadata.errors import InvalidConfigError
from odradek.metadata.group_config import GROUP_CONFIG, check


def configs(**given: str) -> dict[str, str]:
    return {name.replace("_", "."): value for name, value in given.items()}


def test_what_is_not_set_is_within_the_bounds() -> None:
    check({}, BrokerConfig())
    check({key.name: key.default_text for key in GROUP_CONFIG if key.default_text is not None}, BrokerConfig())


@pytest.mark.parametrize(
    "given",
    [
        {"consumer_session_timeout_ms": "60000"},
        {"consumer_heartbeat_interval_ms": " 15000 "},
        {"share_delivery_count_limit": "10"},
        {"streams_num_standby_replicas": "2"},
        {"streams_initial_rebalance_delay_ms": "0"},
        {"share_auto_offset_reset": "earliest"},
        {"share_auto_offset_reset": "by_duration:P1DT2H3M4.5S"},
        {"share_auto_offset_reset": "by_duration:pt1h"},
    ],
)
def test_what_lies_between_the_brokers_bounds_is_taken(given: dict[str, str]) -> None:
    check(configs(**given), BrokerConfig())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"nonsense": "1"}, "Unknown group config name: nonsense"),
        ({"consumer_session_timeout_ms": "soon"}, "Not a number"),
        (
            {"consumer_session_timeout_ms": "44999"},
            r"\(44999\) must be greater.*group\.consumer\.min\.session\.timeout\.ms \(45000\)",
        ),
        ({"consumer_session_timeout_ms": "60001"}, r"less than or equal to group\.consumer\.max\.session"),
        ({"share_record_lock_duration_ms": "14999"}, r"group\.share\.min\.record\.lock\.duration\.ms"),
        ({"share_partition_max_record_locks": "4001"}, r"group\.share\.max\.partition\.max\.record\.locks"),
        ({"streams_num_standby_replicas": "3"}, r"group\.streams\.max\.standby\.replicas"),
        ({"streams_num_standby_replicas": "-1"}, "at least 0"),
        ({"share_isolation_level": "none"}, "must be one of"),
        ({"share_auto_offset_reset": "by_duration:P"}, "by_duration:<PnDTnHnMn.nS>"),
        ({"share_auto_offset_reset": "by_duration:PT"}, "by_duration:<PnDTnHnMn.nS>"),
        ({"share_auto_offset_reset": "by_duration:-PT1H"}, "by_duration:<PnDTnHnMn.nS>"),
        ({"share_auto_offset_reset": "yesterday"}, "must be earliest, latest or"),
    ],
)
def test_everything_else_is_refused_with_the_limit(given: dict[str, str], words: str) -> None:
    with pytest.raises(InvalidConfigError, match=words):
        check(configs(**given), BrokerConfig())


def test_a_session_must_outlast_its_heartbeats() -> None:
    broker = BrokerConfig(
        {"group.consumer.max.heartbeat.interval.ms": "50000", "group.consumer.heartbeat.interval.ms": "46000"}
    )
    with pytest.raises(InvalidConfigError, match=r"session\.timeout\.ms \(46000\) must be greater than .*\(46000\)"):
        check(configs(consumer_session_timeout_ms="46000"), broker)
    check(configs(consumer_session_timeout_ms="46001"), broker)
    check(
        configs(share_session_timeout_ms="46000"), broker
    )  # what the broker's file says of others is not this request's fault
