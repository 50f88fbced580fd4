"""Kafka's ids: 16 bytes, 22 characters."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.base.ids import InvalidUuidError, random_uuid, uuid_from_text, uuid_to_text
from odradek.base.prng import seeded


@given(st.binary(min_size=16, max_size=16))
def test_text_and_bytes_are_one(raw: bytes) -> None:
    text = uuid_to_text(raw)
    assert len(text) == 22
    assert uuid_from_text(text) == raw


@given(st.integers())
def test_a_random_id_is_a_version_4_uuid_and_no_option(seed: int) -> None:
    made = random_uuid(seeded(seed))
    assert uuid.UUID(bytes=made).version == 4
    assert not uuid_to_text(made).startswith("-")


@pytest.mark.parametrize("text", ["", "short", "x" * 30, "!" * 22])
def test_what_is_no_id_is_refused(text: str) -> None:
    with pytest.raises(InvalidUuidError, match="is not an id"):
        uuid_from_text(text)
