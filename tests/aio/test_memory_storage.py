"""The simulated disk's bad days: planned faults, full disk, cold cache, power cuts of names."""

from __future__ import annotations

import asyncio
import errno

import pytest

from odradek.aio import WOULD_BLOCK, FlushFailedError, GateClosedError, Operation
from odradek.aio.faults import Fault
from odradek.aio.memory_storage import MemoryStorage
from odradek.base.clock import ManualClock

SEEDS = range(60)


async def names(storage: MemoryStorage, path: str = "/") -> set[str]:
    return {entry.name async for entry in storage.list_directory(path)}


def test_files_are_stamped_by_the_clock_when_made_written_and_cut_and_a_dead_process_changes_nothing():
    async def story() -> None:
        clock = ManualClock(1000)
        storage = MemoryStorage(clock=clock)
        file = await storage.open("/a", create=True)
        assert await storage.modified_ms("/a") == 1000
        for change in (lambda: file.write_now(b"abc", 0), lambda: file.truncate_now(1)):
            clock.advance(10)
            change()
            assert await storage.modified_ms("/a") == clock.now_ms()
        await file.flush()
        await storage.sync_directory("/")
        clock.advance(10)
        for left in (storage.process_kill(), storage.power_cut(1)):
            assert await left.modified_ms("/a") == 1020
            await left.touch("/new")
            assert await left.modified_ms("/new") == 1030

    asyncio.run(story())


def test_a_planned_fault_strikes_where_and_when_it_should():
    async def story() -> None:
        storage = MemoryStorage()
        storage.faults.add(Fault(Operation.WRITE, errno.EIO, path="*.log", skip=1))
        storage.faults.add(Fault(Operation.OPEN, errno.EACCES, path="/no"))
        with pytest.raises(PermissionError, match="planned"):
            await storage.open("/no", create=True)
        log = await storage.open("/a.log", create=True)
        other = await storage.open("/b", create=True)
        for _ in range(3):
            other.write_now(b"x", other.size)
        log.write_now(b"abc", 0)
        with pytest.raises(OSError) as raised:
            log.write_now(b"def", 3)
        assert raised.value.errno == errno.EIO
        log.write_now(b"ghi", 3)
        assert log.read_now(0, 9) == b"abcghi"
        assert storage.faults.struck == [(Operation.OPEN, "/no"), (Operation.WRITE, "/a.log")]

    asyncio.run(story())


def test_a_write_that_fails_half_way_is_cut_back_and_a_short_one_is_continued():
    async def story() -> None:
        storage = MemoryStorage()
        file = await storage.open("/a", create=True)
        file.write_now(b"abc", 0)
        storage.faults.add(Fault(Operation.WRITE, errno.ENOSPC, keep=2), Fault(Operation.WRITE, keep=4))
        with pytest.raises(OSError) as raised:
            file.write_now([b"de", b"f"], 3)
        assert raised.value.errno == errno.ENOSPC
        assert await storage.read_bytes("/a") == b"abc"
        file.write_now([b"123", b"456"], 3)
        assert await storage.read_bytes("/a") == b"abc123456"

    asyncio.run(story())


def test_when_even_cutting_back_fails_no_later_write_lands_behind_the_torn_one():
    async def story() -> None:
        storage = MemoryStorage()
        file = await storage.open("/a", create=True)
        file.write_now(b"abc", 0)
        storage.faults.add(Fault(Operation.WRITE, errno.ENOSPC, keep=2), Fault(Operation.TRUNCATE, errno.EIO))
        for _ in range(2):
            with pytest.raises(OSError):
                file.write_now(b"def", 3)
        assert await storage.read_bytes("/a") == b"abcde"
        assert file.size == 3

    asyncio.run(story())


def test_a_full_disk_refuses_and_has_room_again_when_something_is_removed():
    async def story() -> None:
        storage = MemoryStorage(capacity=100)
        a, b = [await storage.open(f"/{name}", create=True) for name in "ab"]
        a.write_now(b"x" * 70, 0)
        with pytest.raises(OSError) as raised:
            b.write_now(b"y" * 40, 0)
        assert raised.value.errno == errno.ENOSPC
        assert await storage.file_size("/b") == 0
        assert await storage.free_bytes("/") == 30
        b.write_now(b"y" * 30, 0)
        await a.close()
        await storage.remove("/a")
        assert await storage.free_bytes("/") == 70

    asyncio.run(story())


