"""The fault contract of `memory_disk`, checked against every version that each sector has had.

The model remembers the whole history; the disk under test only what it needs. For each sector after a cut, its bytes must be
those of a version since the last sync, or zeros.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from odradek.aio.memory_disk import SECTOR_SIZE, Change, Inode, Truncation, Write, apply
from odradek.aio.power_cut import surviving_bytes
from odradek.base.prng import seeded

writes = st.builds(
    lambda position, size, fill: Write(position, bytes([fill]) * size),
    st.integers(0, 1500),
    st.integers(1, 1500),
    st.integers(1, 255),
)
truncations = st.builds(Truncation, st.integers(0, 2500))
histories = st.lists(st.one_of(writes, writes, writes, truncations), max_size=8)


def versions(changes: list[Change], start: bytes) -> list[bytes]:
    """Every content the file has had, the first one included."""
    content = bytearray(start)
    seen = [bytes(content)]
    for change in changes:
        apply(change, content)
        seen.append(bytes(content))
    return seen


def sector(content: bytes, start: int, size: int) -> bytes:
    """A sector as the platter has it, cut at `size`: zeros where the file does not reach."""
    return content[start : min(start + SECTOR_SIZE, size)].ljust(min(SECTOR_SIZE, size - start), b"\0")


@given(histories, histories, st.integers())
def test_each_sector_holds_a_version_since_the_last_sync_or_zeros(before: list[Change], after: list[Change], seed: int):
    inode = Inode()
    for change in before:
        inode.change(change)
    inode.settle(inode.mark())
    synced = bytes(inode.content)
    assert inode.stable == synced
    for change in after:
        inode.change(change)
    survived = bytes(surviving_bytes(inode.stable, inode.pending, seeded(seed)))
    allowed = versions(after, synced)
    assert len(survived) <= max(map(len, allowed))
    for start in range(0, len(survived), SECTOR_SIZE):
        found = sector(survived, start, len(survived))
        possible = {sector(version, start, len(survived)) for version in allowed} | {bytes(len(found))}
        assert _cut_to_any_length(found, possible)


def _cut_to_any_length(found: bytes, possible: set[bytes]) -> bool:
    """The last sector may be cut by a size that a later truncation set: then its tail is zeros or missing."""
    return any(found.rstrip(b"\0") == version[: len(found.rstrip(b"\0"))] for version in possible)


@given(histories, st.integers())
def test_synced_bytes_that_nobody_touched_are_never_lost(before: list[Change], seed: int):
    inode = Inode()
    for change in before:
        inode.change(change)
    inode.settle(inode.mark())
    synced = bytes(inode.content)
    end = len(synced)
    for number in range(3):
        inode.change(Write(end + number * 700, b"n" * 700))
    survived = surviving_bytes(inode.stable, inode.pending, seeded(seed))
    assert survived[:end] == synced
    assert set(survived[end:]) <= {0, ord("n")}


@given(histories, st.integers(0, 8), st.integers())
def test_a_sync_covers_what_was_written_before_it_began_and_nothing_later(history: list[Change], begun: int, seed: int):
    inode = Inode()
    mark = 0
    for number, change in enumerate(history):
        if number == begun:
            mark = inode.mark()
        inode.change(change)
    inode.settle(mark)
    assert bytes(inode.stable) == versions(history, b"")[min(mark, len(history))]
    assert versions(inode.pending, bytes(inode.stable))[-1] == bytes(inode.content)


def test_every_fate_is_drawn():
    pending = [Write(0, b"a" * 1024), Write(1024, b"b" * 1024)]
    found = {bytes(surviving_bytes(b"", pending, seeded(seed))) for seed in range(300)}
    whole = b"a" * 1024 + b"b" * 1024
    assert b"" in found and whole in found
    assert b"a" * 512 in found  # torn
    assert bytes(1024) + b"b" * 1024 in found  # reordered: the second write without the first
    assert bytes(2048) in found  # the size without the bytes


def test_nothing_written_after_a_lost_truncation_survives():
    for seed in range(300):
        survived = surviving_bytes(b"s" * 2048, [Truncation(512), Write(512, b"n" * 512)], seeded(seed))
        assert b"n" not in survived or len(survived) <= 1024
