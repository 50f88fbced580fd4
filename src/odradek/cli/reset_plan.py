"""Which offset each partition of a group is moved to: the decision behind `group reset-offsets`.

The rules are those of Kafka's own tool. A wish beyond the ends of the log is drawn to the nearer end, and said; a time after
the last record means the end; a shift needs an offset to shift from. Pure: positions in, moves out.
"""

from __future__ import annotations

from typing import NamedTuple

from odradek.cli.errors import CliError, UsageProblem
from odradek.cli.starting_point import EARLIEST, LATEST, Start, choose, parse_time

Key = tuple[str, int]


class Shift(NamedTuple):
    """Forward (positive) or back by so many records from the committed offset."""

    by: int


class Position(NamedTuple):
    """What is known of a partition: the group's offset (None: no commit), the log's ends, the offset at the asked time."""

    committed: int | None
    earliest: int
    latest: int
    at_time: int | None = None


class Move(NamedTuple):
    topic: str
    partition: int
    old: int | None
    new: int
    clamped: bool  # the wish lay outside of the log


def wish(
    to_earliest: bool, to_latest: bool, to_offset: int | None, to_datetime: str | None, shift_by: int | None
) -> Start | Shift:
    """The one thing that was asked; raises `UsageProblem` unless it is exactly one."""
    wishes: list[Start | Shift] = []
    if to_earliest:
        wishes.append(EARLIEST)
    if to_latest:
        wishes.append(LATEST)
    if to_offset is not None:
        wishes.append(Start("offset", to_offset))
    if to_datetime is not None:
        wishes.append(Start("time", parse_time(to_datetime, "--to-datetime")))
    if shift_by is not None:
        wishes.append(Shift(shift_by))
    if len(wishes) != 1:
        raise UsageProblem(
            "group reset-offsets: give one of --to-earliest, --to-latest, --to-offset, --to-datetime, --shift-by, "
            f"not {len(wishes)}"
        )
    return wishes[0]


def plan(goal: Start | Shift, positions: dict[Key, Position]) -> list[Move]:
    """A move for each partition, in order of topic and partition."""
    return [_move(topic, partition, goal, positions[topic, partition]) for topic, partition in sorted(positions)]


def _move(topic: str, partition: int, goal: Start | Shift, at: Position) -> Move:
    if isinstance(goal, Shift):
        if at.committed is None:
            raise CliError(f"{topic}-{partition}: the group has no committed offset to shift by {goal.by}")
        goal = Start("offset", at.committed + goal.by)
    new = choose(goal, at.earliest, at.latest, at.at_time)
    return Move(topic, partition, at.committed, new, clamped=goal.kind == "offset" and new != goal.value)


def parse_topics(texts: tuple[str, ...]) -> dict[str, set[int] | None]:
    """`("a", "b:0,2")` -> `{"a": None, "b": {0, 2}}`, None being all partitions; raises `UsageProblem`."""
    wanted: dict[str, set[int] | None] = {}
    for text in texts:
        topic, colon, numbers = text.partition(":")
        parts = numbers.split(",") if colon else []
        if not topic or not all(part.strip().isascii() and part.strip().isdigit() for part in parts):
            raise UsageProblem(f"--topic {text!r}: expected TOPIC or TOPIC:PARTITION,...")
        known = wanted.get(topic, set())
        wanted[topic] = None if not colon or known is None else known | {int(part) for part in parts}
    return wanted
