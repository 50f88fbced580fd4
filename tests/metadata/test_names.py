"""Kafka's rules for topic names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.metadata import names
from odradek.metadata.errors import InvalidTopicError

legal = st.text("abcXYZ019._-", min_size=1, max_size=249).filter(lambda name: name not in (".", ".."))


@given(legal)
def test_every_name_of_legal_characters_is_a_topic(name: str) -> None:
    names.validate(name)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "the empty string is not allowed"),
        (".", "'.' is not allowed"),
        ("..", "'..' is not allowed"),
        ("x" * 250, "is longer than the max allowed length 249"),
        ("a/b", "contains one or more characters other than ASCII alphanumerics"),
        ("a b", "contains one or more characters"),
        ("topic\n", "contains one or more characters"),
        ("tópico", "contains one or more characters"),
        ("a\0", "contains one or more characters"),
    ],
)
def test_a_refused_name_is_told_why(name: str, reason: str) -> None:
    with pytest.raises(InvalidTopicError, match="Topic name is invalid: ") as refused:
        names.validate(name)
    assert reason in str(refused.value)
    assert refused.value.code == 17


def test_names_that_differ_in_dots_and_underscores_collide() -> None:
    assert names.find_collision("a.b", ["x", "a_b"]) == "a_b"
    assert names.find_collision("a.b", ["a.b"]) is None, "a name does not collide with itself"
    assert names.find_collision("ab", ["a_b"]) is None


def test_the_topics_of_coordinators_are_internal() -> None:
    assert names.is_internal("__consumer_offsets")
    assert not names.is_internal("__mine")
