"""What follows a fault: real batches, found wherever they begin; batches within a value, not taken for any."""

from __future__ import annotations

import pytest
from log_house import make_batch

from odradek.log import followers
from odradek.log.followers import follower
from odradek.log.recovery_scan import SegmentScan
from odradek.records.batch import patch


def stored(base: int, value: bytes = b"v" * 40, epoch: int = 0) -> bytes:
    batch = make_batch(value)
    patch(batch, 0, base, epoch)
    return bytes(batch)


def found(content: bytes) -> int | None:
    """Where the batch lies that follows the first fault in `content`."""
    scan = SegmentScan(0, len(content), lambda position, header, batch: None)
    while not scan.done:
        scan.feed(content[scan.position :])
    assert scan.fault is not None
    plan = follower(scan.fault, 0, len(content))
    try:
        position, size = next(plan)
        while True:
            position, size = plan.send(content[position : position + size])
    except StopIteration as stop:
        return stop.value


@pytest.mark.parametrize("gap", [1, 2, 17, 60, 61, 500])
def test_a_batch_is_found_at_any_position(gap: int):
    assert found(stored(0) + b"\x02" * gap + stored(1)) == len(stored(0)) + gap


def test_offsets_and_epochs_must_fit():
    start = stored(5, epoch=3)
    assert found(start + b"?" * 70 + stored(5, epoch=3)) is None
    assert found(start + b"?" * 70 + stored(6, epoch=2)) is None
    assert found(start + b"?" * 70 + stored(6, epoch=3)) == len(start) + 70


@pytest.mark.parametrize("at", range(len(stored(0))))
def test_a_flipped_byte_anywhere_leaves_the_followers_found(at: int):
    spoilt = bytearray(stored(0) + stored(1) + stored(2))
    spoilt[at] ^= 0x41
    if 0 <= at < 8 or 12 <= at < 16:
        return  # base offset and epoch lie outside the checksum: no fault, or one of order
    assert found(bytes(spoilt)) in (len(stored(0)), 2 * len(stored(0)))


@pytest.mark.parametrize("cut", range(1, 1700, 61))
@pytest.mark.parametrize("inner", [1, 5])
def test_a_batch_within_a_torn_value_is_no_follower(cut: int, inner: int):
    value = b"A" * 700 + stored(7) * inner + b"B" * 700
    content = stored(0) + stored(1, value)
    kept = content[:-cut]
    assert len(kept) <= len(stored(0)) or found(kept) is None


def test_a_batch_within_the_value_of_a_spoilt_last_batch_is_no_follower():
    content = bytearray(stored(0) + stored(1, b"A" * 300 + stored(7) + b"B" * 300))
    content[len(stored(0)) + 100] ^= 1
    assert found(bytes(content)) is None
    assert found(bytes(content) + stored(2)) == len(content)


def test_a_batch_larger_than_a_window_is_found(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(followers, "WINDOW", 200)
    assert found(stored(0) + b"?" * 333 + stored(1, b"v" * 5000)) == len(stored(0)) + 333


def test_followers_count_up_to_a_further_tear():
    start, rest = stored(0) + b"?" * 80, stored(1) + stored(2)
    for tail in (stored(3)[:-1], stored(3)[:30], stored(3)[:7], bytes(600)):
        assert found(start + rest + tail) == len(start)
