"""Moving a group's offsets: one wish, clamped to the log, and never a shift from nowhere."""

from __future__ import annotations

import pytest

from odradek.cli.errors import CliError, UsageProblem
from odradek.cli.reset_plan import Move, Position, Shift, parse_topics, plan, wish
from odradek.cli.starting_point import EARLIEST, LATEST, Start

AT = {("t", 0): Position(committed=30, earliest=10, latest=50), ("t", 1): Position(committed=None, earliest=0, latest=7)}


def test_exactly_one_wish() -> None:
    assert wish(True, False, None, None, None) is EARLIEST
    assert wish(False, False, 0, None, None) == Start("offset", 0)
    assert wish(False, False, None, "1970-01-02", None) == Start("time", 86_400_000)
    assert wish(False, False, None, None, 0) == Shift(0)
    for several in ((True, True, None, None, None), (False, False, 1, None, 1), (False, False, None, None, None)):
        with pytest.raises(UsageProblem, match="give one of"):
            wish(*several)


def test_to_the_ends() -> None:
    assert plan(EARLIEST, AT) == [Move("t", 0, 30, 10, False), Move("t", 1, None, 0, False)]
    assert plan(LATEST, AT) == [Move("t", 0, 30, 50, False), Move("t", 1, None, 7, False)]


def test_an_offset_outside_of_the_log_is_drawn_in_and_said() -> None:
    assert plan(Start("offset", 20), AT) == [Move("t", 0, 30, 20, False), Move("t", 1, None, 7, True)]


def test_a_time_uses_what_the_broker_found() -> None:
    at = {("t", 0): Position(30, 10, 50, at_time=42), ("t", 1): Position(30, 10, 50, at_time=-1)}
    assert [move.new for move in plan(Start("time", 1), at)] == [42, 50]


def test_shift_back_forward_and_too_far() -> None:
    at = {("t", 0): AT["t", 0]}
    assert plan(Shift(-5), at) == [Move("t", 0, 30, 25, False)]
    assert plan(Shift(5), at) == [Move("t", 0, 30, 35, False)]
    assert plan(Shift(-500), at) == [Move("t", 0, 30, 10, True)]


def test_no_shift_without_a_committed_offset() -> None:
    with pytest.raises(CliError, match="t-1: the group has no committed offset to shift by -1"):
        plan(Shift(-1), AT)


def test_topics_with_and_without_partitions() -> None:
    assert parse_topics(("a", "b:0,2", "b:3")) == {"a": None, "b": {0, 2, 3}}
    assert parse_topics(("a:1", "a")) == {"a": None}
    for bad in ("", ":1", "a:", "a:x", "a:-1"):
        with pytest.raises(UsageProblem, match="--topic"):
            parse_topics((bad,))
