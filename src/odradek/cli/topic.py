"""`odradek topic create|list|describe|alter|delete`: the commands; `topic_admin` asks the broker, `output` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from odradek.cli.errors import Conflict, NotFound, UsageProblem
from odradek.cli.options import broker_options, json_option, parse_pairs
from odradek.cli.outcomes import finish, raise_last
from odradek.cli.output import confirm, print_json, print_table

if TYPE_CHECKING:
    from odradek.cli.client import Target


@click.group()
def topic() -> None:
    """Create, list, describe, alter and delete topics."""


@topic.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--partitions", "-p", type=click.IntRange(min=1), help="Default: the broker's num.partitions.")
@click.option("--replication-factor", "-r", type=click.IntRange(min=1), help="Default: the broker's.")
@click.option("--config", "-c", "configs", multiple=True, metavar="NAME=VALUE", help="A topic setting. Repeatable.")
@click.option("--if-not-exists", is_flag=True, help="Leave a topic that exists as it is, and succeed.")
@click.option("--validate-only", is_flag=True, help="Ask the broker whether it would; create nothing.")
@json_option
@broker_options
def create(
    target: Target,
    names: tuple[str, ...],
    partitions: int | None,
    replication_factor: int | None,
    configs: tuple[str, ...],
    if_not_exists: bool,
    validate_only: bool,
    as_json: bool,
) -> None:
    """Create topics.

    \b
    Example: odradek topic create orders --partitions 4 --config retention.ms=86400000
    """
    from odradek.cli.topic_admin import create_topics

    settings = parse_pairs(configs, "--config")
    outcomes = create_topics(target, names, partitions or -1, replication_factor or -1, settings, validate_only)
    done = "valid" if validate_only else "created"
    forgiven = Conflict.exit_code if if_not_exists else None
    finish(outcomes, done, as_json=as_json, forgiven=forgiven, forgiven_as="exists")


@topic.command("list")
@click.option("--internal", is_flag=True, help="Also those whose names begin with two underscores.")
@json_option
@broker_options
def list_topics(target: Target, internal: bool, as_json: bool) -> None:
    """List topics.

    \b
    Example: odradek topic list --json
    """
    from odradek.cli.topic_admin import list_all

    rows = [row for row in list_all(target) if internal or not row["name"].startswith("__")]
    if as_json:
        print_json(rows)
    else:
        columns = ("name", "partitions", "replication")
        print_table(columns, [[row[column] for column in columns] for row in rows])


@topic.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--all-configs", is_flag=True, help="Also the settings that have their default value.")
@json_option
@broker_options
def describe(target: Target, names: tuple[str, ...], all_configs: bool, as_json: bool) -> None:
    """Show a topic's id, partitions, offsets and settings.

    \b
    Example: odradek topic describe orders
    """
    from odradek.cli.topic_admin import describe_topics

    described, failures = describe_topics(target, names, all_configs=all_configs)
    if as_json:
        print_json(described)
    else:
        for one in described:
            _show(one)
    raise_last(failures)


def _show(one: dict[str, Any]) -> None:
    print(f"{one['name']}  id {one['topic_id']}{'  internal' if one['internal'] else ''}")
    columns = ("partition", "leader", "replicas", "isr", "earliest", "latest")
    rows = [[_ids(partition[column]) for column in columns] for partition in one["partitions"]]
    print_table(columns, rows)
    if one["configs"]:
        print_table(
            ("setting", "value", "source"),
            [(name, entry["value"], entry["source"]) for name, entry in one["configs"].items()],
        )


def _ids(cell: int | list[int] | None) -> str | int | None:
    return ",".join(map(str, cell)) if isinstance(cell, list) else cell


@topic.command()
@click.argument("name")
@click.option("--partitions", "-p", type=click.IntRange(min=1), help="Grow to this many partitions.")
@click.option("--config", "-c", "configs", multiple=True, metavar="NAME=VALUE", help="Set a topic setting. Repeatable.")
@click.option("--delete-config", "-d", "removed", multiple=True, metavar="NAME", help="Back to the default. Repeatable.")
@json_option
@broker_options
def alter(
    target: Target,
    name: str,
    partitions: int | None,
    configs: tuple[str, ...],
    removed: tuple[str, ...],
    as_json: bool,
) -> None:
    """Change a topic's settings, or give it more partitions.

    \b
    Example: odradek topic alter orders --partitions 8 --config retention.ms=3600000
    """
    from odradek.cli.topic_admin import alter_configs, grow

    if partitions is None and not configs and not removed:
        raise UsageProblem("topic alter: nothing to change (--partitions, --config or --delete-config)")
    if configs or removed:
        alter_configs(target, name, parse_pairs(configs, "--config"), removed)
    if partitions is not None:
        grow(target, name, partitions)
    finish([(name, None)], "altered", as_json=as_json)


@topic.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--if-exists", is_flag=True, help="Succeed for a topic that does not exist.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask (asked on a terminal only).")
@json_option
@broker_options
def delete(target: Target, names: tuple[str, ...], if_exists: bool, yes: bool, as_json: bool) -> None:
    """Delete topics and all their records.

    \b
    Example: odradek topic delete orders
    """
    from odradek.cli.topic_admin import delete_topics

    if not yes:
        confirm(f"Delete {', '.join(names)} with all records?")
    forgiven = NotFound.exit_code if if_exists else None
    finish(delete_topics(target, names), "deleted", as_json=as_json, forgiven=forgiven, forgiven_as="absent")
