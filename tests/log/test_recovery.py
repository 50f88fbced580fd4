"""Opening a log after a crash: what is torn is cut, what is damaged is kept and said, what is redundant is made anew."""

from __future__ import annotations

import asyncio

import pytest
from log_house import NOW, Disk, a_log, batches, extent, make_batch, put, read

from odradek.log.errors import LogOffline
from odradek.records.batch import parse_header, patch

LOG = "00000000000000000000.log"


async def crashed(disk: Disk, *counts: int, **config: object) -> list[bytes]:
    """Leave a log of batches with so many records each, as a killed broker does; the batches."""
    async with a_log(disk, clean=False, **config) as house:
        for count in counts:
            await put(house.log, *[b"v" * 10] * count, producer_id=9, producer_epoch=0, base_sequence=house.log.log_end_offset)
        return list((await batches(house.log)).values())


def test_a_log_cut_at_any_byte_of_its_last_batch_loses_that_batch_only():
    async def story() -> None:
        disk = Disk()
        stored = await crashed(disk, 2, 1, 3)
        content = b"".join(stored)
        start = len(content) - len(stored[-1])
        for size in range(start, len(content) + 1):
            await disk.write(LOG, content[:size])
            async with a_log(disk, clean=False) as house:
                whole = size == len(content)
                assert extent(await batches(house.log)) == [(0, 1), (2, 2), (3, 5)][: 3 if whole else 2]
                report = house.log.recovery
                assert report is not None
                assert report.truncated_bytes == (0 if whole else size - start)
                assert not report.clean
                assert bool(report.truncated_reason) == (start < size < len(content))

    asyncio.run(story())


def test_a_flipped_byte_in_the_last_batch_is_a_torn_tail_and_in_an_earlier_one_it_is_damage():
    async def story() -> None:
        disk = Disk()
        stored = await crashed(disk, 2, 1, 3)
        content = b"".join(stored)
        last, outside = len(content) - len(stored[-1]), _outside_checksums(stored)
        for position in range(len(content)):
            flipped = bytearray(content)
            flipped[position] ^= 0x41
            spoilt = Disk(memory=disk.memory.process_kill())
            await spoilt.write(LOG, bytes(flipped))
            async with a_log(spoilt, clean=False) as house:
                if house.log.offline_reason is None:
                    assert position >= last or position in outside
                    continue
                assert position < last
                assert f"{LOG} is damaged at position" in house.log.offline_reason
                with pytest.raises(LogOffline):
                    await read(house.log, 0)
                with pytest.raises(LogOffline):
                    await put(house.log, b"x")
            assert await spoilt.read(LOG) == bytes(flipped)

    asyncio.run(story())


def _outside_checksums(stored: list[bytes]) -> set[int]:
    """Positions of base offsets (a larger one is a gap, as compaction leaves them) and leader epochs."""
    starts = [sum(map(len, stored[:index])) for index in range(len(stored))]
    return {start + at for start in starts for at in (*range(8), *range(12, 16))}


def test_a_torn_tail_below_the_recovery_point_is_damage():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk, clean=False) as house:
            await put(house.log, b"a")
            await put(house.log, b"b")
            await house.log.flush()
            await house.manager.checkpoint()
        await disk.write(LOG, (await disk.read(LOG))[:-1])
        async with a_log(disk, clean=False) as house:
            assert "below the recovery point 2" in (house.log.offline_reason or "")

    asyncio.run(story())


@pytest.mark.parametrize("cut", [1, 300, 700, 900, 1600])
def test_a_batch_within_a_torn_value_does_not_make_it_damage(cut: int):
    """A mirror's or a backup's values are batches themselves."""

    async def story() -> None:
        disk, inner = Disk(), make_batch(b"inner")
        patch(inner, 0, 4, 0)
        await crashed(disk, 1, 1)
        async with a_log(disk, clean=False) as house:
            await put(house.log, b"A" * 800 + bytes(inner) + b"B" * 800)
        content = await disk.read(LOG)
        await disk.write(LOG, content[:-cut])
        async with a_log(disk) as house:
            assert house.log.offline_reason is None
            assert extent(await batches(house.log)) == [(0, 0), (1, 1)]

    asyncio.run(story())


