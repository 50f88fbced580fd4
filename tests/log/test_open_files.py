"""Which files stay open."""

from __future__ import annotations

import asyncio

import pytest
from log_house import Disk, a_log, append, batches, extent, make_batch

from odradek.log.config import LogConfig
from odradek.log.manager_settings import ManagerSettings
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


LIMIT = 8


@pytest.mark.parametrize("at_once", [1, 20])
def test_many_partitions_take_records_faster_than_they_are_flushed(disk: Disk, at_once: int):
    """Files can't be closed before a flush: who would open too many waits for one. Nobody's is closed under his hands."""

    async def story() -> None:
        async with a_log(disk, settings=ManagerSettings(max_open_segments=LIMIT)) as house:
            files, most = house.log.surroundings.open_files, 0
            logs = [await house.manager.open_or_create("many", number, b"\1" * 16, LogConfig()) for number in range(60)]
            for _ in range(2):
                for first in range(0, len(logs), at_once):
                    some = logs[first : first + at_once]
                    await asyncio.gather(*(append(log, make_batch(b"v")) for log in some))
                    most = max(most, len(files))
            assert most <= LIMIT + LIMIT // 4 + at_once
            for log in logs:
                assert log.offline_reason is None
                assert extent(await batches(log)) == [(0, 0), (1, 1)]

    asyncio.run(story())


def test_a_file_that_goes_is_out_of_its_segment_before_another_is_closed():
    closed: list[int] = []

    class Opened:
        def __init__(self, number: int) -> None:
            self.number = number

        async def close(self) -> None:
            await asyncio.sleep(0)
            closed.append(self.number)
            assert [segment.file for segment in segments] == [None, None]

    files = OpenFiles(0, 100)
    segments = [Segment("/d", base) for base in range(2)]
    for segment in segments:
        segment.file = Opened(segment.base_offset)  # type: ignore[assignment]
        files.admit(segment)
    asyncio.run(files.close_idle())
    assert closed == [0, 1]
