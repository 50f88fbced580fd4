"""Data that had been flushed and is not there any more: said, kept offline, at every start until somebody decides."""

from __future__ import annotations

import asyncio

import pytest
from log_house import TOPIC, Disk, a_log, batches, extent, kill, make_batch, put

from odradek.base.clock import ManualClock
from odradek.base.prng import seeded
from odradek.log import checkpoints
from odradek.log.config import LogConfig
from odradek.log.errors import LogOffline
from odradek.log.manager import LogManager
from odradek.records.batch import patch

LOG = "00000000000000000000.log"
POINTS, STARTS, MARK = "recovery-point-offset-checkpoint", "log-start-offset-checkpoint", ".kafka_cleanshutdown"
EPOCHS = "leader-epoch-checkpoint"


async def three_flushed(disk: Disk) -> bytes:
    """Three records, acknowledged, and a clean stop; the log's bytes."""
    async with a_log(disk) as house:
        for value in (b"a", b"b", b"c"):
            await put(house.log, value)
    return await disk.read(LOG)


async def point(disk: Disk, name: str = POINTS) -> int | None:
    return checkpoints.decode_offsets(await disk.read(f"../{name}")).get((TOPIC, 0))


@pytest.mark.parametrize("ends", [(True, True), (False, False), (True, False), (False, True)])
def test_damage_below_the_recovery_point_is_damage_at_every_start(disk: Disk, ends: tuple[bool, bool]):
    async def story() -> None:
        content = bytearray(await three_flushed(disk))
        content[-3] ^= 0xFF
        await disk.write(LOG, bytes(content))
        await disk.remove(f"../{MARK}")
        for clean in (*ends, True):
            async with a_log(disk, clean=clean) as house:
                assert "below the recovery point 3" in (house.log.offline_reason or "")
                await house.manager.checkpoint()
            assert await point(disk) == 3
            assert await disk.read(LOG) == content

    asyncio.run(story())


@pytest.mark.parametrize("spoil", ["last batch missing", "empty", "gone"])
@pytest.mark.parametrize("was_clean", [True, False])
def test_an_end_below_the_recovery_point_is_damage(disk: Disk, spoil: str, was_clean: bool):
    async def story() -> None:
        content = await three_flushed(disk)
        if spoil == "gone":
            await disk.remove(LOG)
        else:
            await disk.write(LOG, content[: len(content) * 2 // 3] if spoil == "last batch missing" else b"")
        if not was_clean:
            await disk.remove(f"../{MARK}")
        for clean in (True, False, True):
            async with a_log(disk, clean=clean) as house:
                reason = house.log.offline_reason or ""
                end = 2 if spoil == "last batch missing" else 0
                assert f"ends at offset {end}, below the recovery point 3: offsets {end} to 2" in reason
                assert "odradek log repair" in reason
                assert house.log.recovery is not None
                assert not house.log.recovery.clean
                with pytest.raises(LogOffline):
                    await put(house.log, b"x")
                with pytest.raises(LogOffline):
                    await house.log.delete_records(-1)
            assert await point(disk) == 3
        await disk.write(LOG, content)
        async with a_log(disk) as house:
            assert extent(await batches(house.log)) == [(0, 0), (1, 1), (2, 2)]

    asyncio.run(story())


def test_a_log_that_cannot_be_loaded_keeps_its_checkpoints(disk: Disk):
    async def story() -> None:
        async with a_log(disk) as house:
            for value in (b"a", b"b", b"c"):
                await put(house.log, value)
            await house.log.delete_records(1)
        epochs = await disk.read(EPOCHS)
        await disk.remove(EPOCHS)
        await disk.storage().make_directory(disk.path(EPOCHS))  # in its way: reading it is an OSError
        for clean in (True, False, True):
            async with a_log(disk, clean=clean) as house:
                assert "cannot be loaded" in (house.log.offline_reason or "")
                await house.manager.checkpoint()
            assert (await point(disk), await point(disk, STARTS)) == (3, 1)
        await disk.storage().remove_tree(disk.path(EPOCHS))
        await disk.write(EPOCHS, epochs)
        async with a_log(disk) as house:
            assert (house.log.log_start_offset, house.log.log_end_offset) == (1, 3)

    asyncio.run(story())


def test_what_lies_below_the_log_start_is_nobodys_loss(disk: Disk):
    async def story() -> None:
        async with a_log(disk) as house:
            for value in (b"a", b"b", b"c"):
                await put(house.log, value)
            await house.log.delete_records(3)
        await disk.remove(LOG)
        async with a_log(disk) as house:
            assert house.log.offline_reason is None
            assert (await put(house.log, b"d")).first_offset == 3

    asyncio.run(story())


@pytest.mark.parametrize("offset", [0, 1, 2])
def test_a_truncation_lowers_the_recovery_point_before_it_cuts(disk: Disk, offset: int):
    async def story() -> None:
        await three_flushed(disk)
        async with a_log(disk, clean=False) as house:
            await house.log.truncate_to(offset)
            assert await point(disk) == offset
        async with a_log(disk) as house:
            assert house.log.offline_reason is None
            assert house.log.log_end_offset == offset

    asyncio.run(story())


def test_a_partition_made_anew_inherits_nothing_of_the_deleted_one(disk: Disk):
    async def story() -> None:
        async with a_log(disk) as house:
            for value in (b"a", b"b", b"c"):
                await put(house.log, value)
            await house.log.delete_records(2)
        async with a_log(disk, clean=False) as house:
            await house.manager.delete(TOPIC, 0)
            anew = await house.manager.open_or_create(TOPIC, 0, b"\7" * 16, LogConfig())
            assert anew.log_start_offset == anew.log_end_offset == 0
        assert await point(disk) in (0, None)
        assert await point(disk, STARTS) is None
        torn = make_batch(b"never acknowledged")
        patch(torn, 0, 0, 0)
        await disk.write(LOG, bytes(torn[:-5]))
        manager = LogManager(disk.storage(), disk.directory, clock=ManualClock(), prng=seeded(1), node_id=1)
        await manager.start()
        assert manager.logs[TOPIC, 0].offline_reason is None
        assert manager.logs[TOPIC, 0].log_end_offset == 0
        await kill(manager)

    asyncio.run(story())
