"""What the commands print: a table for people, JSON for programs.

On a terminal a table is drawn by `rich` (imported then: it costs 50 ms) where it fits; one that is too wide, and any in a pipe,
is plain columns that `awk` and `grep` can read, with no colour and no box: a number folded over two lines is misread, a line
that the terminal wraps is not. JSON is one document for one answer, one line per record for streams.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence

import click

from odradek.cli.errors import CliError

Cell = str | int | None

_ANY_WIDTH = 1_000_000  # wider than any table: rich measures within a width, else within the terminal's


def print_json(value: object) -> None:
    """One document, indented for a person on a terminal, one line in a pipe; pure ASCII where the output is not UTF-8."""
    indent = 2 if sys.stdout.isatty() else None
    speaks_utf8 = (sys.stdout.encoding or "utf-8").lower().replace("-", "") == "utf8"
    print(json.dumps(value, indent=indent, ensure_ascii=not speaks_utf8))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, title: str | None = None) -> None:
    """Columns as wide as they need; None is shown as a dash."""
    shown = [["-" if cell is None else one_line(str(cell)) for cell in row] for row in rows]
    numeric = [_is_numeric(shown, index) for index in range(len(columns))]
    if sys.stdout.isatty() and _draw(columns, shown, numeric, title):
        return
    if title:
        print(title)
    for line in plain_table(columns, shown, numeric):
        print(line)


def plain_table(columns: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[bool]) -> Iterable[str]:
    """The lines of a table without a terminal: a header in capitals, two spaces between columns, numbers to the right."""
    header = [column.upper() for column in columns]
    widths = [max(len(row[index]) for row in [header, *rows]) for index in range(len(columns))]
    for row in [header, *rows]:
        cells = (
            cell.rjust(width) if right else cell.ljust(width) for cell, width, right in zip(row, widths, numeric, strict=True)
        )
        yield "  ".join(cells).rstrip()


def _is_numeric(rows: Sequence[Sequence[str]], index: int) -> bool:
    return bool(rows) and all(row[index].lstrip("-").isdigit() or row[index] == "-" for row in rows)


def _draw(columns: Sequence[str], rows: Iterable[Sequence[str]], numeric: Sequence[bool], title: str | None) -> bool:
    """Draw the table if the terminal is wide enough for it; whether it was."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.markup import escape
    from rich.measure import Measurement
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for column, right in zip(columns, numeric, strict=True):
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    console = Console()
    needed = Measurement.get(console, console.options.update(max_width=_ANY_WIDTH), table).maximum
    if needed > console.width:
        return False
    console.print(table)
    return True


def confirm(question: str) -> None:
    """Ask on a terminal, and raise `CliError` unless the answer is yes; where nobody sits, nothing is asked."""
    if sys.stdin.isatty() and not click.confirm(question, err=True):
        raise CliError("nothing was done")


def note(line: str) -> None:
    """Something for the person and not for the program: standard error."""
    print(line, file=sys.stderr)


def one_line(text: str) -> str:
    """`text` with what is not printable escaped: the name that somebody gave a group must not steer the terminal."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def quoted(text: str) -> str:
    """`text` as it was typed, between quotes; one that holds something unprintable as Python writes it."""
    return f"'{text}'" if text.isprintable() else repr(text)


def counted(count: int, noun: str) -> str:
    """`(1, "record")` -> `"1 record"`; `(2, "record")` -> `"2 records"`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def size_text(count: int) -> str:
    """1536 -> '1.5 KiB'."""
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if value < 1024:
            return f"{count} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"
