"""What the bytes of a segment say after a crash."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_house import make_batch

from odradek.log.recovery_scan import (
    SECTOR,
    Fault,
    Finding,
    SegmentScan,
    holds_zero_sector,
    is_unwritten,
    judge,
)
from odradek.records.batch import BatchHeader, patch


def stored(*bases: int) -> bytes:
    made = []
    for base in bases:
        batch = make_batch(b"v" * 40)
        patch(batch, 0, base, 0)
        made.append(bytes(batch))
    return b"".join(made)


def scan(content: bytes, chunk: int = 1 << 20, base_offset: int = 0) -> tuple[SegmentScan, list[int]]:
    seen: list[int] = []

    def visit(position: int, header: BatchHeader, batch: memoryview) -> None:
        assert content[position : position + header.size] == batch
        seen.append(header.base_offset)

    walk = SegmentScan(base_offset, len(content), visit)
    while not walk.done:
        walk.feed(content[walk.position : walk.position + max(chunk, walk.wanted)])
    return walk, seen


@given(st.integers(1, 400))
def test_a_scan_sees_the_same_whatever_the_chunks(chunk: int):
    content = stored(0, 1, 2, 5)
    walk, seen = scan(content, chunk)
    assert (seen, walk.next_offset, walk.fault) == ([0, 1, 2, 5], 6, None)


@given(st.integers(0, 400))
def test_a_scan_stops_where_the_bytes_end(size: int):
    content = stored(0, 1, 2)
    walk, seen = scan(content[:size])
    whole = size // (len(content) // 3)
    assert seen == [0, 1, 2][:whole]
    assert (walk.fault is not None) == (size < len(content) and size % (len(content) // 3) != 0)
    assert walk.fault is None or walk.fault.beyond_end


@pytest.mark.parametrize(
    ("content", "base_offset", "reason"),
    [
        (stored(0, 2, 1), 0, "offsets only rise"),
        (stored(3), 4, "offsets only rise"),
        (stored(2**31), 0, "too far above"),
        (stored(0) + bytes(200), 0, "zeros"),
        (stored(0)[:-1] + b"?", 0, "checksum"),
    ],
)
def test_what_a_scan_calls_a_fault(content: bytes, base_offset: int, reason: str):
    walk, _ = scan(content, base_offset=base_offset)
    assert walk.fault is not None
    assert reason in walk.fault.reason


def test_a_fault_is_torn_a_hole_or_damage():
    fault = Fault(100, 10, "?")
    assert judge(fault, recovery_point=0, valid_after=False, gap=False) is Finding.TORN
    assert judge(fault, recovery_point=10, valid_after=False, gap=True) is Finding.TORN
    assert judge(fault, recovery_point=11, valid_after=False, gap=True) is Finding.DAMAGE
    assert judge(fault, recovery_point=0, valid_after=True, gap=True) is Finding.HOLE
    assert judge(fault, recovery_point=0, valid_after=True, gap=False) is Finding.DAMAGE


def test_zeroed_sectors_count_where_the_disk_has_them():
    assert holds_zero_sector(bytes(SECTOR), 0)
    assert not holds_zero_sector(bytes(SECTOR), 1)
    assert holds_zero_sector(b"x" * 10 + bytes(2 * SECTOR), 1024)
    assert not holds_zero_sector(b"x" * 10 + bytes(SECTOR), 1024)


def test_the_rest_of_a_sector_was_never_written_when_no_batch_could_begin_so():
    assert is_unwritten(bytes(12), 0)
    assert not is_unwritten(bytes(11), 0)
    assert not is_unwritten(bytes(7), 5)
    assert is_unwritten(bytes(8), 5)
    assert not is_unwritten(b"\0" * 20 + b"\1", 0)
