"""A data directory's life: whose it is, who has it open, what is in it, how it ends."""

from __future__ import annotations

import asyncio
import logging

import pytest
from log_house import NOW, TOPIC, TOPIC_ID, Disk, a_log, batches, extent, put

from odradek.aio.errors import LockedError
from odradek.base.clock import ManualClock
from odradek.base.prng import seeded
from odradek.log import checkpoints
from odradek.log.errors import InconsistentDirectory
from odradek.log.manager import LogManager


def manager_on(disk: Disk, **options: object) -> LogManager:
    return LogManager(disk.storage(), disk.directory, clock=ManualClock(NOW), prng=seeded(2), **options)  # type: ignore[arg-type]


def test_a_directory_belongs_to_one_node_of_one_cluster():
    async def story() -> None:
        disk = Disk()
        first = manager_on(disk, node_id=3, cluster_id="abc")
        await first.start()
        identity = first.directory_id
        await first.close()
        again = manager_on(disk)
        await again.start()
        assert (again.node_id, again.cluster_id, again.directory_id) == (3, "abc", identity)
        await again.close()
        for wrong in ({"node_id": 4}, {"cluster_id": "xyz"}):
            with pytest.raises(InconsistentDirectory, match="belongs to another"):
                await manager_on(disk, **wrong).start()

    asyncio.run(story())


def test_two_at_once_are_refused(disk: Disk):
    async def story() -> None:
        async with a_log(disk):
            with pytest.raises(LockedError):
                await manager_on(disk).start()
        second = manager_on(disk)
        await second.start()
        await second.close()

    asyncio.run(story())


def test_partitions_are_found_again_with_their_topic_ids(disk: Disk):
    async def story() -> None:
        async with a_log(disk) as house:
            await put(house.log, b"a")
            await house.manager.open_or_create("with-dashes-in-it", 12, b"\x07" * 16, house.log.config)
        async with a_log(disk) as house:
            assert {key: log.topic_id for key, log in house.manager.logs.items()} == {
                (TOPIC, 0): TOPIC_ID, ("with-dashes-in-it", 12): b"\x07" * 16,
            }  # fmt: skip
            with pytest.raises(InconsistentDirectory):
                await house.manager.open_or_create("with-dashes-in-it", 12, b"\x08" * 16, house.log.config)

    asyncio.run(story())


def test_a_deleted_partition_is_gone_at_once_and_its_files_later(disk: Disk):
    async def story() -> None:
        async with a_log(disk, file_delete_delay_ms=1000) as house:
            await put(house.log, b"a")
            await house.manager.delete(TOPIC, 0)
            assert house.manager.logs == {}
            (left,) = [name for name in await disk.names_of_directory() if name.startswith(TOPIC)]
            assert left.startswith(f"{TOPIC}-0.")
            assert left.endswith("-delete")
            again = await house.manager.open_or_create(TOPIC, 0, b"\x09" * 16, house.log.config)
            assert again.log_end_offset == 0
            house.clock.advance(1001)
            await house.log.surroundings.deletions.run_due()
            assert [name for name in await disk.names_of_directory() if name.startswith(TOPIC)] == [f"{TOPIC}-0"]

    asyncio.run(story())


def test_a_deletion_that_a_crash_interrupted_is_finished_by_the_next_start():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk, clean=False) as house:
            await house.manager.delete(TOPIC, 0)
        manager = manager_on(disk)
        await manager.start()
        await manager._surroundings.deletions.run_due()
        assert not any(name.endswith("-delete") for name in await disk.names_of_directory())
        await manager.close()

    asyncio.run(story())


