"""Tables and figures as they are printed."""

from __future__ import annotations

import io
import sys

import pytest

from odradek.cli.output import counted, one_line, plain_table, print_table, quoted, size_text


def test_columns_line_up_and_numbers_stand_right() -> None:
    lines = list(plain_table(("name", "count"), [["a", "1"], ["longer", "100"]], [False, True]))
    assert lines == ["NAME    COUNT", "a           1", "longer    100"]


def test_an_empty_table_is_its_header() -> None:
    assert list(plain_table(("name",), [], [False])) == ["NAME"]


def test_what_would_steer_a_terminal_is_escaped() -> None:
    assert one_line("été 中") == "été 中"
    assert one_line("a\n\x1b[31m\x9b\u202e") == r"a\n\x1b[31m\x9b\u202e"


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 << 20, "5.0 MiB"), (3 << 40, "3.0 TiB")]
)
def test_sizes(count: int, text: str) -> None:
    assert size_text(count) == text


def test_one_and_many() -> None:
    assert [counted(n, "record") for n in (0, 1, 2, 12_345)] == ["0 records", "1 record", "2 records", "12,345 records"]


@pytest.mark.parametrize(("text", "shown"), [("x\\", "'x\\'"), ("a\nb", "'a\\nb'"), ("", "''"), ("it's", "'it's'")])
def test_a_value_is_shown_as_it_was_typed(text: str, shown: str) -> None:
    assert quoted(text) == shown


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def drawn(monkeypatch: pytest.MonkeyPatch, width: int) -> str:
    """A table of 28 drawn columns (two edges, a gap of three) on a terminal of `width`."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("LINES", "25")  # rich believes COLUMNS of a dumb terminal only with it
    monkeypatch.setenv("TERM", "dumb")
    print_table(("topic", "offset"), [("orders.eu", "12345678901234")])
    return terminal.getvalue()


def test_a_table_that_fits_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "─" in drawn(monkeypatch, 28)


@pytest.mark.parametrize("width", [27, 20, 1])
def test_one_that_does_not_is_plain_so_that_no_number_is_folded(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    assert drawn(monkeypatch, width) == "TOPIC              OFFSET\norders.eu  12345678901234\n"
