"""Which files stay open."""

from __future__ import annotations

from odradek.log.open_files import OpenFiles
from odradek.log.segment import Segment


def test_open_files_go_by_second_chance_and_not_while_they_are_needed():
    class Opened(Segment):
        """A segment that only looks open."""

        __slots__ = ()

    files = OpenFiles(2, 100)
    segments = [Opened("/d", base) for base in range(4)]
    for segment in segments:
        segment.file = object()  # type: ignore[assignment]
        files.admit(segment)
    segments[0].used = True
    segments[1].dirty = True
    segments[2].lease.holders = 1
    assert files.take_idle() == [segments[3], segments[0]]
    segments[1].dirty = False
    files.admit(segments[3])
    assert files.take_idle() == [segments[1]]