def test_names_that_mean_nothing_are_left_alone(caplog: pytest.LogCaptureFixture):
    async def story() -> None:
        disk = Disk()
        storage = disk.memory
        for name in ("__cluster_metadata-0", "lost+found", "events-0.3f2504e04f8941d39a0c0305e82c3301-stray", "odd"):
            await storage.make_directory(f"{disk.directory}/{name}")
        for name in ("notes.tmp", "meta.properties.tmp"):
            await storage.write_atomically(f"{disk.directory}/{name}", b"?")
        async with a_log(disk) as house:
            assert list(house.manager.logs) == [(TOPIC, 0)]
        found = set(await disk.names_of_directory())
        assert {"__cluster_metadata-0", "lost+found", "odd", "notes.tmp"} <= found
        assert "meta.properties.tmp" not in found, "an interrupted write of ours"

    with caplog.at_level(logging.WARNING, "odradek.log"):
        asyncio.run(story())
    assert sorted(record.fields["path"] for record in caplog.records) == ["/data/notes.tmp", "/data/odd"]  # type: ignore[attr-defined]


def test_checkpoints_are_kafkas():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk) as house:
            await put(house.log, b"a", b"b")
            await house.log.delete_records(1)
        points = checkpoints.decode_offsets(await disk.read("../recovery-point-offset-checkpoint"))
        starts = checkpoints.decode_offsets(await disk.read("../log-start-offset-checkpoint"))
        assert (points, starts) == ({(TOPIC, 0): 2}, {(TOPIC, 0): 1})
        assert await disk.read("../.kafka_cleanshutdown") == b'{"version":0,"brokerEpoch":-1}'

    asyncio.run(story())


def test_the_clean_mark_holds_for_one_start_only():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk) as house:
            await put(house.log, b"a")
        async with a_log(disk, clean=False) as house:
            assert house.manager.clean
        async with a_log(disk) as house:
            assert not house.manager.clean
            assert house.log.recovery is not None
            assert not house.log.recovery.clean

    asyncio.run(story())


def test_flush_ms_is_kept_by_housekeeping():
    async def story() -> None:
        async with a_log(Disk(), flush_ms=500) as house:
            await put(house.log, b"a")
            await house.log.flush()
            await put(house.log, b"b")
            assert await house.manager.housekeeping.run_flushes() == 0
            house.clock.advance(500)
            assert await house.manager.housekeeping.run_flushes() == 1
            assert house.log.durable_offset == 2

    asyncio.run(story())


def test_producers_that_are_silent_for_long_are_forgotten():
    async def story() -> None:
        async with a_log(Disk()) as house:
            await put(house.log, b"a", producer_id=1, producer_epoch=0, base_sequence=0)
            house.clock.advance(86_400_001)
            assert await house.manager.housekeeping.run_expiry() == 1

    asyncio.run(story())


def test_an_idle_log_needs_little_memory_and_no_open_file():
    async def story() -> None:
        import tracemalloc

        disk = Disk()
        async with a_log(disk) as house:
            for index in range(100):
                log = await house.manager.open_or_create("many", index, bytes(16), house.log.config)
                await put(log, b"x")
        tracemalloc.start()
        manager = manager_on(disk)
        before = tracemalloc.get_traced_memory()[0]
        await manager.start()
        used = (tracemalloc.get_traced_memory()[0] - before) / 100
        tracemalloc.stop()
        assert used < 20 * 1024
        assert disk.memory.statistics().open_files == 0
        await manager.close()

    asyncio.run(story())


def test_a_recovery_that_takes_long_shows_progress(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("odradek.log.opening._PROGRESS_SECONDS", 0.0)

    async def story() -> None:
        disk = Disk()
        async with a_log(disk, clean=False) as house:
            await put(house.log, b"a")
        async with a_log(disk) as house:
            assert extent(await batches(house.log)) == [(0, 0)]

    with caplog.at_level(logging.INFO, "odradek.log"):
        asyncio.run(story())
    assert "loading logs" in [record.getMessage() for record in caplog.records]


def test_closing_lets_an_append_under_way_finish_and_refuses_the_next():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk, segment_bytes=150) as house:
            await put(house.log, b"x" * 60)
            rolling = asyncio.ensure_future(put(house.log, b"y" * 60))
            await asyncio.sleep(0)
            await house.manager.close()
            assert (await rolling).first_offset == 1
            assert house.log.offline_reason == "closed"
        async with a_log(disk) as house:
            assert house.log.log_end_offset == 2

    asyncio.run(story())
