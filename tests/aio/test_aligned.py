"""Aligned buffers: where they begin, how they are kept, and that there are never more than the limit."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.aio.aligned import ALIGNMENT, SIZE_MAX, BufferPool, rounded_size
from odradek.base.errors import InvariantError


@given(st.integers(1, SIZE_MAX))
def test_sizes_are_powers_of_two_that_hold_what_was_asked(size):
    rounded = rounded_size(size)
    assert size <= rounded and (rounded == ALIGNMENT or rounded < 2 * size) and rounded & (rounded - 1) == 0


def test_buffers_begin_at_pages_and_are_lent_again():
    async def story():
        pool = BufferPool(SIZE_MAX)
        one, other = await pool.lend(5000), await pool.lend(1)
        assert (one.size, other.size) == (8192, 4096)
        assert one.address % ALIGNMENT == other.address % ALIGNMENT == 0
        one.view[:3] = b"odr"
        pool.give_back(one)
        again = await pool.lend(8192)
        assert again is one and bytes(again.view[:3]) == b"odr"

    asyncio.run(story())


def test_who_finds_all_lent_waits():
    async def story():
        pool = BufferPool(SIZE_MAX)
        whole = await pool.lend(SIZE_MAX)
        waiting = asyncio.create_task(pool.lend(1))
        await asyncio.sleep(0)
        assert not waiting.done() and pool.statistics().waiting == 1
        pool.give_back(whole)
        small = await waiting
        assert pool.statistics().lent == ALIGNMENT and pool.statistics().kept == 0, "the large one had to go"
        pool.give_back(small)

    asyncio.run(story())


@given(st.lists(st.one_of(st.integers(1, SIZE_MAX), st.none()), max_size=60))
def test_lent_and_kept_stay_within_the_limit(steps):
    """A number lends as much, None gives the oldest back."""

    async def story():
        pool = BufferPool(2 * SIZE_MAX)
        out = []
        for size in steps:
            if size is None:
                if out:
                    pool.give_back(out.pop(0))
            elif pool.statistics().lent + rounded_size(size) <= 2 * SIZE_MAX:
                out.append(await pool.lend(size))
            view = pool.statistics()
            assert view.lent == sum(buffer.size for buffer in out)
            assert view.lent + view.kept <= view.limit
        assert len({buffer.address for buffer in out}) == len(out)

    asyncio.run(story())


def test_what_is_given_back_twice_is_a_defect():
    async def story():
        pool = BufferPool(SIZE_MAX)
        buffer = await pool.lend(1)
        pool.give_back(buffer)
        with pytest.raises(InvariantError, match="given back once"):
            pool.give_back(buffer)

    asyncio.run(story())


def test_a_pool_that_is_too_small_is_refused():
    with pytest.raises(ValueError, match=f"at least one of {SIZE_MAX} bytes, not 4096"):
        BufferPool(4096)