def test_damage_keeps_the_directory_from_being_called_clean():
    async def story() -> None:
        disk = Disk()
        stored = await crashed(disk, 1, 1, 1)
        content = bytearray(b"".join(stored))
        content[70] ^= 1
        await disk.write(LOG, bytes(content))
        for _ in range(2):
            async with a_log(disk) as house:
                assert not house.manager.clean
                assert house.log.offline_reason is not None

    asyncio.run(story())


def test_a_hole_as_a_power_cut_leaves_it_is_cut_and_the_bytes_are_kept_aside():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk, clean=False) as house:
            for _ in range(20):
                await put(house.log, b"\xaa" * 300)
        content = bytearray(await disk.read(LOG))
        content[1024:2048] = bytes(1024)
        await disk.write(LOG, bytes(content))
        async with a_log(disk) as house:
            kept = await batches(house.log)
            end = sum(map(len, kept.values()))
            assert 1 <= len(kept) <= 3
            assert await disk.read(f"{LOG}.{end}.damaged") == content[end:]
            assert (await put(house.log, b"next")).first_offset == len(kept)

    asyncio.run(story())


@pytest.mark.parametrize("spoil", ["missing", "garbage", "odd size", "empty"])
@pytest.mark.parametrize("suffix", ["index", "timeindex"])
@pytest.mark.parametrize("clean", [True, False], ids=["after a clean stop", "after a crash"])
def test_an_index_that_is_missing_or_garbage_is_made_anew(spoil: str, suffix: str, clean: bool):
    async def story() -> None:
        disk, config = Disk(), {"segment_bytes": 2000, "index_interval_bytes": 200}
        async with a_log(disk, clean=clean, **config) as house:
            for number in range(30):
                await put(house.log, b"v" * 100, timestamp=NOW + number)
            await asyncio.gather(*house.log.background)
            expected = await batches(house.log)
        for name in [name for name in await disk.names() if name.endswith("." + suffix)]:
            if spoil == "missing":
                await disk.remove(name)
            else:
                await disk.write(name, {"garbage": b"\xff" * 48, "odd size": b"\x01" * 13, "empty": b""}[spoil])
        async with a_log(disk, **config) as house:
            assert await batches(house.log) == expected
            assert [len(await read(house.log, offset, 1)) for offset in range(30)] == [len(b) for b in expected.values()]
            if spoil != "empty" or suffix == "index":
                found = [await house.log.offset_for_timestamp(NOW + number) for number in range(30)]
                assert [answer and answer.offset for answer in found] == list(range(30))

    asyncio.run(story())


def test_an_empty_segment_is_no_fault():
    async def story() -> None:
        disk = Disk()
        await crashed(disk, 2)
        await disk.write("00000000000000000002.log", b"")
        async with a_log(disk) as house:
            assert house.log.log_end_offset == 2
            assert (await put(house.log, b"x")).first_offset == 2
        assert parse_header(await disk.read("00000000000000000002.log")).base_offset == 2

    asyncio.run(story())


def test_half_written_checkpoints_cost_a_scan_and_nothing_else():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk) as house:
            for epoch in range(3):
                await put(house.log, b"a", epoch=epoch)
            expected = await batches(house.log)
        await disk.write("leader-epoch-checkpoint", b"0\n3\n0 0\n1")
        for name in ("recovery-point-offset-checkpoint", "log-start-offset-checkpoint"):
            await disk.write(f"../{name}", b"0\n2\neven")
        async with a_log(disk) as house:
            assert await batches(house.log) == expected
            assert [tuple(entry) for entry in house.log.epochs.entries] == [(0, 0), (1, 1), (2, 2)]

    asyncio.run(story())


def test_unknown_files_are_left_alone_and_leftovers_of_a_crash_go():
    async def story() -> None:
        disk = Disk()
        await crashed(disk, 1)
        leftovers = [f"{7:020}.log.deleted", f"{3:020}.index.cleaned", f"{9:020}.index", "x.tmp"]
        for name in [*leftovers, "notes.txt"]:
            await disk.write(name, b"?")
        async with a_log(disk) as house:
            assert house.log.log_end_offset == 1
        names = await disk.names()
        assert "notes.txt" in names
        assert not set(leftovers) & set(names)

    asyncio.run(story())


