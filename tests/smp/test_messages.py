"""What crosses between shards, and what does not."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odradek.smp.messages import FRAGMENT, decode, encode, fragments

keys = st.one_of(st.none(), st.booleans(), st.integers(), st.text(), st.binary())
plain = st.recursive(
    st.one_of(keys, st.floats(allow_nan=False), st.frozensets(keys)),
    lambda inner: st.one_of(st.lists(inner), st.lists(inner).map(tuple), st.dictionaries(keys, inner)),
    max_leaves=6,
)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.text(), st.integers(0), st.lists(plain, max_size=3).map(tuple), st.none()), max_size=3))
def test_plain_values_arrive_as_they_were(messages):
    assert decode(memoryview(encode(messages))) == messages


def test_buffers_arrive_as_bytes_and_share_nothing():
    source = bytearray(b"abc")
    record = bytearray(encode([("s", 1, (source, memoryview(source)[1:]), None)]))
    [(_, _, args, _)] = decode(memoryview(record))
    source[:] = b"xyz"
    record[:] = bytes(len(record))
    assert args == (b"abc", b"bc")


class Plainly(str):
    """Not plain: a subclass."""


@pytest.mark.parametrize(
    "value", [object(), Plainly("x"), range(3), [[{1}], object()]], ids=["object", "subclass", "range", "inside"]
)
def test_what_is_not_plain(value):
    with pytest.raises(ValueError):
        encode([("service", 1, (value,), None)])


def test_what_is_too_deep():
    value: list[object] = []
    for _ in range(5000):
        value = [value]
    with pytest.raises(ValueError):
        encode([("service", 1, (value,), None)])


@given(st.binary(min_size=1, max_size=3000), st.integers(100, 600))
def test_a_record_in_pieces(record, record_bytes_max):
    pieces = fragments(record, record_bytes_max)
    assert all(len(piece) <= record_bytes_max for piece in pieces)
    messages = [message for piece in pieces for message in decode(piece)]
    assert b"".join(value for _, _, value, _ in messages) == record
    assert [(kind, last) for kind, last, _, _ in messages] == [(FRAGMENT, 0)] * (len(pieces) - 1) + [(FRAGMENT, 1)]
