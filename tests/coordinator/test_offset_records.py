"""Offsets in `__consumer_offsets`: bytes of an Apache Kafka 4.3, and of every version before."""

from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.coordinator.offset_records import (
    MalformedRecordError,
    OffsetKey,
    key_version,
    offset_key,
    offset_value,
    read_offset_key,
    read_offset_value,
)
from odradek.coordinator.offset_store import CommittedOffset

KAFKA_KEY = bytes.fromhex("0001000e742d303230343637636261616338000e742d61626131633032393233376600000000")
KAFKA_VALUE = bytes.fromhex("00040000000000000003ffffffff056e6f7465000001a20d3c612c010010c2b5a50ddfa04e81b097b26e3ce0b1e9")


def test_a_record_of_kafka():
    key = OffsetKey("t-020467cbaac8", "t-aba1c029237f", 0)
    topic_id = bytes.fromhex("c2b5a50ddfa04e81b097b26e3ce0b1e9")
    value = CommittedOffset(3, -1, "note", 1795518390572, -1, topic_id)
    assert (read_offset_key(KAFKA_KEY), read_offset_value(KAFKA_VALUE)) == (key, value)
    assert (offset_key(*key), offset_value(value)) == (KAFKA_KEY, KAFKA_VALUE)


def test_the_entry_in_the_module_docstring():
    assert offset_key("g", "t", 7).hex() == "000100016700017400000007"
    assert offset_value(CommittedOffset(42, commit_ms=1)).hex() == "0004000000000000002affffffff01000000000000000100"


texts = st.text(max_size=40).filter(lambda text: "\x00" not in text)
longs = st.integers(0, 2**63 - 1)


@given(texts, texts, st.integers(0, 2**31 - 1))
def test_keys_read_back(group, topic, partition):
    key = offset_key(group, topic, partition)
    assert key_version(key) == 1
    assert read_offset_key(key) == (group, topic, partition)


@given(longs, st.integers(-1, 2**31 - 1), st.text(max_size=300), longs, st.binary(min_size=16, max_size=16))
def test_values_read_back(offset, epoch, metadata, commit_ms, topic_id):
    committed = CommittedOffset(offset, epoch, metadata, commit_ms, -1, topic_id)
    assert read_offset_value(offset_value(committed)) == committed


@given(longs, texts, longs, longs)
def test_an_expiry_is_kept_in_version_1(offset, metadata, commit_ms, expire_ms):
    committed = CommittedOffset(offset, -1, metadata, commit_ms, expire_ms)
    value = offset_value(committed)
    assert value[:2] == b"\x00\x01"
    assert read_offset_value(value) == committed


def test_old_versions():
    assert read_offset_value(pack(">hqh2sq", 0, 5, 2, b"md", 99)) == CommittedOffset(5, -1, "md", 99)
    assert read_offset_value(pack(">hqh2sqq", 1, 5, 2, b"md", 99, 100)) == CommittedOffset(5, -1, "md", 99, 100)
    assert read_offset_value(pack(">hqh2sq", 2, 5, 2, b"md", 99)) == CommittedOffset(5, -1, "md", 99)
    assert read_offset_value(pack(">hqih2sq", 3, 5, 8, 2, b"md", 99)) == CommittedOffset(5, 8, "md", 99)


def test_unknown_tags_are_skipped():
    value = KAFKA_VALUE[:-19] + b"\x02" + KAFKA_VALUE[-18:] + b"\x09\x03abc"
    assert read_offset_value(value) == read_offset_value(KAFKA_VALUE)


@given(st.sampled_from([KAFKA_VALUE, offset_value(CommittedOffset(1, expire_ms=5))]), st.data())
def test_cut_values_are_malformed(value, data):
    cut = value[: data.draw(st.integers(0, len(value) - 1))]
    with pytest.raises(MalformedRecordError):
        read_offset_value(cut)


@given(st.binary(max_size=60))
def test_noise_raises_nothing_else(noise):
    for read in (key_version, read_offset_key, read_offset_value):
        try:
            read(noise)
        except MalformedRecordError:
            pass
