"""Housekeeping over many logs: what fails for one is no reason to pass over the others."""

from __future__ import annotations

import asyncio

import pytest
from log_house import NOW, TOPIC, TOPIC_ID, Disk, a_log, batches, extent, put

from odradek.log import names
from odradek.log.config import LogConfig
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


def test_recovered_logs_are_saved_before_the_end_and_the_end_has_nothing_to_write(monkeypatch: pytest.MonkeyPatch):
    async def story() -> None:
        disk = Disk()
        async with a_log(disk, clean=False) as house:
            others = [await house.manager.open_or_create("many", number, b"\1" * 16, LogConfig()) for number in range(150)]
            for log in (house.log, *others):
                await put(log, b"a")
        async with a_log(disk, clean=False) as house:
            keeping = house.manager.housekeeping
            assert [await keeping.run_saving() for _ in range(3)] == [100, 51, 0]
            assert "00000000000000000001.snapshot" in await disk.names()
            await put(house.log, b"b")
            await put(house.manager.logs["many", 7], b"b")
            assert extent(await batches(house.log)) == [(0, 0), (1, 1)]
            written: list[str] = []
            write = disk.memory.write_atomically

            async def counted(path: str, data: bytes, **options: bool) -> None:
                written.append(path)
                await write(path, data, **options)

            monkeypatch.setattr(disk.memory, "write_atomically", counted)
            await house.manager.close()
            of_partitions = {path.rpartition("/")[0] for path in written} - {disk.directory}
            assert of_partitions == {f"{disk.directory}/{TOPIC}-0", f"{disk.directory}/many-7"}
        async with a_log(disk) as house:
            assert house.manager.clean
            assert extent(await batches(house.log)) == [(0, 0), (1, 1)]
            assert house.log.recovery is not None and house.log.recovery.clean

    asyncio.run(story())
