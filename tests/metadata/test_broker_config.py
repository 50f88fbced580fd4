"""Four layers of configuration, and the rules over several names."""

from __future__ import annotations

import pytest

from odradek.base.config import ConfigError, UnknownConfigError
from odradek.metadata.broker_config import BrokerConfig, Source, check_dynamic, key_of
from odradek.metadata.broker_keys import BROKER_CONFIG


def test_the_nearest_layer_holds() -> None:
    name = "log.segment.bytes"
    static = BrokerConfig({name: "2000000"})
    assert static.get_int(name) == 2_000_000
    for_all = static.with_dynamic({name: "3000000"}, {})
    assert for_all.get_int(name) == 3_000_000
    own = static.with_dynamic({name: "3000000"}, {name: "4000000"})
    assert own.get_int(name) == 4_000_000
    assert own.sources(name) == [
        Source(2, name, "4000000"),
        Source(3, name, "3000000"),
        Source(4, name, "2000000"),
        Source(5, name, "1073741824"),
    ]
    assert static.get_int(name) == 2_000_000, "a snapshot stays as it is"


def test_sources_begin_with_the_name_itself_as_kafka_lists_them() -> None:
    config = BrokerConfig({"log.retention.hours": "2"})
    assert config.sources("log.retention.hours") == [
        Source(4, "log.retention.hours", "2"),
        Source(5, "log.retention.hours", "168"),
    ]
    assert config.sources("log.retention.ms") == []


def test_kinds_of_values_are_read_as_what_they_are() -> None:
    config = BrokerConfig({"log.dirs": "/a,/b", "broker.rack": "r1", "odradek.metrics.port": "0"})
    assert config.log_dirs == ("/a", "/b")
    assert config.get_str("broker.rack") == "r1"
    assert config.get_bool("auto.create.topics.enable") is True
    assert config.get_float("log.cleaner.min.cleanable.ratio") == 0.5
    assert config.get_optional_int("odradek.metrics.port") == 0
    assert BrokerConfig().get_optional_int("odradek.metrics.port") is None
    with pytest.raises(ConfigError, match="a number is needed here"):
        BrokerConfig().get_int("odradek.metrics.port")


def test_older_names_give_way_to_newer_ones() -> None:
    assert BrokerConfig({"broker.id": "3"}).node_id == 3
    assert BrokerConfig({"broker.id": "3", "node.id": "4"}).node_id == 4
    assert BrokerConfig().node_id is None
    assert BrokerConfig({"log.dir": "/one"}).log_dirs == ("/one",)


def test_listeners_that_kafka_keeps_for_controllers_are_not_for_clients() -> None:
    config = BrokerConfig({"listeners": "PLAINTEXT://:9092,CONTROLLER://:9093", "controller.listener.names": "CONTROLLER"})
    assert config.client_listeners == ("PLAINTEXT://:9092",)


def test_nor_is_a_controller_s_address_as_kafka_s_own_file_advertises_it() -> None:
    told = "PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093"
    config = BrokerConfig({"advertised.listeners": told, "controller.listener.names": "CONTROLLER"})
    assert config.client_advertised == ("PLAINTEXT://localhost:9092",)


def test_a_listener_s_protocol() -> None:
    config = BrokerConfig({"listener.security.protocol.map": "INT:PLAINTEXT, EXT:SASL_SSL"})
    assert [config.protocol_of(name) for name in ("INT", "EXT", "OTHER")] == ["PLAINTEXT", "SASL_SSL", "PLAINTEXT"]
    assert BrokerConfig({}).protocol_of("SSL") == "SSL"


def test_a_listeners_own_setting_is_looked_through() -> None:
    assert key_of("listener.name.internal.ssl.keystore.type").name == "ssl.keystore.type"
    assert key_of("listener.name.internal.plain.sasl.jaas.config").name == "sasl.jaas.config"
    with pytest.raises(UnknownConfigError):
        key_of("listener.name.internal.nonsense")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"num.partitions": "0"}, "Invalid value 0 for configuration num.partitions: Value must be at least 1"),
        ({"log.retention.ms": "0"}, r"must be unlimited \(-1\) or at least 1"),
        ({"log.roll.ms": "0"}, "log.roll.ms"),
        (
            {"group.min.session.timeout.ms": "10", "group.max.session.timeout.ms": "5"},
            r"group.min.session.timeout.ms: must not be above group.max.session.timeout.ms \(5\)",
        ),
        ({"max.connections.per.ip.overrides": "10.0.0.7:many"}, "is not ADDRESS:LIMIT"),
        ({"max.connections.per.ip": "0"}, "can be 0 only where max.connections.per.ip.overrides is set"),
        ({"connections.max.idle.ms": "0"}, r"must be above connection.failed.authentication.delay.ms \(100\), or negative"),
        ({"queued.max.request.bytes": "10"}, r"must be at least socket.request.max.bytes \(104857600\)"),
        ({"log.dir": "", "log.dirs": ""}, "at least one log directory"),
    ],
)
def test_values_that_contradict_are_refused(given: dict[str, str], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        BrokerConfig(given)


def test_a_listener_has_settings_of_its_own_under_its_name_in_small_letters() -> None:
    config = BrokerConfig({"listener.name.internal.max.connections": "5"})
    assert config.of_listener("INTERNAL", "max.connections") == ("listener.name.internal.max.connections", 5)
    assert config.of_listener("PLAINTEXT", "max.connections") == ("listener.name.plaintext.max.connections", None)


def test_no_address_may_connect_where_only_some_are_let_in() -> None:
    BrokerConfig({"max.connections.per.ip": "0", "max.connections.per.ip.overrides": "10.0.0.7:5"})


@pytest.mark.parametrize(
    ("given", "per_broker", "words"),
    [
        ({"log.retention.hours": "5"}, True, "Cannot update these configs dynamically"),
        ({"num.partitions": "5"}, False, "Cannot update these configs dynamically"),
        ({"listeners": "PLAINTEXT://:1"}, False, "at default cluster level, broker id must be specified"),
        ({"log.retention.ms": "x"}, True, "Invalid value x for configuration log.retention.ms: Not a number of type LONG"),
    ],
)
def test_some_values_may_not_be_changed_at_run_time(given: dict[str, str], per_broker: bool, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        check_dynamic(given, per_broker=per_broker)


def test_every_name_is_known_once_and_says_what_it_does() -> None:
    assert len(BROKER_CONFIG) > 330
    for key in BROKER_CONFIG:
        assert key.documentation.endswith("."), key.name
        if not key.effective:
            assert "without effect" in key.documentation, key.name
        if key.default_text is not None:
            assert key.parse(key.default_text) == key.default, key.name
