"""Tables and figures as they are printed."""

from __future__ import annotations

import pytest

from odradek.cli.output import plain_table, size_text


def test_columns_line_up_and_numbers_stand_right() -> None:
    lines = list(plain_table(("name", "count"), [["a", "1"], ["longer", "100"]], [False, True]))
    assert lines == ["NAME    COUNT", "a           1", "longer    100"]


def test_an_empty_table_is_its_header() -> None:
    assert list(plain_table(("name",), [], [False])) == ["NAME"]


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 << 20, "5.0 MiB"), (3 << 40, "3.0 TiB")]
)
def test_sizes(count: int, text: str) -> None:
    assert size_text(count) == text
