"""Lines of an ini file as settings."""

from __future__ import annotations

import pytest

from odradek.testing.settings import BadSettingError, parse_settings


def test_lines() -> None:
    lines = ["num.partitions = 3", "listeners=PLAINTEXT://:0", "a = b = c"]
    assert parse_settings(lines) == {"num.partitions": "3", "listeners": "PLAINTEXT://:0", "a": "b = c"}
    assert parse_settings([]) == {}


@pytest.mark.parametrize("line", ["num.partitions", "= 3"])
def test_a_line_that_sets_nothing(line: str) -> None:
    with pytest.raises(BadSettingError, match="odradek_config"):
        parse_settings([line])
