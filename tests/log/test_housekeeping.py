"""Housekeeping over many logs: what fails for one is no reason to pass over the others."""

from __future__ import annotations

import asyncio

import pytest
from log_house import NOW, TOPIC_ID, Disk, a_log, put

from odradek.log import names
from odradek.log.log import Log


def test_a_log_that_fails_does_not_keep_the_others_from_their_turn(monkeypatch: pytest.MonkeyPatch):
    """The first in line cannot open its files; the one behind it is cut and flushed as its rules say."""
    opened = Log.prepare

    async def prepare(log: Log, segment: object) -> None:
        if log.partition == 0:
            raise PermissionError(13, "Permission denied")
        await opened(log, segment)  # type: ignore[arg-type]

    async def story() -> None:
        async with a_log(Disk(), retention_ms=1000, flush_ms=1000) as house:
            other = await house.manager.open_or_create("other", 1, TOPIC_ID, house.log.config)
            for log in (house.log, other):
                await put(log, b"v")
            for segment in house.log.segments:
                segment.max_timestamp = -1  # as after a start: retention has to read it
            house.clock.advance(2000)
            with monkeypatch.context() as patched:
                patched.setattr(Log, "prepare", prepare)
                assert await house.manager.housekeeping.run_retention() == 1
            assert (other.log_start_offset, house.log.log_start_offset) == (1, 0)
            await put(other, b"w", timestamp=NOW + 2000)
            house.clock.advance(2000)
            await house.manager.housekeeping.run_flushes()
            assert other.durable_offset == other.log_end_offset == 2

    asyncio.run(story())


def test_a_partition_set_aside_keeps_its_data_and_its_name_is_free():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk) as house:
            await put(house.log, b"precious")
            await house.manager.set_aside("events", 0)
            assert house.manager.logs == {}
        (stray,) = [name for name in await disk.names_of_directory() if names.is_stray_directory(name)]
        assert b"precious" in await disk.memory.read_bytes(f"{disk.directory}/{stray}/{names.segment_file(0, names.LOG)}")
        async with a_log(disk) as house:
            assert list(house.manager.logs) == [("events", 0)]
            assert house.log.log_end_offset == 0
        assert stray in await disk.names_of_directory()

    asyncio.run(story())
