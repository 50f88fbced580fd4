"""What follows a fault: real batches, found wherever they begin; batches within a value, not taken for any."""

from __future__ import annotations

import struct

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from log_house import make_batch

from odradek.log import followers
from odradek.log.followers import follower
from odradek.log.recovery_scan import SegmentScan
from odradek.records.batch import patch
from odradek.records.header import HEADER_SIZE


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


# -- values made to deceive ---------------------------------------------------------------------------------------------


def header(at: int, end: int, base: int, next_offset: int, epoch: int = 0) -> bytes:
    """A header alone, at a position in the file, whose batch would end at `end`."""
    made = bytearray(stored(base, b"", epoch)[:HEADER_SIZE])
    struct.pack_into(">i", made, 8, end - at - 12)
    struct.pack_into(">i", made, 23, next_offset - 1 - base)
    return bytes(made)


def test_headers_that_claim_to_end_where_real_batches_end_hide_none_of_them():
    behind = [stored(1), stored(2), stored(3)]
    size = len(stored(0, bytes(200 + 3 * HEADER_SIZE)))
    at, end, value = stored(0, bytes(200 + 3 * HEADER_SIZE)).index(bytes(200)) + 200, size, b"A" * 200
    for batch in behind:
        end += len(batch)
        value += header(at, end, 5, 9)
        at += HEADER_SIZE
    spoilt = bytearray(stored(0, value) + b"".join(behind))
    spoilt[120] ^= 1
    assert found(bytes(spoilt)) == size


def test_more_claims_to_one_end_than_anybody_honest_makes_are_taken_for_followers():
    size = len(stored(0, bytes(100 * HEADER_SIZE)))
    at = stored(0, bytes(100 * HEADER_SIZE)).index(bytes(100 * HEADER_SIZE))
    value = b"".join(header(at + number * HEADER_SIZE, size, 5, 9) for number in range(100))
    assert found(stored(0, value)[:-1]) is None
    assert found(stored(0, value)[:-3] + b"???") is not None, "nothing is cut"


def test_the_batch_where_a_spoilt_one_claims_to_end_needs_no_further_proof():
    """What comes behind it may be spoilt too, so that its run leads nowhere."""
    content = bytearray(stored(0) + stored(1) + stored(2))
    content[-5] ^= 1
    content[2 * len(stored(0)) + 16] ^= 8  # magic
    content[70] ^= 1
    assert found(bytes(content)) == len(stored(0))


SIZES = st.integers(0, 120)


@st.composite
def forged_value(draw: st.DrawFn, next_offset: int, position: int, ends: list[int]) -> tuple[bytes, list[int]]:
    """Fillers, whole batches that would fit, and headers that point to places worth pointing to; where runs of it end.

    `position` is about where the value will lie, which whoever makes it may know.
    """
    value, offset, whole_ends = b"", next_offset, []
    for kind in draw(st.lists(st.sampled_from(["filler", "zeros", "batch", "run on", "header"]), max_size=8)):
        at = position + len(value)
        if kind in ("filler", "zeros"):
            value += (b"A" if kind == "filler" else b"\0") * draw(SIZES)
        elif kind == "header":
            end = draw(st.sampled_from([*ends, at + HEADER_SIZE, at + 500, at + 5000]))
            value += header(at, max(end, at + HEADER_SIZE), offset, offset + draw(st.integers(1, 5)))
        else:
            offset = next_offset if kind == "batch" else offset
            value += stored(offset, b"i" * draw(SIZES))
            offset += 1
            whole_ends.append(len(value))
    return value, whole_ends


@st.composite
def deceitful_log(draw: st.DrawFn) -> tuple[list[bytes], list[int]]:
    """Two batches or more; where in the last one's value runs of whole batches end."""
    count = draw(st.integers(2, 5))
    sizes = [draw(SIZES) for _ in range(count)]
    batches: list[bytes] = []
    ends: list[int] = []
    for base in range(count):
        position = sum(map(len, batches))
        likely = [position + sum(len(stored(0, b"v" * size)) for size in sizes[:n]) for n in range(1, count)]
        begins = position + len(stored(0, b"")) + 2
        value, ends = draw(forged_value(base + 1, begins, likely))
        batches.append(stored(base, value + b"v" * sizes[base]))
        where = batches[-1].index(value) if value else 0
        ends = [sum(map(len, batches[:-1])) + where + end for end in ends]
    return batches, ends


@given(deceitful_log(), st.data())
def test_no_value_hides_that_something_follows(log: tuple[list[bytes], list[int]], data: st.DataObject):
    """A bit that has changed in a batch with whole ones behind it: whatever the values hold, nothing would be cut."""
    batches, _ = log
    spoilt = data.draw(st.integers(0, len(batches) - 2))
    at = data.draw(st.sampled_from([*range(8, 12), *range(16, 23), *range(23, len(batches[spoilt]))]))
    content = bytearray(b"".join(batches))
    content[len(b"".join(batches[:spoilt])) + at] ^= 1 << data.draw(st.integers(0, 7))
    tail = data.draw(st.sampled_from([b"", bytes(70), stored(len(batches))[:30], stored(len(batches), b"t" * 90)[:-1]]))
    assert found(bytes(content) + tail) is not None


@given(deceitful_log(), st.data())
def test_no_value_makes_a_torn_tail_look_like_damage_but_for_a_run_that_ends_with_the_file(
    log: tuple[list[bytes], list[int]], data: st.DataObject
):
    batches, ends = log
    content = b"".join(batches)
    cut = data.draw(st.integers(len(content) - len(batches[-1]) + 1, len(content) - 1))
    assume(cut not in ends)
    assert found(content[:cut]) is None
