"""Questions and orders about consumer groups, as plain functions that give the shapes of `--json`.

`Describe` of a group that was never there is no error in Kafka before 4.0 (a dead group without members); here it is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from odradek.cli.errors import CliError, Conflict, NotFound, Unreachable, from_kafka
from odradek.cli.reset_plan import Key, Move, Position
from odradek.cli.starting_point import Start
from odradek.cli.topic_admin import Outcome, list_offsets, offset_spans

if TYPE_CHECKING:
    from confluent_kafka import TopicPartition
    from confluent_kafka.admin import AdminClient

    from odradek.cli.client import Target


def list_groups(target: Target, states: Sequence[str]) -> list[dict[str, Any]]:
    """Every group, or those in one of `states`: group, state, type, simple (no member ever joined: offsets only)."""
    admin = target.admin()
    found = target.wait(admin.list_consumer_groups(request_timeout=target.timeout), "list groups")
    if found.errors and not found.valid:
        target.ask(lambda: _raise(found.errors[0]), "list groups")
    rows = [
        {
            "group": one.group_id,
            "state": _word(one, "state"),
            "type": _word(one, "type"),
            "simple": one.is_simple_consumer_group,
        }
        for one in found.valid
    ]
    return [row for row in sorted(rows, key=lambda row: str(row["group"])) if not states or row["state"] in states]


def _raise(error: Exception) -> None:
    raise error


def _word(thing: Any, name: str) -> str | None:
    found = getattr(thing, name, None)
    return None if found is None else str(found.name).replace("_", "-").lower()


def describe_groups(target: Target, groups: Sequence[str]) -> tuple[list[dict[str, Any]], list[CliError]]:
    """Those that can be described, each once, and why the others can't; raises `Unreachable` where no broker answers."""
    described: list[dict[str, Any]] = []
    failures: list[CliError] = []
    for group in dict.fromkeys(groups):
        try:
            described.append(describe_group(target, group))
        except Unreachable:
            raise
        except CliError as failure:
            failures.append(failure)
    return described, failures


def describe_group(target: Target, group: str) -> dict[str, Any]:
    """State, assignor, coordinator, members, and per partition: committed offset, log end, lag, the member that has it."""
    admin = target.admin()
    found = _description(target, admin, group)
    committed = committed_offsets(target, admin, group)
    owners = {
        (part.topic, part.partition): member.member_id
        for member in found.members
        for part in member.assignment.topic_partitions
    }
    if _word(found, "state") == "dead" and not committed and not found.members:
        raise NotFound(f"group {group!r}: no such group")
    keys = sorted(committed.keys() | owners.keys())
    spans = offset_spans(target, admin, keys)
    return {
        "group": group,
        "state": _word(found, "state"),
        "type": _word(found, "type"),
        "assignor": found.partition_assignor or None,
        "coordinator": found.coordinator.id if found.coordinator else None,
        "members": [_member(member) for member in found.members],
        "offsets": [_offset_row(key, committed.get(key), spans.get(key), owners.get(key)) for key in keys],
    }


def _description(target: Target, admin: AdminClient, group: str) -> Any:
    futures = target.ask(lambda: admin.describe_consumer_groups([group], request_timeout=target.timeout), f"group {group!r}")
    return target.wait(futures[group], f"group {group!r}")


def _member(member: Any) -> dict[str, Any]:
    return {
        "member_id": member.member_id,
        "instance_id": member.group_instance_id,
        "client_id": member.client_id,
        "host": member.host,
        "partitions": [f"{part.topic}-{part.partition}" for part in member.assignment.topic_partitions],
    }


def _offset_row(key: Key, committed: int | None, span: tuple[int, int] | None, member: str | None) -> dict[str, Any]:
    end = span[1] if span else None
    lag = end - committed if end is not None and committed is not None else None
    return {"topic": key[0], "partition": key[1], "committed": committed, "end": end, "lag": lag, "member": member}


