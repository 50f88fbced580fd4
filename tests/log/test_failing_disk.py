"""When writing fails: what was acknowledged stays, nobody is told a lie, and the reason is said."""

from __future__ import annotations

import asyncio
import errno

import pytest
from log_house import Disk, a_log, batches, extent, put

from odradek.aio.errors import FlushFailedError
from odradek.aio.faults import Fault
from odradek.aio.storage import Operation
from odradek.log.disk_errors import Reach, reach
from odradek.log.errors import LogOffline
from odradek.log.manager_settings import ManagerSettings


def test_a_full_disk_takes_the_partition_offline_for_writing_and_keeps_what_was_written():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk) as house:
            await put(house.log, b"kept")
            disk.memory.faults.add(Fault(Operation.WRITE, errno.ENOSPC, path="*.log", keep=20))
            with pytest.raises(LogOffline, match="No space left") as caught:
                await put(house.log, b"lost")
            assert caught.value.code == 56
            assert house.log.offline_reason is not None
            assert extent(await batches(house.log)) == [(0, 0)]
            assert house.failures == []
            with pytest.raises(LogOffline):
                await put(house.log, b"refused")
            await house.log.flush()
        async with a_log(disk) as house:
            assert extent(await batches(house.log)) == [(0, 0)]

    asyncio.run(story())


def test_a_partition_that_ran_out_of_space_comes_back_when_there_is_some():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk) as house:
            await put(house.log, b"kept")
            disk.memory.faults.add(Fault(Operation.WRITE, errno.ENOSPC, path="*.log"))
            with pytest.raises(LogOffline):
                await put(house.log, b"lost")
            await house.manager.housekeeping.run_upkeep()
            assert house.log.offline_reason is None
            assert (await put(house.log, b"next")).first_offset == 1

    asyncio.run(story())


def test_an_io_error_takes_the_whole_directory_offline():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk) as house:
            other = await house.manager.open_or_create("other", 0, bytes(16), house.log.config)
            await put(house.log, b"kept")
            disk.memory.faults.add(Fault(Operation.WRITE, errno.EIO, path="*events-0/*.log"))
            with pytest.raises(LogOffline):
                await put(house.log, b"lost")
            assert len(house.failures) == 1
            assert "data directory failed" in (other.offline_reason or "")
            with pytest.raises(LogOffline):
                await put(other, b"refused")

    asyncio.run(story())


def test_a_failed_fdatasync_is_told_to_all_who_wait_and_never_tried_again():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk) as house:
            await put(house.log, b"a")
            disk.memory.faults.add(Fault(Operation.FLUSH, errno.EIO, path="*.log"))
            outcomes = await asyncio.gather(*(house.log.flush() for _ in range(3)), return_exceptions=True)
            assert all(isinstance(outcome, LogOffline) for outcome in outcomes)
            assert house.log.durable_offset == 0
            flushes = disk.memory.statistics().flushes_done
            with pytest.raises(LogOffline):
                await house.log.flush()
            assert disk.memory.statistics().flushes_done == flushes
        assert ".kafka_cleanshutdown" not in await disk.names_of_directory()

    asyncio.run(story())


def test_a_segment_that_cannot_be_made_fails_the_append_and_not_the_log_so_far():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk, segment_bytes=200) as house:
            await put(house.log, b"x" * 80)
            disk.memory.faults.add(Fault(Operation.OPEN, errno.EMFILE, path="*0001.log"))
            with pytest.raises(LogOffline, match="Too many open files"):
                await put(house.log, b"y" * 80)
            assert house.log.offline_reason is None
            assert (await put(house.log, b"y" * 80)).first_offset == 1

    asyncio.run(story())


def test_more_partitions_than_open_files():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk, settings=ManagerSettings(max_open_segments=3)) as house:
            logs = [await house.manager.open_or_create("many", index, bytes(16), house.log.config) for index in range(12)]
            for value in (b"a", b"b"):
                for log in logs:
                    await put(log, value)
                    await log.flush()
            assert disk.memory.statistics().open_files <= 4
            assert [extent(await batches(log)) for log in logs] == [[(0, 0), (1, 1)]] * 12

    asyncio.run(story())


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, "full"), Reach.NO_SPACE),
        (OSError(errno.EDQUOT, "quota"), Reach.NO_SPACE),
        (OSError(errno.EIO, "broken"), Reach.DIRECTORY),
        (OSError(errno.EROFS, "read only"), Reach.DIRECTORY),
        (FlushFailedError("x.log", OSError(errno.ENOSPC, "full")), Reach.DIRECTORY),
        (OSError(errno.EMFILE, "files"), Reach.REQUEST),
        (OSError(errno.EACCES, "denied"), Reach.PARTITION),
        (OSError(errno.ENOENT, "gone"), Reach.PARTITION),
    ],
)
def test_how_far_a_failure_reaches(error: OSError, expected: Reach):
    assert reach(error) is expected
