"""`odradek group` against a broker."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from confluent_kafka import Consumer, ConsumerGroupState

from odradek.cli.client import Target
from odradek.cli.errors import CliError
from odradek.cli.group import GROUP_STATES, group_state
from odradek.cli.group_admin import apply_moves
from odradek.cli.reset_plan import Move


@pytest.fixture
def group(cli: Any, topic: str) -> str:
    """A group that has read two of the three records in partition 0 of `topic`, and has the topic's name."""
    cli("produce", topic, "-p", "0", stdin=b"a\nb\nc\n")
    assert cli("consume", topic, "--group", topic, "--from-beginning", "-n", "2").code == 0
    return topic


@pytest.fixture
def member(group: str, bootstrap: str) -> Iterator[Consumer]:
    """A living member of that group."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "client.id": "alive", "enable.auto.commit": False})
    consumer.subscribe([group])
    while not consumer.assignment():
        consumer.poll(0.1)
    yield consumer
    consumer.close()


def test_list(cli: Any, group: str) -> None:
    rows = json.loads(cli("group", "list", "--json").out)
    assert {"group": group, "state": "empty", "type": "classic", "simple": False} in rows
    assert group in [row["group"] for row in json.loads(cli("group", "list", "--state", "empty", "--json").out)]
    assert group not in cli("group", "list", "--state", "stable").text


def test_a_state_that_does_not_exist_is_a_usage_error_that_names_them(cli: Any) -> None:
    refused = cli("group", "list", "--state", "bogus")
    assert refused.code == 2 and "--state 'bogus': no such state; one of stable, empty, dead" in refused.err
    assert cli("group", "list", "--state", "PreparingRebalance").code == 0


def test_the_states_are_those_of_the_client_library() -> None:
    assert {group_state(state.name) for state in ConsumerGroupState} == set(GROUP_STATES)


def test_describe_an_empty_group(cli: Any, group: str) -> None:
    (one,) = json.loads(cli("group", "describe", group, "--json").out)
    assert (one["state"], one["members"]) == ("empty", [])
    expected = {"topic": group, "partition": 0, "committed": 2, "end": 3, "lag": 1, "member": None}
    assert one["offsets"][0] == expected
    assert "empty" in cli("group", "describe", group).text


def test_describe_tells_those_that_are_there(cli: Any, group: str) -> None:
    result = cli("group", "describe", f"{group}-not", group, "--json")
    assert (result.code, [one["group"] for one in json.loads(result.out)]) == (4, [group])
    assert "no such group" in result.err


def test_describe_a_living_group(cli: Any, group: str, member: Consumer) -> None:
    (one,) = json.loads(cli("group", "describe", group, "--json").out)
    assert (one["state"], one["assignor"]) == ("stable", "range")
    (only,) = one["members"]
    assert (only["client_id"], only["partitions"]) == ("alive", [f"{group}-0", f"{group}-1"])
    assert [row["member"] for row in one["offsets"]] == [only["member_id"]] * 2
    assert "alive" in cli("group", "describe", group).text


def test_a_reset_is_a_dry_run_until_told(cli: Any, group: str) -> None:
    shown = cli("group", "reset-offsets", group, "--topic", f"{group}:0", "--to-earliest", "--json")
    moves = [{"topic": group, "partition": 0, "old": 2, "new": 0, "clamped": False}]
    assert json.loads(shown.out) == {"group": group, "executed": False, "moves": moves}
    assert committed(cli, group) == {0: 2}
    done = cli("group", "reset-offsets", group, "--topic", f"{group}:0", "--to-earliest", "--execute")
    assert (done.code, done.err) == (0, "")
    assert committed(cli, group) == {0: 0}
    assert cli("consume", group, "--group", group, "-n", "3").out == b"a\nb\nc\n"


def committed(cli: Any, group: str) -> dict[int, int]:
    (one,) = json.loads(cli("group", "describe", group, "--json").out)
    return {row["partition"]: row["committed"] for row in one["offsets"] if row["committed"] is not None}


@pytest.mark.parametrize(
    ("wish", "offset"),
    [
        (["--to-latest"], 3),
        (["--to-offset", "1"], 1),
        (["--to-offset", "99"], 3),
        (["--shift-by", "-1"], 1),
        (["--shift-by", "1"], 3),
        (["--to-datetime", "2000-01-01"], 0),
        (["--to-datetime", "2100-01-01T00:00:00Z"], 3),
    ],
    ids=str,
)
def test_every_wish(cli: Any, group: str, wish: list[str], offset: int) -> None:
    done = cli("group", "reset-offsets", group, "--topic", f"{group}:0", *wish, "--execute")
    assert done.code == 0, done.err
    assert committed(cli, group)[0] == offset


def test_a_new_group_can_be_given_offsets(cli: Any, group: str) -> None:
    done = cli("group", "reset-offsets", f"{group}-new", "--topic", group, "--to-latest", "--execute")
    assert done.code == 0, done.err
    assert committed(cli, f"{group}-new") == {0: 3, 1: 0}


def test_a_group_with_members_is_left_alone(cli: Any, group: str, member: Consumer) -> None:
    for words in (["reset-offsets", group, "--all-topics", "--to-earliest", "--execute"], ["delete", group]):
        refused = cli("group", *words)
        assert refused.code == 5
        assert f"group '{group}' has members: stop them first" in refused.err


def test_delete(cli: Any, group: str) -> None:
    assert cli("group", "delete", group).text == f"{group}: deleted\n"
    assert cli("group", "describe", group).code == 4
    assert cli("group", "delete", group).code == 4
    assert cli("group", "delete", group, "--if-exists").text == f"{group}: absent\n"


def test_what_is_not_there(cli: Any, group: str) -> None:
    assert cli("group", "describe", f"{group}-not").code == 4
    topic = cli("group", "reset-offsets", group, "--topic", f"{group}-not", "--to-earliest")
    assert topic.code == 4 and "no such topic" in topic.err
    partition = cli("group", "reset-offsets", group, "--topic", f"{group}:9", "--to-earliest")
    assert partition.code == 4 and "has no partition 9: it has 2" in partition.err
    offsets = cli("group", "reset-offsets", f"{group}-not", "--all-topics", "--to-earliest")
    assert offsets.code == 4 and "no committed offsets" in offsets.err


def test_a_move_that_is_refused_for_one_partition_is_no_success(bootstrap: str, group: str) -> None:
    """The topic was deleted after the plan was made: the client library calls the order done all the same."""
    moves = [Move(group, 0, None, 0, False), Move(f"{group}-not", 0, None, 0, False)]
    with pytest.raises(CliError, match=rf"{group}-not-0: .*UNKNOWN_TOPIC_OR_PART"):
        apply_moves(Target(bootstrap), group, moves)
