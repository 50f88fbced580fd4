"""The log's start and end moved: DeleteRecords, retention, truncation."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from log_house import NOW, Disk, a_log, batches, extent, put

from odradek.aio.memory_storage import MemoryStorage
from odradek.base.clock import ManualClock
from odradek.log.errors import OffsetOutOfRange


def test_delete_records_moves_the_start_within_a_segment_and_it_stays_moved(disk: Disk):
    async def story() -> None:
        async with a_log(disk, clean=False) as house:
            await put(house.log, b"a", b"b", b"c")
            await put(house.log, b"d")
            assert await house.log.delete_records(2) == 2
            assert await house.log.delete_records(1) == 2
            assert extent(await batches(house.log)) == [(0, 2), (3, 3)]
            with pytest.raises(OffsetOutOfRange):
                await house.log.delete_records(5)
        async with a_log(disk) as house:
            assert house.log.log_start_offset == 2
            assert await house.log.delete_records(-1) == 4
        async with a_log(disk) as house:
            assert (house.log.log_start_offset, house.log.log_end_offset) == (4, 4)

    asyncio.run(story())


def test_epochs_follow_the_log_start():
    async def story() -> None:
        async with a_log(Disk()) as house:
            for epoch in range(3):
                await put(house.log, b"a", epoch=epoch)
            await house.log.delete_records(1)
            assert [tuple(entry) for entry in house.log.epochs.entries] == [(1, 1), (2, 2)]

    asyncio.run(story())


@pytest.mark.parametrize(
    ("config", "now_ms", "left"),
    [
        ({"retention_ms": 1000}, NOW + 3500, [3, 4, 5]),
        ({"retention_ms": 1000}, NOW + 60_000, [6]),
        ({"retention_bytes": 2 * 119, "retention_ms": -1}, NOW, [4, 5]),
        ({"retention_ms": -1}, NOW + 10**12, [0, 1, 2, 3, 4, 5]),
        ({"retention_ms": 0, "cleanup_policy": frozenset(("compact",))}, NOW + 10**12, [0, 1, 2, 3, 4, 5]),
    ],
    ids=["by time", "all of them", "by size", "never", "a compacted topic"],
)
def test_retention(config: dict[str, object], now_ms: int, left: list[int]):
    async def story() -> None:
        disk = Disk()
        async with a_log(disk, segment_bytes=150, **config) as house:
            for number in range(6):
                await put(house.log, b"x" * 50, timestamp=NOW + 1000 * number)
            await house.log.retention(now_ms)
            assert [segment.base_offset for segment in house.log.segments] == left
            assert house.log.log_start_offset == left[0]
            assert house.log.log_end_offset == 6
            assert (await put(house.log, b"next", timestamp=now_ms, now_ms=now_ms)).first_offset == 6

    asyncio.run(story())


def test_segments_without_timestamps_age_by_their_files_last_change_also_after_a_restart():
    async def story() -> None:
        clock = ManualClock(NOW)
        disk = Disk(memory=MemoryStorage(clock=clock))
        async with a_log(disk, segment_bytes=150) as house:
            for _ in range(3):
                await put(house.log, b"x" * 50, timestamp=-1)
                clock.advance(1000)
        async with a_log(disk, retention_ms=5000) as house:
            for now_ms, left in ((NOW + 5000, [0, 1, 2]), (NOW + 5001, [1, 2]), (NOW + 6999, [2]), (NOW + 7001, [3])):
                await house.log.retention(now_ms)
                assert [segment.base_offset for segment in house.log.segments] == left

    asyncio.run(story())


def test_on_a_real_disk_the_file_system_tells_the_age(tmp_path: Path):
    async def story() -> None:
        disk = Disk("threads", str(tmp_path))
        async with a_log(disk, segment_bytes=150) as house:
            for _ in range(3):
                await put(house.log, b"x" * 50, timestamp=-1)
        os.utime(disk.path("00000000000000000000.log"), ns=(0, (NOW - 8000) * 1_000_000))
        os.utime(disk.path("00000000000000000001.log"), ns=(0, (NOW - 7000) * 1_000_000))
        async with a_log(disk, retention_ms=7500) as house:
            await house.log.retention(NOW)
            assert house.log.log_start_offset == 1

    asyncio.run(story())


@pytest.mark.parametrize("seed", range(20))
def test_what_is_appended_while_everything_expires_stays(seed: int):
    async def story() -> None:
        clock = ManualClock(NOW)
        disk = Disk(memory=MemoryStorage(seed=seed, turns_max=5, clock=clock))
        async with a_log(disk, retention_ms=1000) as house:
            await put(house.log, b"old", timestamp=-1)
            clock.advance(5000)
            passing = asyncio.ensure_future(house.log.retention(clock.now_ms()))
            for _ in range(seed):
                await asyncio.sleep(0)
            offset = (await put(house.log, b"new", timestamp=-1)).first_offset
            await passing
            assert house.log.log_start_offset <= offset
            assert offset in await batches(house.log)

    asyncio.run(story())


def test_retention_stops_at_the_high_watermark():
    async def story() -> None:
        async with a_log(Disk(), segment_bytes=150, retention_ms=0) as house:
            for _ in range(6):
                await put(house.log, b"x" * 50)
            assert await house.log.retention(NOW + 10, upper_bound=3) == 3

    asyncio.run(story())


def test_a_deleted_segments_files_are_renamed_and_removed_later(disk: Disk):
    async def story() -> None:
        async with a_log(disk, segment_bytes=150, retention_ms=0, file_delete_delay_ms=1000) as house:
            for _ in range(3):
                await put(house.log, b"x" * 50)
            await asyncio.gather(*house.log.background)
            await house.log.retention(NOW + 10, upper_bound=1)
            deleted = [name for name in await disk.names() if name.endswith(".deleted")]
            assert {"00000000000000000000.log.deleted", "00000000000000000000.index.deleted"} <= set(deleted)
            deletions = house.log.surroundings.deletions
            assert await deletions.run_due() == 0
            house.clock.advance(1001)
            assert await deletions.run_due() == 1
            assert not any(name.endswith(".deleted") for name in await disk.names())

    asyncio.run(story())


@pytest.mark.parametrize("offset", range(9))
def test_truncation_forgets_all_from_an_offset_on(disk: Disk, offset: int):
    async def story() -> None:
        async with a_log(disk, segment_bytes=200, index_interval_bytes=50) as house:
            log = house.log
            for sequence in range(8):
                await put(log, b"x" * 40, epoch=sequence // 3, timestamp=NOW + sequence, producer_id=1, producer_epoch=0,
                          base_sequence=sequence)  # fmt: skip
            await log.truncate_to(offset)
            assert log.log_end_offset == min(offset, 8)
            assert extent(await batches(log)) == [(number, number) for number in range(offset)][:8]
            assert log.latest_epoch == ((offset - 1) // 3 if offset < 8 else 2) if offset else -1
            newest = await log.max_timestamp()
            assert (newest.offset if newest else -1) == min(offset, 8) - 1
            result = await put(log, b"new", epoch=5, producer_id=1, producer_epoch=0, base_sequence=min(offset, 8))
            assert (result.first_offset, result.duplicate) == (min(offset, 8), False)
            expected = await batches(log)
        async with a_log(disk) as house:
            assert await batches(house.log) == expected

    asyncio.run(story())


def test_truncation_to_the_middle_of_a_batch_drops_the_batch_and_keeps_the_offset():
    async def story() -> None:
        async with a_log(Disk()) as house:
            await put(house.log, b"a", b"b")
            await put(house.log, b"c", b"d", b"e")
            await house.log.truncate_to(4)
            assert house.log.log_end_offset == 4
            assert (await put(house.log, b"f")).first_offset == 4
            assert extent(await batches(house.log)) == [(0, 1), (4, 4)]

    asyncio.run(story())


def test_starting_anew_at_an_offset(disk: Disk):
    async def story() -> None:
        async with a_log(disk) as house:
            await put(house.log, b"a", b"b")
            await house.log.truncate_fully_and_start_at(100)
            assert (house.log.log_start_offset, house.log.log_end_offset) == (100, 100)
        async with a_log(disk) as house:
            assert (house.log.log_start_offset, house.log.log_end_offset) == (100, 100)
            assert (await put(house.log, b"c")).first_offset == 100

    asyncio.run(story())
