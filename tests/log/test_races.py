"""What happens to a log while somebody waits for its disk: nobody is told a lie, and nothing breaks."""

from __future__ import annotations

import asyncio

import pytest
from log_house import NOW, Disk, a_log, batches, put, read

from odradek.aio.memory_file import MemoryFile
from odradek.aio.memory_storage import MemoryStorage
from odradek.log.errors import OffsetOutOfRange
from odradek.log.log import Log
from odradek.records.batch import scan

SEEDS = range(12)


def slow_disk(seed: int) -> Disk:
    return Disk(memory=MemoryStorage(seed=seed, turns_max=6, cold_chance=0.5))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_flush_does_not_vouch_for_bytes_that_took_the_place_of_those_it_synced(seed: int):
    async def story() -> None:
        disk = slow_disk(seed)
        async with a_log(disk, clean=False) as house:
            log = house.log
            for _ in range(4):
                await put(log, b"old")
            flushing = asyncio.ensure_future(log.flush())
            for _ in range(seed % 5):
                await asyncio.sleep(0)
            await log.truncate_to(1)
            for _ in range(3):
                await put(log, b"new")
            durable, expected = log.durable_offset, await batches(log)
            left = Disk(memory=disk.memory.power_cut(seed))
            await asyncio.wait([flushing])
            await log.flush()
            assert log.durable_offset == 4
        async with a_log(left) as house:
            kept = await batches(house.log)
            assert house.log.log_end_offset >= durable
            assert {offset: batch for offset, batch in kept.items() if offset < durable} == {
                offset: batch for offset, batch in expected.items() if offset < durable
            }

    asyncio.run(story())


def test_a_flush_that_ends_after_a_truncation_moves_nothing(monkeypatch: pytest.MonkeyPatch):
    """The fdatasync covers four batches, of which one is left when it returns, and three others are in their place."""
    returned, go_on, seen = asyncio.Event(), asyncio.Event(), []
    fdatasync = MemoryFile.flush

    async def slow(file: MemoryFile) -> None:
        await fdatasync(file)
        if file.path.endswith(".log"):
            seen.append(watched[0].durable_offset)
            returned.set()
            await go_on.wait()

    watched: list[Log] = []

    async def story() -> None:
        async with a_log(Disk()) as house:
            watched.append(log := house.log)
            for _ in range(4):
                await put(log, b"old")
            monkeypatch.setattr(MemoryFile, "flush", slow)
            flushing = asyncio.ensure_future(log.flush())
            await returned.wait()
            await log.truncate_to(1)
            for _ in range(3):
                await put(log, b"new")
            go_on.set()
            await flushing
            assert seen == [0, 0]
            assert log.durable_offset == 4

    asyncio.run(story())


@pytest.mark.parametrize("seed", SEEDS)
def test_a_reader_of_what_retention_deletes_gets_it_or_is_told_that_it_is_gone(seed: int):
    async def story() -> None:
        async with a_log(slow_disk(seed), segment_bytes=150, retention_ms=0, file_delete_delay_ms=0) as house:
            log = house.log
            for _ in range(6):
                await put(log, b"x" * 60)
            await asyncio.gather(*log.background)
            for segment in log.segments:
                if segment is not log.active:
                    await segment.close_file()
                    segment.drop_indexes()

            async def consume() -> None:
                try:
                    headers = [header for _, header in scan(await read(log, 0))]
                    assert headers[0].base_offset == 0
                except OffsetOutOfRange as error:
                    assert error.start > 0

            readers = [asyncio.ensure_future(consume()) for _ in range(3)]
            lookup = asyncio.ensure_future(log.offset_for_timestamp(NOW))
            for _ in range(seed % 7):
                await asyncio.sleep(0)
            await log.retention(NOW + 10, upper_bound=5)
            house.clock.advance(1)
            await log.surroundings.deletions.run_due()
            await asyncio.gather(*readers)
            assert await lookup is not None
            assert log.offline_reason is None
            assert (await put(log, b"next")).first_offset == 6

    asyncio.run(story())


@pytest.mark.parametrize("seed", SEEDS)
def test_appends_rolls_flushes_and_reads_at_the_same_time(seed: int):
    async def story() -> None:
        disk = slow_disk(seed)
        async with a_log(disk, segment_bytes=300) as house:
            log = house.log

            async def produce(number: int) -> None:
                for _ in range(6):
                    result = await put(log, bytes([number]) * 30)
                    await log.flush(result.last_offset + 1)
                    assert log.durable_offset > result.last_offset

            async def consume() -> None:
                offset = 0
                while offset < 24:
                    for _, header in scan(await read(log, offset, 400)):
                        assert header.base_offset == offset
                        offset = header.next_offset
                    await asyncio.sleep(0)

            await asyncio.gather(consume(), *(produce(number) for number in range(4)))
        async with a_log(disk, segment_bytes=300) as house:
            assert list(await batches(house.log)) == list(range(24))

    asyncio.run(story())


@pytest.mark.parametrize("seed", SEEDS)
def test_a_partition_asked_for_by_many_at_once_is_one_log(seed: int):
    async def story() -> None:
        async with a_log(slow_disk(seed)) as house:
            ask = house.manager.open_or_create
            logs = await asyncio.gather(*(ask("new", 0, b"\x01" * 16, house.log.config) for _ in range(5)))
            assert len({id(log) for log in logs}) == 1

    asyncio.run(story())


@pytest.mark.parametrize("seed", SEEDS)
def test_a_topic_made_anew_while_its_namesake_is_deleted_begins_empty(seed: int):
    async def story() -> None:
        async with a_log(slow_disk(seed)) as house:
            await put(house.log, b"old")
            deleting = asyncio.ensure_future(house.manager.delete("events", 0))
            for _ in range(seed % 4):
                await asyncio.sleep(0)
            await asyncio.sleep(0)
            anew = await house.manager.open_or_create("events", 0, b"\x02" * 16, house.log.config)
            await deleting
            assert (anew.log_end_offset, anew.topic_id) == (0, b"\x02" * 16)
            assert (await put(anew, b"new")).first_offset == 0

    asyncio.run(story())