def committed_offsets(target: Target, admin: AdminClient, group: str) -> dict[Key, int]:
    """The group's offsets; partitions without one are absent."""
    from confluent_kafka import ConsumerGroupTopicPartitions

    futures = target.ask(
        lambda: admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)], request_timeout=target.timeout),
        f"group {group!r}",
    )
    found = target.wait(futures[group], f"group {group!r}")
    raise_partition_error(found.topic_partitions, f"group {group!r}")
    return {(part.topic, part.partition): part.offset for part in found.topic_partitions or () if part.offset >= 0}


def positions(target: Target, group: str, topics: dict[str, set[int] | None], goal: Start | object) -> dict[Key, Position]:
    """What is known of the partitions to move: of `topics`, or of all that the group has offsets for when that is empty."""
    admin = target.admin()
    committed = committed_offsets(target, admin, group)
    keys = _partitions(target, admin, topics) if topics else sorted(committed)
    if not keys:
        raise NotFound(f"group {group!r}: no committed offsets (--topic names topics to begin with)")
    spans = offset_spans(target, admin, keys)
    times = {}
    if isinstance(goal, Start) and goal.kind == "time":
        from confluent_kafka.admin import OffsetSpec  # type: ignore[attr-defined]

        spec = OffsetSpec.for_timestamp(goal.value)
        times = list_offsets(target, admin, keys, spec)
    missing = [key for key in keys if key not in spans]
    if missing:
        raise NotFound(f"{missing[0][0]}-{missing[0][1]}: no such partition, or it has no leader")
    return {key: Position(committed.get(key), *spans[key], times.get(key)) for key in keys}


def _partitions(target: Target, admin: AdminClient, topics: dict[str, set[int] | None]) -> list[Key]:
    known = target.cluster(admin).topics
    keys: list[Key] = []
    for topic, chosen in topics.items():
        if topic not in known:
            raise NotFound(f"topic {topic!r}: no such topic")
        there = known[topic].partitions.keys()
        if chosen is not None and chosen - there:
            raise NotFound(f"topic {topic!r} has no partition {min(chosen - there)}: it has {len(there)}")
        keys += [(topic, number) for number in sorted(there if chosen is None else chosen)]
    return keys


def apply_moves(target: Target, group: str, moves: Sequence[Move]) -> None:
    """Commit the new offsets; raises `Conflict` while the group has members."""
    admin = target.admin()
    from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

    wanted = [TopicPartition(move.topic, move.partition, move.new) for move in moves]
    futures = target.ask(
        lambda: admin.alter_consumer_group_offsets(
            [ConsumerGroupTopicPartitions(group, wanted)], request_timeout=target.timeout
        ),
        f"group {group!r}",
    )
    try:
        raise_partition_error(target.wait(futures[group], f"group {group!r}").topic_partitions, f"group {group!r}")
    except CliError as failed:
        if "UNKNOWN_MEMBER_ID" in str(failed):
            raise in_use(group) from failed
        raise


def raise_partition_error(partitions: Sequence[TopicPartition] | None, doing: str) -> None:
    """The library calls an order done whose partitions were refused, one by one; raises the first of these as `CliError`."""
    for part in partitions or ():
        if part.error is not None:
            raise from_kafka(part.error, f"{doing}: {part.topic}-{part.partition}")


def in_use(group: str) -> Conflict:
    return Conflict(f"group {group!r} has members: stop them first (odradek group describe {group} names them)")


def check_unused(target: Target, group: str) -> None:
    """Raise `Conflict` when the group has members; a group that does not exist yet has none."""
    try:
        if _description(target, target.admin(), group).members:
            raise in_use(group)
    except NotFound:
        pass


def delete_groups(target: Target, groups: Sequence[str]) -> list[Outcome]:
    admin = target.admin()
    futures = target.ask(
        lambda: admin.delete_consumer_groups(list(dict.fromkeys(groups)), request_timeout=target.timeout),
        "delete groups",
    )
    outcomes: list[Outcome] = []
    for group, future in futures.items():
        try:
            target.wait(future, f"group {group!r}")
            outcomes.append((group, None))
        except CliError as failure:
            outcomes.append((group, in_use(group) if failure.exit_code == Conflict.exit_code else failure))
    return outcomes
