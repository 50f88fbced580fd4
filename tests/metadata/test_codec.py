"""What is written comes back, and what cannot be read is refused by its key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.metadata import codec
from odradek.metadata.errors import StoreError
from odradek.metadata.image import PartitionImage, TopicImage
from odradek.metadata.store import Entry

ids = st.lists(st.integers(0, 2**31 - 1), max_size=3).map(tuple)
epochs = st.integers(0, 2**31 - 1)
partitions = st.builds(PartitionImage, ids, ids, st.integers(-1, 2**31 - 1), epochs, epochs)
topics = st.builds(
    TopicImage,
    st.text("abc._-", min_size=1, max_size=20),
    st.binary(min_size=16, max_size=16),
    st.lists(partitions, max_size=4).map(tuple),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
)


@given(topics)
def test_a_topic_survives_the_store(topic: TopicImage) -> None:
    entry = Entry(codec.topic_key(topic.name), codec.encode_topic(topic), 1, 1)
    assert codec.decode_topic(entry) == topic


def test_the_value_is_what_the_module_says() -> None:
    topic = TopicImage("t", b"\x01" * 16, (PartitionImage((1,), (1,), 1, 2, 3),), {"retention.ms": "5"})
    assert codec.encode_topic(topic) == (
        b'{"v":1,"id":"AQEBAQEBAQEBAQEBAQEBAQ","configs":{"retention.ms":"5"},"partitions":[[[1],[1],1,2,3]]}'
    )
    assert codec.config_key("broker", "") == "configs/broker/"
    assert codec.split_config_key("configs/group/a/b") == ("group", "a/b")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (b"", "holds no value that can be read"),
        (b"[]", "holds no value that can be read"),
        (b"{}", "holds no value that can be read"),
        (b'{"v":2}', "has version 2; this version of Odradek reads 1"),
        (b'{"v":1}', "is no topic"),
        (b'{"v":1,"id":"x","configs":{},"partitions":[]}', "is no topic"),
        (b'{"v":1,"id":"AQEBAQEBAQEBAQEBAQEBAQ","configs":{},"partitions":[[1]]}', "is no topic"),
    ],
)
def test_an_unreadable_value_is_refused_by_its_key(value: bytes, words: str) -> None:
    with pytest.raises(StoreError, match=f"'topics/t' ({words})"):
        codec.decode_topic(Entry("topics/t", value, 1, 1))
