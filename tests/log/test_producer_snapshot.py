"""Producer snapshots: Kafka's bytes, what they keep and drop, and which file serves which log."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.log.producer_snapshot import CorruptSnapshot, decode, encode, strays, usable
from odradek.log.producer_state import BatchMetadata, ProducerEntry

# Written by Apache Kafka 4.3.1 in the middle of a transaction of producer 10 that began at offset 0.
KAFKAS = bytes.fromhex(
    "0001 571e5494 00000001 000000000000000a 0000 0000038f 000000000000038f 00000007 000001a20d33c801 ffffffff 0000000000000000"
)

int32, int64 = st.integers(-1, 0x7FFFFFFF), st.integers(0, (1 << 63) - 1)
batches = st.lists(st.builds(BatchMetadata, st.integers(0, 0x7FFFFFFF), int64, st.integers(0, 100), int64), max_size=5)
entries = st.builds(
    ProducerEntry,
    int64,
    st.integers(-1, 0x7FFF),
    coordinator_epoch=int32,
    last_timestamp=int64,
    transaction_first_offset=st.integers(-1, 1 << 62),
    batches=batches,
)


def test_an_empty_snapshot() -> None:
    assert encode([]).hex() == "000148674bc700000000"
    assert decode(encode([])) == []


def test_a_snapshot_of_apache_kafka() -> None:
    (entry,) = decode(KAFKAS)
    assert (entry.producer_id, entry.epoch, entry.coordinator_epoch, entry.transaction_first_offset) == (10, 0, -1, 0)
    assert entry.batches == [BatchMetadata(911, 911, 7, entry.last_timestamp)]
    assert encode([entry]) == KAFKAS


@given(st.lists(entries, max_size=5))
def test_all_is_kept_but_the_older_batches(producers: list[ProducerEntry]) -> None:
    data = encode(producers)
    for before, after in zip(producers, decode(data), strict=True):
        last = before.batches[-1:]
        assert after.batches == [batch._replace(timestamp=before.last_timestamp) for batch in last]
        after.batches = before.batches
        assert repr(after) == repr(before)


@given(st.lists(entries, min_size=1, max_size=3), st.data())
def test_a_changed_byte_is_always_noticed(producers: list[ProducerEntry], data: st.DataObject) -> None:
    changed = bytearray(encode(producers))
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CorruptSnapshot):
        decode(bytes(changed))


def test_a_cut_file_is_always_noticed() -> None:
    for end in range(len(KAFKAS)):
        with pytest.raises(CorruptSnapshot):
            decode(KAFKAS[:end])
    with pytest.raises(CorruptSnapshot):
        decode(KAFKAS + b"\0")


def test_which_snapshots_serve_a_log() -> None:
    assert usable([0, 10, 20, 30, 41], log_start_offset=10, log_end_offset=40) == [30, 20]
    assert usable([], log_start_offset=0, log_end_offset=0) == []


def test_which_snapshots_nobody_owns() -> None:
    assert strays([0, 10, 15, 20], [0, 10, 20]) == [15]
    assert strays([10, 15, 20, 35], [0, 10, 20]) == [15], "the newest, written at the log's end by a clean shutdown, stays"
    assert strays([10, 15, 25, 35], [0, 10, 20]) == [15, 25]
    assert strays([5], []) == []
