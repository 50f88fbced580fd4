"""`odradek consume TOPIC`: prints records, as a member of a group or by itself.

By itself it reads the partitions it is given from where it is told, and joins and commits nothing. With `--group` it is a
member like any other: the group's offsets say where it begins (`--from-beginning` only where there are none), and what was
printed is committed, at the latest when it leaves.

It ends after `--max-messages`, at the end of the log with `--until-end`, after `--timeout` seconds without a record, or by
Ctrl-C; else it waits for more.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from odradek.cli.errors import UsageProblem
from odradek.cli.options import broker_options, json_option
from odradek.cli.record_format import Formatter, compile_format, json_line, value_lines
from odradek.cli.starting_point import EARLIEST, LATEST, Start, parse

if TYPE_CHECKING:
    from odradek.cli.client import Target


@click.command()
@click.argument("topic")
@click.option("--from-beginning", is_flag=True, help="Begin with the oldest record instead of the next new one.")
@click.option("--offset", "-o", metavar="WHERE", help="Begin at: earliest, latest, N, -N (the last N), @WHEN (ms or ISO 8601).")
@click.option("--partition", "-p", "partitions", type=click.IntRange(min=0), multiple=True, help="Only this one. Repeatable.")
@click.option("--group", "-g", help="Read as a member of this group, and commit what was printed.")
@click.option("--max-messages", "-n", type=click.IntRange(min=1), help="End after this many records.")
@click.option("--until-end", "-e", is_flag=True, help="End at the end of the log instead of waiting for more.")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), metavar="SECONDS",
              help="End after so long without a record; fails if --max-messages were not had by then.")  # fmt: skip
@click.option("--format", "-f", "template", metavar="TEXT", help=r"How to print a record; default '%v\n'. See above.")
@click.option("--null", default="", metavar="TEXT", help="Print null keys and values as this.")
@click.option("--isolation", type=click.Choice(["read_committed", "read_uncommitted"]), default="read_committed",
              show_default=True, help="Whether to show records of transactions that are open or were aborted.")  # fmt: skip
@json_option
@broker_options
def consume(
    target: Target,
    topic: str,
    from_beginning: bool,
    offset: str | None,
    partitions: tuple[int, ...],
    group: str | None,
    max_messages: int | None,
    until_end: bool,
    timeout: float | None,
    template: str | None,
    null: str,
    isolation: str,
    as_json: bool,
) -> None:
    """Print the records of TOPIC.

    \b
    Example: odradek consume orders --from-beginning --format '%p:%o %k=%v\\n'

    \b
    Format:  %k key  %v value  %o offset  %p partition  %t topic
             %T timestamp (ms)  %D timestamp (ISO)  %h headers
             %K %V length of key, value (-1: null)
             %% percent  \\n \\t \\r \\0 \\\\ \\xHH
    """
    if group and (offset is not None or partitions):
        raise UsageProblem("consume: --group decides partitions and offsets; leave out --offset and --partition")
    if offset is not None and from_beginning:
        raise UsageProblem("consume: --from-beginning and --offset both say where to begin; give one")
    if as_json and template is not None:
        raise UsageProblem("consume: --json and --format both say how to print; give one")
    start = EARLIEST if from_beginning else parse(offset, "--offset") if offset is not None else LATEST
    from odradek.cli.consume_run import Limits, consume_alone, consume_in_group

    limits = Limits(max_messages, until_end, timeout)
    show = _formatter(as_json, template, null)
    config = {"isolation.level": isolation}
    if group:
        _check_group_start(start)
        consume_in_group(target, topic, group, start, limits, show, sys.stdout.buffer, config)
    else:
        consume_alone(target, topic, partitions, start, limits, show, sys.stdout.buffer, config)


def _formatter(as_json: bool, template: str | None, null: str) -> Formatter:
    if as_json:
        return json_line
    return value_lines(null.encode()) if template is None else compile_format(template, null.encode())


def _check_group_start(start: Start) -> None:
    if start not in (EARLIEST, LATEST):
        raise UsageProblem("consume: a group begins at its committed offsets")
