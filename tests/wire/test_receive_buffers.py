"""Who gets which memory to read into, and what becomes of it afterwards."""

from __future__ import annotations

from odradek.wire.receive_buffers import BUFFER_SIZE, KEEP_SIZE, KEPT_SIZE, ReceiveBuffers, allocate, is_free


class Reader:
    def __init__(self) -> None:
        self.left = 0

    def leave_common(self) -> None:
        self.left += 1


def test_whoever_had_the_common_buffer_is_told_when_somebody_else_gets_it() -> None:
    memory, one, two = ReceiveBuffers(), Reader(), Reader()
    memory.common_for(one)
    memory.common_for(one)
    assert one.left == 0
    memory.common_for(two)
    memory.common_for(one)
    assert (one.left, two.left) == (1, 1)


def test_what_is_looked_at_is_not_lent_again_reading_goes_on_behind_it() -> None:
    memory, reader = ReceiveBuffers(), Reader()
    assert memory.common_for(reader) == 0
    first = memory.common
    held = memoryview(first)[:100]
    memory.used = 100
    assert memory.common_for(reader) == 100 and memory.common is first
    memory.used = BUFFER_SIZE - 10  # too little room
    assert memory.common_for(reader) == 0 and memory.common is not first
    held.release()
    memory.used = 100
    assert memory.common_for(reader) == 0, "nobody looks"


def test_new_memory_is_as_little_as_may_be_and_memory_that_is_there_is_lent_whole() -> None:
    memory = ReceiveBuffers()
    assert len(memory.lend(1_000_000, 70_000)) == 70_000
    for size in (1_050_000, 1_000_000, 500_000):
        memory.take_back(allocate(size))
    assert len(memory.lend(900_000, 70_000)) == 1_000_000, "the smallest that fits"
    assert len(memory.lend(900_000, 70_000)) == 1_050_000
    assert len(memory.lend(900_000, 70_000)) == 70_000
    assert memory.kept_size == 500_000
    assert len(memory.lend(100, 100)) == 100, "large buffers are for large frames"


def test_a_kept_buffer_that_is_still_looked_at_is_not_lent() -> None:
    memory = ReceiveBuffers()
    buffer = memory.lend(500_000, 500_000)
    held = memoryview(buffer)
    memory.take_back(buffer)
    assert memory.lend(500_000, 500_000) is not buffer
    held.release()
    assert memory.lend(500_000, 500_000) is buffer


def test_what_is_kept_is_bounded_and_neither_small_nor_huge() -> None:
    memory = ReceiveBuffers()
    memory.take_back(allocate(BUFFER_SIZE))
    memory.take_back(allocate(KEEP_SIZE + 1))
    assert memory.kept_size == 0
    for size in range(KEEP_SIZE - 10, KEEP_SIZE):
        memory.take_back(allocate(size))
        assert memory.kept_size <= KEPT_SIZE
    assert len(memory.lend(KEEP_SIZE - 10, 1)) == KEEP_SIZE - 4, "the oldest have gone"


def test_a_reader_that_has_gone_is_not_told_again() -> None:
    memory, gone, other = ReceiveBuffers(), Reader(), Reader()
    memory.common_for(gone)
    memory.forget(gone)
    memory.forget(other)
    memory.common_for(other)
    assert gone.left == 1


def test_asking_whether_a_buffer_is_free_changes_nothing() -> None:
    buffer = allocate(10)
    assert is_free(buffer)
    with memoryview(buffer):
        assert not is_free(buffer)
    assert is_free(buffer) and len(buffer) == 10