def test_a_finished_compaction_takes_its_place():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk, segment_bytes=150) as house:
            for value in (b"a" * 30, b"b" * 30, b"c" * 30, b"d" * 30):
                await put(house.log, value)
            stored = list((await batches(house.log)).values())
        await disk.write("00000000000000000000.log.swap", stored[0] + stored[2])
        async with a_log(disk, segment_bytes=150) as house:
            assert extent(await batches(house.log)) == [(0, 0), (2, 2), (3, 3)]
        assert not any(name.endswith(".swap") for name in await disk.names())

    asyncio.run(story())


@pytest.mark.parametrize("clean", [True, False], ids=["clean", "crash"])
@pytest.mark.parametrize("snapshots", ["kept", "lost", "garbage"])
def test_producers_are_remembered(clean: bool, snapshots: str):
    async def story() -> None:
        disk, config = Disk(), {"segment_bytes": 400}
        async with a_log(disk, clean=clean, **config) as house:
            for sequence in range(10):
                await put(house.log, b"v" * 20, producer_id=5, producer_epoch=2, base_sequence=sequence)
            await asyncio.gather(*house.log.background)
        for name in [name for name in await disk.names() if name.endswith(".snapshot")]:
            if snapshots == "lost":
                await disk.remove(name)
            elif snapshots == "garbage":
                await disk.write(name, b"\x00\x01garbage")
        async with a_log(disk, **config) as house:
            again = await put(house.log, b"v" * 20, producer_id=5, producer_epoch=2, base_sequence=9)
            assert (again.duplicate, again.first_offset) == (True, 9)
            following = await put(house.log, b"v" * 20, producer_id=5, producer_epoch=2, base_sequence=10)
            assert (following.duplicate, following.first_offset) == (False, 10)

    asyncio.run(story())


def test_after_a_clean_stop_nothing_is_scanned(disk: Disk):
    async def story() -> None:
        async with a_log(disk) as house:
            for number in range(5):
                await put(house.log, b"v", timestamp=NOW + number)
            expected = await batches(house.log)
        async with a_log(disk) as house:
            assert house.manager.clean
            assert house.log.recovery is not None
            assert (house.log.recovery.clean, house.log.recovery.scanned_bytes) == (True, 0)
            assert house.log.durable_offset == 5
            assert await batches(house.log) == expected
            found = await house.log.offset_for_timestamp(NOW + 4)
            assert found is not None
            assert found.offset == 4

    asyncio.run(story())


def test_only_what_lies_beyond_the_recovery_point_is_scanned():
    async def story() -> None:
        disk, config = Disk(), {"segment_bytes": 400}
        async with a_log(disk, clean=False, **config) as house:
            for _ in range(9):
                await put(house.log, b"v" * 50)
            await house.log.flush()
            await asyncio.gather(*house.log.background)
            await house.manager.checkpoint()
            active_size = house.log.segments[-1].size
        async with a_log(disk, **config) as house:
            assert house.log.recovery is not None
            assert house.log.recovery.scanned_bytes == active_size
            assert len(await batches(house.log)) == 9

    asyncio.run(story())


def test_a_preallocated_tail_of_zeros_is_cut():
    async def story() -> None:
        disk = Disk()
        stored = await crashed(disk, 1, 1)
        await disk.write(LOG, b"".join(stored) + bytes(100_000))
        async with a_log(disk) as house:
            assert extent(await batches(house.log)) == [(0, 0), (1, 1)]
        assert await disk.read(LOG) == b"".join(stored)

    asyncio.run(story())


def test_indexes_that_kafka_preallocated_and_never_trimmed_are_read():
    """Apache Kafka maps an index at 10 MiB; after a crash the files end in zeros."""

    async def story() -> None:
        disk, config = Disk(), {"segment_bytes": 2000, "index_interval_bytes": 200}
        async with a_log(disk, **config) as house:
            for number in range(30):
                await put(house.log, b"v" * 100, timestamp=NOW + number)
            expected = await batches(house.log)
        for name in await disk.names():
            if name.endswith((".index", ".timeindex")):
                await disk.write(name, (await disk.read(name)).ljust(12 << 10, b"\0"))
        async with a_log(disk, **config) as house:
            assert await batches(house.log) == expected
            found = await house.log.offset_for_timestamp(NOW + 7)
            assert found is not None
            assert found.offset == 7

    asyncio.run(story())
