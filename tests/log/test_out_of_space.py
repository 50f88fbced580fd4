"""Without room a partition waits, readable, and comes back by itself: when it was made, after a recovery, at any time."""

from __future__ import annotations

import asyncio
import errno

import pytest
from log_house import TOPIC_ID, Disk, a_log, batches, extent, put

from odradek.aio.faults import Fault
from odradek.aio.storage import Operation
from odradek.log.config import LogConfig
from odradek.log.errors import LogOffline
from odradek.log.partition_metadata import decode


def no_space(disk: Disk, path: str, operation: Operation = Operation.WRITE) -> None:
    disk.memory.faults.add(Fault(operation, errno.ENOSPC, path=path, times=None))


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        (Operation.MAKE_DIRECTORY, "*new-0"),
        (Operation.WRITE, "*new-0/partition.metadata*"),
        (Operation.SYNC_DIRECTORY, "/data"),
    ],
)
def test_a_partition_made_without_room_is_offline_until_there_is_some(operation: Operation, path: str):
    async def story() -> None:
        disk = Disk()
        async with a_log(disk) as house:
            no_space(disk, path, operation)
            new = await house.manager.open_or_create("new", 0, TOPIC_ID, LogConfig())
            with pytest.raises(LogOffline, match="making the partition: No space left"):
                await put(new, b"refused")
            assert await batches(new) == {}
            await house.manager.housekeeping.run_upkeep()
            assert new.offline_reason is not None
            disk.memory.faults.clear()
            await house.manager.housekeeping.run_upkeep()
            assert (await put(new, b"first")).first_offset == 0
            assert decode(await disk.memory.read_bytes("/data/new-0/partition.metadata")) == TOPIC_ID

    asyncio.run(story())


def test_a_partition_made_without_descriptors_is_no_different():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk) as house:
            disk.memory.faults.add(Fault(Operation.WRITE, errno.EMFILE, path="*new-0/*"))
            new = await house.manager.open_or_create("new", 0, TOPIC_ID, LogConfig())
            await house.manager.housekeeping.run_upkeep()
            assert (await put(new, b"first")).first_offset == 0

    asyncio.run(story())


def test_a_partition_that_may_not_be_made_stays_offline_and_a_failing_disk_takes_all():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk) as house:
            disk.memory.faults.add(Fault(Operation.MAKE_DIRECTORY, errno.EACCES, path="*new-0"))
            new = await house.manager.open_or_create("new", 0, TOPIC_ID, LogConfig())
            await house.manager.housekeeping.run_upkeep()
            assert "Permission denied" in (new.offline_reason or "")
            assert house.failures == []
            disk.memory.faults.add(Fault(Operation.MAKE_DIRECTORY, errno.EIO, path="*new-1"))
            await house.manager.open_or_create("new", 1, TOPIC_ID, LogConfig())
            assert len(house.failures) == 1

    asyncio.run(story())


def test_after_a_crash_a_full_disk_can_be_read_and_its_recovery_is_written_down_later():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk, clean=False) as house:
            await put(house.log, b"a", epoch=1)
            await put(house.log, b"b", epoch=2)
        await disk.write("leader-epoch-checkpoint", b"garbage")
        no_space(disk, "*leader-epoch-checkpoint*")
        async with a_log(disk, clean=False) as house:
            assert extent(await batches(house.log)) == [(0, 0), (1, 1)]
            with pytest.raises(LogOffline, match="writing down what was recovered: No space left"):
                await put(house.log, b"refused", epoch=3)
            await house.manager.checkpoint()
            assert house.log.durable_offset == 0  # the next start has to look at it again
            disk.memory.faults.clear()
            await house.manager.housekeeping.run_upkeep()
            assert b"1 0\n2 1\n" in await disk.read("leader-epoch-checkpoint")
            assert (await put(house.log, b"c", epoch=3)).first_offset == 2

    asyncio.run(story())


def test_an_epoch_that_found_no_room_is_written_down_by_the_next_append():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk) as house:
            await put(house.log, b"a", epoch=1)
            disk.memory.faults.add(Fault(Operation.WRITE, errno.EMFILE, path="*leader-epoch-checkpoint*"))
            with pytest.raises(LogOffline, match="Too many open files"):
                await put(house.log, b"b", epoch=2)
            assert house.log.latest_epoch == 1
            await put(house.log, b"b", epoch=2)
            assert b"2 1\n" in await disk.read("leader-epoch-checkpoint")

    asyncio.run(story())


def test_a_topic_id_that_found_no_room_is_written_later():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk) as house:
            await put(house.log, b"a")
        await disk.remove("partition.metadata")
        no_space(disk, "*partition.metadata*")
        async with a_log(disk) as house:
            assert extent(await batches(house.log)) == [(0, 0)]
            assert "writing the topic id: No space left" in (house.log.offline_reason or "")
            disk.memory.faults.clear()
            await house.manager.housekeeping.run_upkeep()
            assert decode(await disk.read("partition.metadata")) == TOPIC_ID
            assert (await put(house.log, b"b")).first_offset == 1

    asyncio.run(story())


def test_retention_goes_on_without_room_since_it_makes_some():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk, segment_bytes=1000, retention_bytes=1000, file_delete_delay_ms=0) as house:
            for _ in range(5):
                await put(house.log, b"v" * 800)
            disk.memory.faults.add(Fault(Operation.WRITE, errno.ENOSPC, path="*.log"))
            with pytest.raises(LogOffline):
                await put(house.log, b"v")
            assert await house.manager.housekeeping.run_retention() == 3
            await house.manager.housekeeping.run_upkeep()
            assert (await put(house.log, b"v")).first_offset == 5

    asyncio.run(story())


def test_a_log_start_that_found_no_room_is_refused_and_written_down_when_asked_again():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk, clean=False) as house:
            for _ in range(3):
                await put(house.log, b"v")
            no_space(disk, "*log-start-offset-checkpoint*")
            with pytest.raises(LogOffline, match="moving the log start: No space left"):
                await house.log.delete_records(2)
            disk.memory.faults.clear()
            await house.manager.housekeeping.run_upkeep()
            assert await house.log.delete_records(2) == 2
        async with a_log(disk) as house:
            assert house.log.log_start_offset == 2

    asyncio.run(story())


def test_a_close_without_room_for_the_clean_mark_is_no_failure():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk) as house:
            await put(house.log, b"v")
            no_space(disk, "*cleanshutdown*")
        disk.memory.faults.clear()
        async with a_log(disk) as house:
            assert not house.manager.clean
            assert extent(await batches(house.log)) == [(0, 0)]

    asyncio.run(story())