def test_a_cold_cache_blocks_and_a_read_goes_through():
    async def story() -> None:
        storage = MemoryStorage(cold_chance=1.0)
        file = await storage.open("/a", create=True)
        file.write_now(b"abc", 0)
        assert file.read_now(0, 3) is WOULD_BLOCK
        assert await file.read(0, 3) == b"abc"

    asyncio.run(story())


def test_a_failed_flush_settles_nothing_and_is_final():
    async def story() -> None:
        outcomes = set()
        for seed in SEEDS:
            storage = MemoryStorage(seed=seed)
            file = await storage.open("/a", create=True)
            await storage.sync_directory("/")
            file.write_now(b"abc", 0)
            storage.faults.add(Fault(Operation.FLUSH, errno.EIO))
            for _ in range(2):
                with pytest.raises(FlushFailedError):
                    await file.flush()
            assert file.read_now(0, 3) == b"abc"  # the page cache still shows it
            again = await storage.open("/a")
            await again.flush()  # "successful", and yet it brings nothing back
            outcomes.add(await storage.power_cut(seed).read_bytes("/a"))
        assert outcomes == {b"", b"abc", bytes(3)}

    asyncio.run(story())


def test_a_synced_file_without_a_synced_name_may_be_gone():
    async def story() -> None:
        seen = set()
        for seed in SEEDS:
            storage = MemoryStorage()
            file = await storage.open("/a", create=True)
            file.write_now(b"abc", 0)
            await file.flush()
            seen.add(frozenset(await names(storage.power_cut(seed))))
            await storage.sync_directory("/")
            assert await storage.power_cut(seed).read_bytes("/a") == b"abc"
        assert seen == {frozenset(), frozenset({"a"})}

    asyncio.run(story())


def test_a_rename_is_atomic_also_between_directories():
    async def story() -> None:
        seen = set()
        for seed in SEEDS:
            storage = MemoryStorage()
            for directory in ("/old", "/new"):
                await storage.make_directory(directory)
            await storage.sync_directory("/")
            await storage.write_atomically("/old/a", b"abc")
            await storage.rename("/old/a", "/new/a")
            await storage.touch("/old/b")
            after = storage.power_cut(seed)
            places = frozenset({f"{d}/a" for d in ("/old", "/new") if await after.exists(f"{d}/a")})
            assert len(places) == 1
            seen |= places
            if await after.exists("/old/b"):
                assert places == {"/new/a"}  # a directory keeps a prefix of its history
            await storage.sync_directory("/old")
            assert await storage.power_cut(seed).read_bytes("/new/a") == b"abc"
        assert seen == {"/old/a", "/new/a"}

    asyncio.run(story())


def test_an_atomic_replacement_is_old_or_new_and_new_once_it_returned():
    async def story() -> None:
        for seed in SEEDS:
            storage = MemoryStorage(seed=seed, turns_max=2)
            await storage.write_atomically("/a", b"old" * 1000)
            cuts = []
            storage.on_boundary = lambda operation, path, s=storage, c=cuts: c.append(s.power_cut(len(c)))
            await storage.write_atomically("/a", b"new" * 999)
            assert len(cuts) >= 6
            for cut in cuts:
                assert await cut.read_bytes("/a") in (b"old" * 1000, b"new" * 999)
            assert await storage.power_cut(seed).read_bytes("/a") == b"new" * 999

    asyncio.run(story())


def test_a_killed_process_loses_nothing_but_a_later_power_cut_still_may():
    async def story() -> None:
        lost = 0
        for seed in SEEDS:
            storage = MemoryStorage()
            file = await storage.open("/a", create=True)
            await storage.sync_directory("/")
            file.write_now(b"abc", 0)
            killed = storage.process_kill()
            file.write_now(b"more", 3)
            assert await killed.read_bytes("/a") == b"abc"
            lost += await killed.power_cut(seed).read_bytes("/a") != b"abc"
        assert 0 < lost < len(SEEDS)

    asyncio.run(story())


def test_the_same_seed_means_the_same_outcome():
    async def story() -> list[str]:
        storage = MemoryStorage(seed=3, turns_max=5)
        order: list[str] = []

        async def touch(name: str) -> None:
            await storage.touch(name)
            order.append(name)

        await asyncio.gather(*(touch(f"/{number}") for number in range(20)))
        return [*order, *sorted(await names(storage.power_cut(5)))]

    first = asyncio.run(story())
    assert first == asyncio.run(story())
    assert first[:20] != [f"/{number}" for number in range(20)]


def test_a_closed_storage_refuses():
    async def story() -> None:
        storage = MemoryStorage()
        await storage.close()
        with pytest.raises(GateClosedError):
            await storage.touch("/a")

    asyncio.run(story())
