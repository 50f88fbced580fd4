"""Durability: what a flush covers, and how many share one."""

from __future__ import annotations

import asyncio

from log_house import Disk, a_log, put


def test_the_durable_offset_is_what_the_last_flush_covered(disk: Disk):
    async def story() -> None:
        async with a_log(disk) as house:
            await put(house.log, b"a", b"b")
            assert house.log.durable_offset == 0
            await house.log.flush(1)
            assert house.log.durable_offset == 2
            await put(house.log, b"c")
            assert house.log.durable_offset == 2
            await house.log.flush()
            assert house.log.durable_offset == 3

    asyncio.run(story())


def test_all_who_wait_share_a_flush():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk) as house:
            await put(house.log, b"first")
            await house.log.flush()
            before = disk.memory.statistics().flushes_done

            async def produce(value: bytes) -> None:
                result = await put(house.log, value)
                await house.log.flush(result.last_offset + 1)
                assert house.log.durable_offset > result.last_offset

            await asyncio.gather(*(produce(bytes([n])) for n in range(50)))
            assert disk.memory.statistics().flushes_done - before <= 2

    asyncio.run(story())


def test_a_flush_covers_segments_that_were_rolled_meanwhile_and_their_names():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk, segment_bytes=150) as house:
            for number in range(6):
                await put(house.log, b"x" * 60)
                if number % 2:
                    await house.log.flush()
            lost_power = Disk(memory=disk.memory.power_cut(7))
        async with a_log(lost_power, segment_bytes=150) as house:
            assert house.log.log_end_offset == 6

    asyncio.run(story())


def test_who_goes_away_while_waiting_does_not_take_the_flush_along():
    async def story() -> None:
        async with a_log(Disk()) as house:
            await put(house.log, b"a")
            gone, stays = (asyncio.ensure_future(house.log.flush()) for _ in range(2))
            await asyncio.sleep(0)
            gone.cancel()
            await stays
            assert house.log.durable_offset == 1

    asyncio.run(story())
