"""How a record is printed: the escapes of `--format`, and the shape of `--json`."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.cli.errors import UsageProblem
from odradek.cli.line_input import json_reader
from odradek.cli.record_format import compile_format, iso_text, json_line, value_lines


class Fake(NamedTuple):
    """A consumed message, as confluent-kafka gives it."""

    key_: bytes | None = b"k"
    value_: bytes | None = b"v"
    headers_: list[tuple[str, bytes | None]] | None = None
    timestamp_: tuple[int, int] = (1, 1_700_000_000_123)

    def topic(self) -> str:
        return "t"

    def partition(self) -> int:
        return 3

    def offset(self) -> int:
        return 42

    def key(self) -> bytes | None:
        return self.key_

    def value(self) -> bytes | None:
        return self.value_

    def headers(self) -> Any:
        return self.headers_

    def timestamp(self) -> tuple[int, int]:
        return self.timestamp_


@pytest.mark.parametrize(
    ("template", "printed"),
    [
        (r"%k=%v\n", b"k=v\n"),
        ("%t-%p@%o", b"t-3@42"),
        ("%T %D", b"1700000000123 2023-11-14T22:13:20.123Z"),
        ("%K,%V,%S %s", b"1,1,1 v"),
        (r"100%% \\ \t\0\x41", b"100% \\ \t\0A"),
        ("", b""),
        ("é", "é".encode()),
    ],
)
def test_escapes(template: str, printed: bytes) -> None:
    assert compile_format(template)(Fake()) == printed


def test_null_is_shown_as_asked() -> None:
    gone = Fake(key_=None, value_=None)
    assert compile_format("%k|%v|%K", b"NULL")(gone) == b"NULL|NULL|-1"
    assert value_lines(b"NULL")(gone) == b"NULL\n"
    assert value_lines()(Fake()) == b"v\n"


def test_headers() -> None:
    assert compile_format("%h")(Fake(headers_=[("a", b"1"), ("b", None)])) == b"a=1,b="
    assert compile_format("%h")(Fake()) == b""


@pytest.mark.parametrize("template", ["%z", "%", "\\", r"\q", r"\xZZ"])
def test_an_unknown_escape_is_refused(template: str) -> None:
    with pytest.raises(UsageProblem, match="--format"):
        compile_format(template)


@pytest.mark.parametrize("timestamp", [-1, 10**17])
def test_a_time_beyond_the_calendar_is_empty(timestamp: int) -> None:
    assert iso_text(timestamp) == ""


def test_json_says_which_time_it_is() -> None:
    assert json.loads(json_line(Fake()))["timestamp_type"] == "CreateTime"
    unset = json.loads(json_line(Fake(timestamp_=(0, -1))))
    assert (unset["timestamp"], unset["timestamp_type"]) == (None, None)


maybe = st.none() | st.binary(max_size=20)


@given(key=maybe, value=maybe, headers=st.lists(st.tuples(st.text(max_size=5), maybe), max_size=3))
def test_what_consume_prints_as_json_produce_reads(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes | None]]
) -> None:
    line = json_line(Fake(key, value, headers))
    assert line.count(b"\n") == 1
    read = json_reader([])(line)
    assert (read.key, read.value, read.headers, read.partition) == (key, value, headers, 3)


def test_a_refusal_shows_the_format_as_it_was_typed() -> None:
    with pytest.raises(UsageProblem) as refused:
        compile_format("x\\")
    assert str(refused.value) == r"--format 'x\': ends in a lone '\'"
