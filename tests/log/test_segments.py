"""Segments are found by offset."""

from __future__ import annotations

from odradek.log.segment import Segment
from odradek.log.segments import Segments


def test_segments_are_found_by_offset():
    segments = Segments()
    for base in (0, 10, 20):
        segments.add(Segment("/d", base))
    assert [segments.index_of(offset) for offset in (0, 9, 10, 19, 20, 99)] == [0, 0, 1, 1, 2, 2]
    assert [segments.end_of(index, 25) for index in range(3)] == [10, 20, 25]
    assert [segment.base_offset for segment in segments.take_from(10)] == [10, 20]
    assert len(segments) == 1
