"""What the coordinator's records can name."""

from __future__ import annotations

import pytest

from odradek.coordinator.names import is_too_long


@pytest.mark.parametrize("character", ["a", "ä", "€", "😀"])
def test_bytes_count_not_characters(character: str) -> None:
    fits = 32_767 // len(character.encode())
    assert not is_too_long(character * fits)
    assert is_too_long(character * (fits + 1))


def test_nothing_is_not_too_long() -> None:
    assert not is_too_long(None)
    assert not is_too_long("")
