"""A ring beside a deque: what goes in comes out, whole and in order, whatever its size and wherever it wraps."""

from __future__ import annotations

import mmap
from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odradek.smp.errors import MessageTooLargeError, RingCorruptError
from odradek.smp.ring import CAPACITY_MIN, HEADER_BYTES, RingReader, RingWriter, record_bytes_max, reset, ring_bytes


def make(capacity: int = CAPACITY_MIN) -> memoryview:
    return memoryview(bytearray(ring_bytes(capacity)))


def pattern(size: int, seed: int) -> bytes:
    return bytes((seed + at) & 0xFF for at in range(size))


class DequeRing:
    """What a ring holds, and how much of its data is in use, counted from the format's description."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.records: deque[tuple[bytes, int]] = deque()
        self.position = 0

    @property
    def used(self) -> int:
        return sum(taken for _, taken in self.records)

    def try_write(self, record: bytes) -> bool:
        need = -(-(len(record) + 4) // 8) * 8
        room_to_end = self.capacity - self.position % self.capacity
        taken = need if need <= room_to_end else room_to_end + need
        if self.used + taken > self.capacity:
            return False
        self.records.append((record, taken))
        self.position += taken
        return True


sizes = st.one_of(st.integers(0, 40), st.integers(0, 508), st.sampled_from([507, 508, 244, 252, 500]))
moves = st.lists(st.one_of(sizes, st.just("read"), st.just("read"), st.just("again")), max_size=60)


@given(moves, st.integers(0, 200))
def test_as_a_deque(moves, start):
    memory, model = make(), DequeRing(CAPACITY_MIN)
    writer, reader = RingWriter(memory), RingReader(memory)
    for _ in range(start):  # so that it wraps anywhere
        assert writer.try_write(b"") and model.try_write(b"")
        assert reader.read() is not None
        reader.advance()
        model.records.popleft()
    for seed, move in enumerate(moves):
        if isinstance(move, int):
            record = pattern(move, seed)
            assert writer.try_write(record) == model.try_write(record)
        elif move == "again":  # another process that maps the ring finds it as it is
            writer, reader = RingWriter(memory), RingReader(memory)
        else:
            found = reader.read()
            assert found == (model.records[0][0] if model.records else None)
            if found is not None:
                assert reader.read() == found  # until it is given back
                reader.advance()
                model.records.popleft()
        assert reader.waiting == bool(model.records)
        assert writer.used == model.used


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 127))
def test_every_size_fits_an_empty_ring_wherever_it_stands(step):
    memory = make()
    writer, reader = RingWriter(memory), RingReader(memory)
    for size in range(record_bytes_max(CAPACITY_MIN) + 1):
        for record in (pattern(size, size), pattern(step, 1)):
            assert writer.try_write(record)
            assert reader.read() == record
            reader.advance()
        assert writer.used == 0


def test_memory_that_is_mapped_twice():
    with mmap.mmap(-1, ring_bytes(4096)) as shared:
        ends = memoryview(shared), memoryview(shared)
        writer, reader = RingWriter(ends[0]), RingReader(ends[1])
        assert writer.try_write(b"across")
        record = reader.read()
        assert record is not None and bytes(record) == b"across"
        del record, writer, reader
        for end in ends:
            end.release()


def test_a_record_that_no_ring_of_this_size_takes():
    with pytest.raises(MessageTooLargeError, match=r"a record of 509 bytes; a ring of 1024 bytes takes 508 \(ring_capacity\)"):
        RingWriter(make()).try_write(bytes(509))


@pytest.mark.parametrize("capacity", [0, 512, 1032, 3072])
def test_capacities_are_powers_of_two(capacity):
    with pytest.raises(ValueError, match=f"power of two of at least 1024 bytes, not {capacity}"):
        RingReader(make(capacity))


def test_emptied_whatever_it_held():
    memory = make()
    assert RingWriter(memory).try_write(b"left by a shard that died")
    reset(memory)
    assert RingReader(memory).read() is None


def tail_and_head(memory: memoryview) -> memoryview:
    return memory[:HEADER_BYTES].cast("Q")


@pytest.mark.parametrize("size", [5, 1020, 0xFFFFFFFE, 0xFFFFFFFF])
def test_a_size_that_reaches_beyond_what_was_written(size):
    memory = make()
    assert RingWriter(memory).try_write(b"four")
    memory[HEADER_BYTES:].cast("I")[0] = size
    if size == 0xFFFFFFFF:
        memory[HEADER_BYTES + 4 :][:4] = b"\xff" * 4
    with pytest.raises(RingCorruptError, match="reaches beyond the ring's tail"):
        RingReader(memory).read()


def test_a_record_that_goes_on_behind_the_end_of_the_data():
    memory = make()
    words = tail_and_head(memory)
    words[0], words[8] = 1024 + 504, 1016
    memory[HEADER_BYTES:].cast("I")[1016 // 4] = 500
    with pytest.raises(RingCorruptError, match="1024 bytes"):
        RingReader(memory).read()


def test_a_tail_that_has_gone_back():
    memory = make()
    words = tail_and_head(memory)
    words[0], words[8] = 8, 64
    with pytest.raises(RingCorruptError, match="a record of 0 bytes at 64 reaches beyond the ring's tail, 8"):
        RingReader(memory).read()
