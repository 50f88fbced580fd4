"""`odradek group list|describe|reset-offsets|delete`: the commands; `group_admin` asks, `reset_plan` decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from odradek.cli.errors import NotFound, UsageProblem
from odradek.cli.options import broker_options, json_option
from odradek.cli.outcomes import finish, raise_last
from odradek.cli.output import confirm, counted, note, one_line, print_json, print_table

if TYPE_CHECKING:
    from odradek.cli.client import Target
    from odradek.cli.reset_plan import Move


# As the client library has them, in the words that we print.
GROUP_STATES = ("stable", "empty", "dead", "preparing-rebalancing", "completing-rebalancing", "unknown")


def group_state(word: str) -> str:
    """The state that `word` means, in our spelling or Kafka's (`PreparingRebalance`); raises `UsageProblem` naming all."""
    for state in GROUP_STATES:
        if _letters(word) == _letters(state):
            return state
    raise UsageProblem(f"--state {word!r}: no such state; one of {', '.join(GROUP_STATES)}")


def _letters(state: str) -> str:
    return state.lower().replace("-", "").replace("_", "").replace("rebalancing", "rebalance")


@click.group()
def group() -> None:
    """List, describe, move and delete consumer groups."""


@group.command("list")
@click.option("--state", "states", multiple=True, metavar="STATE",
              callback=lambda _context, _option, given: tuple(group_state(word) for word in given),
              help="Only groups in this state (stable, empty, ...). Repeatable.")  # fmt: skip
@json_option
@broker_options
def list_command(target: Target, states: tuple[str, ...], as_json: bool) -> None:
    """List consumer groups.

    \b
    Example: odradek group list --state empty
    """
    from odradek.cli.group_admin import list_groups

    rows = list_groups(target, states)
    if as_json:
        print_json(rows)
    else:
        print_table(("group", "state", "type"), [(row["group"], row["state"], row["type"]) for row in rows])


@group.command()
@click.argument("names", nargs=-1, required=True, metavar="GROUP...")
@json_option
@broker_options
def describe(target: Target, names: tuple[str, ...], as_json: bool) -> None:
    """Show a group's state, members, offsets and lag.

    \b
    Example: odradek group describe billing
    """
    from odradek.cli.group_admin import describe_groups

    described, failures = describe_groups(target, names)
    if as_json:
        print_json(described)
    else:
        for one in described:
            _show(one)
    raise_last(failures)


def _show(one: dict[str, Any]) -> None:
    assignor = f", assignor {one_line(one['assignor'])}" if one["assignor"] else ""
    members = counted(len(one["members"]), "member")
    print(f"{one_line(one['group'])}  {one['state']}{assignor}, coordinator {one['coordinator']}, {members}")
    columns = ("topic", "partition", "committed", "end", "lag", "member")
    if one["offsets"]:
        print_table(columns, [[row[column] for column in columns] for row in one["offsets"]])
    if one["members"]:
        rows = [
            (member["member_id"], member["instance_id"], member["client_id"], member["host"], len(member["partitions"]))
            for member in one["members"]
        ]
        print_table(("member", "instance", "client", "host", "partitions"), rows)


@group.command("reset-offsets")
@click.argument("name", metavar="GROUP")
@click.option("--topic", "-t", "topics", multiple=True, metavar="TOPIC[:P,...]", help="These partitions. Repeatable.")
@click.option("--all-topics", is_flag=True, help="All partitions that the group has offsets for.")
@click.option("--to-earliest", is_flag=True, help="To the oldest record.")
@click.option("--to-latest", is_flag=True, help="To the end of the log.")
@click.option("--to-offset", type=click.IntRange(min=0), help="To this offset.")
@click.option("--to-datetime", metavar="WHEN", help="To the first record from then on: ISO 8601 (no zone: UTC) or ms.")
@click.option("--shift-by", type=int, metavar="N", help="By N records, back when negative.")
@click.option("--execute", is_flag=True, help="Do it. Without this, only show what would be done.")
@json_option
@broker_options
def reset_offsets(
    target: Target,
    name: str,
    topics: tuple[str, ...],
    all_topics: bool,
    to_earliest: bool,
    to_latest: bool,
    to_offset: int | None,
    to_datetime: str | None,
    shift_by: int | None,
    execute: bool,
    as_json: bool,
) -> None:
    """Move a group's offsets. Shows the moves; --execute makes them. The group must have no members.

    \b
    Example: odradek group reset-offsets billing --topic orders --to-earliest --execute
    """
    from odradek.cli import group_admin, reset_plan

    goal = reset_plan.wish(to_earliest, to_latest, to_offset, to_datetime, shift_by)
    if bool(topics) == all_topics:
        raise UsageProblem("group reset-offsets: give --topic (repeatable) or --all-topics")
    group_admin.check_unused(target, name)
    known = group_admin.positions(target, name, reset_plan.parse_topics(topics), goal)
    moves = reset_plan.plan(goal, known)
    if execute:
        group_admin.apply_moves(target, name, moves)
    _show_moves(name, moves, executed=execute, as_json=as_json)


def _show_moves(name: str, moves: list[Move], *, executed: bool, as_json: bool) -> None:
    if as_json:
        print_json({"group": name, "executed": executed, "moves": [move._asdict() for move in moves]})
        return
    print_table(("topic", "partition", "old", "new"), [(move.topic, move.partition, move.old, move.new) for move in moves])
    for move in moves:
        if move.clamped:
            note(f"odradek: {move.topic}-{move.partition}: the wish lies outside of the log; {move.new} is the nearest offset")
    if not executed:
        note("Nothing was changed; --execute does it.")


@group.command()
@click.argument("names", nargs=-1, required=True, metavar="GROUP...")
@click.option("--if-exists", is_flag=True, help="Succeed for a group that does not exist.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask (asked on a terminal only).")
@json_option
@broker_options
def delete(target: Target, names: tuple[str, ...], if_exists: bool, yes: bool, as_json: bool) -> None:
    """Delete groups and their offsets. A group with members is refused.

    \b
    Example: odradek group delete billing
    """
    from odradek.cli.group_admin import delete_groups

    if not yes:
        confirm(f"Delete {', '.join(names)} with all offsets?")
    forgiven = NotFound.exit_code if if_exists else None
    finish(delete_groups(target, names), "deleted", as_json=as_json, forgiven=forgiven, forgiven_as="absent")
