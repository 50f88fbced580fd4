"""Which bytes of an arena are free, beside a model that knows nothing of buddies: a byte map."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.base.errors import InvariantError
from odradek.smp.buddy import BuddyAllocator

BLOCK_MIN = 16


def rounded(size: int) -> int:
    """What a block of `size` bytes takes."""
    block = BLOCK_MIN
    while block < size:
        block *= 2
    return block


class ByteMap:
    """One flag per byte; a fitting place is looked for everywhere that a block of its size may lie."""

    def __init__(self, size: int) -> None:
        self.taken = [False] * size

    def fits(self, block: int) -> bool:
        size = len(self.taken)
        return any(not any(self.taken[start : start + block]) for start in range(0, size - block + 1, block))

    def take(self, start: int, block: int) -> None:
        assert not any(self.taken[start : start + block]), "handed out twice"
        self.taken[start : start + block] = [True] * block

    def give_back(self, start: int, block: int) -> None:
        self.taken[start : start + block] = [False] * block


steps = st.lists(
    st.one_of(st.tuples(st.just("allocate"), st.integers(0, 600)), st.tuples(st.just("release"), st.integers(0, 40)))
)


@given(st.sampled_from([16, 32, 128, 512]), steps)
def test_finds_a_place_exactly_when_there_is_one(size, steps):
    buddy, model = BuddyAllocator(size, BLOCK_MIN), ByteMap(size)
    blocks: list[tuple[int, int]] = []
    for step, number in steps:
        if step == "allocate":
            block = rounded(number)
            offset = buddy.allocate(number)
            assert (offset is not None) == model.fits(block)
            if offset is not None:
                assert offset % block == 0 and offset + block <= size
                model.take(offset, block)
                blocks.append((offset, block))
        elif blocks:
            offset, block = blocks.pop(number % len(blocks))
            buddy.release(offset)
            model.give_back(offset, block)
        assert (buddy.used, buddy.blocks) == (sum(model.taken), len(blocks))
    for offset, _ in blocks:
        buddy.release(offset)
    assert buddy.allocate(size) == 0  # everything has melted into one again


@pytest.mark.parametrize(("size", "block"), [(0, 16), (1, 16), (16, 16), (17, 32), (32, 32), (33, 64), (64, 64), (65, 128)])
def test_blocks_are_rounded_up_to_powers_of_two(size, block):
    buddy = BuddyAllocator(128, 16)
    assert buddy.allocate(size) is not None
    assert buddy.used == block


def test_a_block_is_released_once():
    buddy = BuddyAllocator(64, 16)
    offset = buddy.allocate(16)
    assert offset is not None
    buddy.release(offset)
    for wrong in (offset, 16, 64):
        with pytest.raises(InvariantError, match="a block is released once"):
            buddy.release(wrong)


@pytest.mark.parametrize(("size", "block_min"), [(100, 16), (64, 12), (8, 16), (0, 16), (64, 0)])
def test_only_powers_of_two(size, block_min):
    with pytest.raises(ValueError, match="powers of two"):
        BuddyAllocator(size, block_min)
