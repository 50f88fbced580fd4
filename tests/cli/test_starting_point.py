"""Where reading begins: what a person may say, and the offset it comes to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.cli.errors import UsageProblem
from odradek.cli.starting_point import EARLIEST, LATEST, Start, choose, parse, parse_time


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("earliest", EARLIEST),
        ("BEGINNING", EARLIEST),
        ("latest", LATEST),
        ("17", Start("offset", 17)),
        ("-3", Start("last", 3)),
        ("@1700000000123", Start("time", 1_700_000_000_123)),
        ("@1970-01-02", Start("time", 86_400_000)),
        ("@1970-01-01T01:00:00+01:00", Start("time", 0)),
        ("@1970-01-01T00:00:01.5Z", Start("time", 1500)),
    ],
)
def test_what_may_be_said(text: str, start: Start) -> None:
    assert parse(text, "--offset") == start


@pytest.mark.parametrize("text", ["", "soon", "1.5", "@", "@yesterday", "--3", "9" * 30, "²"])
def test_anything_else_is_refused_by_name(text: str) -> None:
    with pytest.raises(UsageProblem, match="--offset"):
        parse(text, "--offset")


@pytest.mark.parametrize("text", ["@yesterday", "@", "yesterday"])
def test_the_refusal_shows_what_was_typed(text: str) -> None:
    with pytest.raises(UsageProblem, match=f"--offset '{text}': expected"):
        parse(text, "--offset")


def test_a_date_without_a_zone_is_utc() -> None:
    assert parse_time("2023-11-14T22:13:20", "--to-datetime") == 1_700_000_000_000


@pytest.mark.parametrize(
    ("start", "offset"),
    [
        (EARLIEST, 10),
        (LATEST, 50),
        (Start("last", 5), 45),
        (Start("last", 500), 10),
        (Start("offset", 20), 20),
        (Start("offset", 3), 10),
        (Start("offset", 99), 50),
    ],
)
def test_choice_in_a_log_from_10_to_50(start: Start, offset: int) -> None:
    assert choose(start, 10, 50) == offset


def test_a_time_after_the_last_record_is_the_end() -> None:
    assert choose(Start("time", 1), 10, 50, None) == 50
    assert choose(Start("time", 1), 10, 50, -1) == 50
    assert choose(Start("time", 1), 10, 50, 33) == 33


@given(
    kind=st.sampled_from(["earliest", "latest", "offset", "last", "time"]),
    value=st.integers(0, 200),
    earliest=st.integers(0, 100),
    size=st.integers(0, 100),
    at_time=st.none() | st.integers(-1, 300),
)
def test_the_choice_always_lies_in_the_log(kind: str, value: int, earliest: int, size: int, at_time: int | None) -> None:
    latest = earliest + size
    assert earliest <= choose(Start(kind, value), earliest, latest, at_time) <= latest  # type: ignore[arg-type]
