"""How many descriptors connections may take before the rest is left to files."""

from __future__ import annotations

import pytest

from odradek.broker.descriptors import leaves_too_few


@pytest.mark.parametrize(
    ("number", "connections", "limit", "too_few"),
    [
        (87, 60, 100, False),
        (88, 60, 100, True),  # an eighth of a small limit
        (959, 900, 1024, False),
        (960, 900, 1024, True),  # 64 of a large one
        (1000, 400, 1024, False),  # files took the others: connections get up to half
        (10_000, 10_000, -1, False),  # no limit
    ],
)
def test_the_last_ones_are_left_to_files(number: int, connections: int, limit: int, too_few: bool) -> None:
    assert leaves_too_few(number, connections, limit) is too_few
