"""Files and options: Kafka's own and ours, and errors that say where."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.metadata.config_file import ConfigFileError, load_broker_config, parse_option, parse_properties, parse_toml

SERVER_PROPERTIES = """
# As Apache Kafka ships it, more or less.
process.roles=broker,controller
node.id=1
listeners=PLAINTEXT://:9092,CONTROLLER://:9093
controller.listener.names=CONTROLLER
log.dirs=/tmp/kraft-combined-logs
num.network.threads = 3
log.retention.hours: 24
zookeeper.connect=localhost:2181
"""


def write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_file_brought_from_kafka_is_read_and_what_is_unknown_is_warned_of(tmp_path: Path) -> None:
    path = write(tmp_path / "server.properties", SERVER_PROPERTIES)
    config, warnings = load_broker_config(path)
    assert config.node_id == 1
    assert config.log_dirs == ("/tmp/kraft-combined-logs",)
    assert config.client_listeners == ("PLAINTEXT://:9092",)
    assert config.get_int("log.retention.hours") == 24
    assert warnings == [f"{path}: Unknown broker config name: zookeeper.connect; ignored"]


@pytest.mark.parametrize(
    "text",
    [
        'log.retention.ms = 1000\n"max.connections" = 5\nauto.create.topics.enable = false\nlog.dirs = ["/a", "/b"]',
        '[log]\nretention.ms = "1000"\ndirs = "/a,/b"\n[auto.create]\ntopics.enable = false\n[max]\nconnections = 5',
    ],
)
def test_toml_may_be_flat_or_in_tables(tmp_path: Path, text: str) -> None:
    config, warnings = load_broker_config(write(tmp_path / "odradek.toml", text))
    assert config.get_int("log.retention.ms") == 1000
    assert config.get_int("max.connections") == 5
    assert config.get_bool("auto.create.topics.enable") is False
    assert config.log_dirs == ("/a", "/b")
    assert warnings == []


@pytest.mark.parametrize("name", ["a.toml", "a.properties"])
def test_the_mark_that_some_editors_begin_a_file_with_is_no_part_of_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"\xef\xbb\xbfnum.partitions = 3\n")
    loaded = load_broker_config(str(path))
    assert (loaded.config.get_int("num.partitions"), loaded.warnings) == (3, [])


def test_options_go_before_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "odradek.toml", "num.partitions = 3")
    assert load_broker_config(path, ["num.partitions=4"]).config.get_int("num.partitions") == 4
    assert load_broker_config(path, {"num.partitions": "5"}).config.get_int("num.partitions") == 5
    assert load_broker_config().config.get_int("num.partitions") == 1


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.toml", "num.partition = 3", r"a\.toml: Unknown broker config name: num.partition. Did you mean num.partitions"),
        ("a.toml", "num.partitions = 0", r"a\.toml: Invalid value 0 for configuration num.partitions"),
        ("a.toml", "num.partitions = \n", r"a\.toml is no TOML: .* line 1"),
        ("a.toml", "max.connections = 1\nmax.connections.per.ip = 2", "a name that another goes on from needs quotes"),
        ("a.toml", "num.partitions = 2026-01-01", "has a value of a kind that no setting has"),
        ("a.properties", "num.partitions=none", r"a\.properties: Invalid value none for configuration num.partitions"),
    ],
)
def test_a_wrong_file_is_an_error_that_says_where(tmp_path: Path, name: str, text: str, words: str) -> None:
    with pytest.raises(ConfigFileError, match=words):
        load_broker_config(write(tmp_path / name, text))


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("num.partition=3", "--set: Unknown broker config name: num.partition. Did you mean num.partitions"),
        ("num.partitions", "expected NAME=VALUE"),
        ("=3", "expected NAME=VALUE"),
        ("num.partitions=x", "^Invalid value x for configuration num.partitions"),
    ],
)
def test_a_wrong_option_is_an_error(option: str, words: str) -> None:
    with pytest.raises(ConfigFileError, match=words):
        load_broker_config(None, [option])


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigFileError, match="cannot read the configuration file"):
        load_broker_config(str(tmp_path / "missing.toml"))
    (tmp_path / "latin.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigFileError, match="cannot read the configuration file"):
        load_broker_config(str(tmp_path / "latin.toml"))


def test_an_option_is_split_at_its_first_equals_sign() -> None:
    assert parse_option(" a.b = c=d ") == ("a.b", "c=d")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a=1\nb:2\nc 3\nd\t=\t4", {"a": "1", "b": "2", "c": "3", "d": "4"}),
        ("! a comment\n  # another\n\n  a = x y  ", {"a": "x y  "}),
        ("a = one, \\\n    two", {"a": "one, two"}),
        ("a = \\\\\nb = 2", {"a": "\\", "b": "2"}),
        ("with\\ space\\:=v", {"with space:": "v"}),
        ("a = \\u00e9\\tx", {"a": "é\tx"}),
        ("a\nb=", {"a": "", "b": ""}),
        ("a=1\r\na=2\r\n", {"a": "2"}),
        ("a=1\\", {"a": "1"}),
    ],
)
def test_properties_follow_javas_rules(text: str, found: dict[str, str]) -> None:
    assert parse_properties(text) == found


@given(st.text(max_size=200))
def test_any_text_is_some_properties(text: str) -> None:
    parse_properties(text)


def test_toml_values_become_kafkas_text() -> None:
    assert parse_toml("a.b = true\na.c = 0.5\na.d = []") == {"a.b": "true", "a.c": "0.5", "a.d": ""}
