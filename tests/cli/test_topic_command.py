"""`odradek topic` against a broker."""

from __future__ import annotations

import json
from typing import Any


def test_create_twice(cli: Any, name: str) -> None:
    made = cli("topic", "create", name, "--partitions", "3", "--config", "retention.ms=60000")
    assert (made.code, made.text, made.err) == (0, f"{name}: created\n", "")
    again = cli("topic", "create", name)
    assert (again.code, again.out) == (5, b"")
    assert name in again.err and "TOPIC_ALREADY_EXISTS" in again.err and again.err.count("\n") == 1
    forgiven = cli("topic", "create", name, "--if-not-exists", "--json")
    assert (forgiven.code, json.loads(forgiven.out)) == (0, [{"name": name, "outcome": "exists"}])


def test_of_several_each_is_told(cli: Any, topic: str) -> None:
    result = cli("topic", "create", topic, f"{topic}-b", "a b", "--json")
    assert result.code == 1
    assert [entry["outcome"] for entry in json.loads(result.out)] == ["failed", "created", "failed"]
    assert result.err.count("\n") == 2


def test_validate_only_creates_nothing(cli: Any, name: str) -> None:
    assert cli("topic", "create", name, "--validate-only").text == f"{name}: valid\n"
    assert cli("topic", "describe", name).code == 4


def test_list(cli: Any, topic: str) -> None:
    rows = json.loads(cli("topic", "list", "--json").out)
    assert {"name": topic, "partitions": 2, "replication": 1} in rows
    assert not any(row["name"].startswith("__") for row in rows)
    lines = cli("topic", "list").text.splitlines()
    assert lines[0].split() == ["NAME", "PARTITIONS", "REPLICATION"]
    assert [topic, "2", "1"] in [line.split() for line in lines]


def test_describe(cli: Any, topic: str) -> None:
    cli("topic", "alter", topic, "--config", "retention.ms=60000")
    cli("produce", topic, "--partition", "1", stdin=b"a\nb\n")
    (one,) = json.loads(cli("topic", "describe", topic, "--json").out)
    assert (one["name"], one["internal"], len(one["topic_id"])) == (topic, False, 22)
    assert one["configs"]["retention.ms"] == {"value": "60000", "source": "dynamic-topic"}
    assert [(part["partition"], part["earliest"], part["latest"]) for part in one["partitions"]] == [(0, 0, 0), (1, 0, 2)]
    everything = json.loads(cli("topic", "describe", topic, "--json", "--all-configs").out)[0]["configs"]
    assert everything["cleanup.policy"]["value"] == "delete"
    assert "retention.ms" in cli("topic", "describe", topic).text


def test_describe_tells_those_that_are_there(cli: Any, topic: str) -> None:
    result = cli("topic", "describe", f"{topic}-a", topic, f"{topic}-b", "--json")
    assert [one["name"] for one in json.loads(result.out)] == [topic]
    assert result.code == 4 and result.err.count("UNKNOWN_TOPIC_OR_PART") == result.err.count("\n") == 2


def test_alter_as_json(cli: Any, topic: str) -> None:
    result = cli("topic", "alter", topic, "--partitions", "3", "--json")
    assert json.loads(result.out) == [{"name": topic, "outcome": "altered"}]


def test_alter(cli: Any, topic: str) -> None:
    assert cli("topic", "alter", topic, "--partitions", "4", "--config", "cleanup.policy=compact").code == 0
    (one,) = json.loads(cli("topic", "describe", topic, "--json").out)
    assert (len(one["partitions"]), one["configs"]["cleanup.policy"]["value"]) == (4, "compact")
    assert cli("topic", "alter", topic, "--delete-config", "cleanup.policy").code == 0
    assert "cleanup.policy" not in json.loads(cli("topic", "describe", topic, "--json").out)[0]["configs"]


def test_alter_refused(cli: Any, topic: str) -> None:
    fewer = cli("topic", "alter", topic, "--partitions", "1")
    assert fewer.code == 1 and "INVALID_PARTITIONS" in fewer.err
    unknown = cli("topic", "alter", topic, "--config", "retention.mss=1")
    assert unknown.code == 1 and "retention.mss" in unknown.err
    absent = cli("topic", "alter", f"{topic}-not", "--config", "retention.ms=1")
    assert absent.code == 4


def test_delete(cli: Any, topic: str) -> None:
    assert cli("topic", "delete", topic).text == f"{topic}: deleted\n"
    gone = cli("topic", "delete", topic)
    assert gone.code == 4 and "UNKNOWN_TOPIC_OR_PART" in gone.err
    assert cli("topic", "delete", topic, "--if-exists").text == f"{topic}: absent\n"
