"""Windows cover what was asked, once, in whole blocks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from odradek.aio.windows import Window, windows

blocks = st.sampled_from([512, 4096])


@given(st.integers(0, 100_000), st.integers(0, 100_000), blocks, st.integers(1, 8))
def test_windows_cover_what_was_asked(position, size, block, blocks_max):
    asked = position
    for window in windows(position, size, block, blocks_max * block):
        assert window.start % block == window.size % block == 0 < window.size <= blocks_max * block
        assert window.start + window.skip == asked and window.skip < block and window.wanted > 0
        assert window.end - block < window.start + window.skip + window.wanted <= window.end
        asked += window.wanted
    assert asked == position + size


@given(st.integers(0, 100_000), st.integers(1, 100_000), blocks)
def test_cut_blocks_are_those_of_which_a_part_is_wanted(position, size, block):
    (window,) = windows(position, size, block, 1 << 20)
    for start in range(window.start, window.end, block):
        whole = position <= start and start + block <= position + size
        assert (start in window.cut_blocks(block)) != whole
    assert window.cut_blocks(block) == sorted(set(window.cut_blocks(block)))


def test_an_aligned_request_is_one_window_without_cut_blocks():
    (window,) = windows(8192, 4096, 4096, 1 << 20)
    assert window == Window(8192, 4096, 0, 4096) and window.cut_blocks(4096) == []
