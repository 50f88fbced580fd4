"""Partitions whose directory is gone: who is missing, what is said, and that nobody serves them as if they were new."""

from __future__ import annotations

import asyncio
import errno
import logging
from pathlib import Path

import pytest
from log_house import NOW, TOPIC, TOPIC_ID, Disk, House, a_log, batches, extent, kill, put
from test_lost_end import LOG, MARK, POINTS, STARTS, three_flushed

from odradek.aio.faults import Fault
from odradek.aio.storage import Operation
from odradek.base.clock import ManualClock
from odradek.base.prng import seeded
from odradek.log import checkpoints, missing, names
from odradek.log.config import LogConfig
from odradek.log.errors import LogOffline
from odradek.log.inspect import Severity, repair, verify
from odradek.log.manager import LogManager
from odradek.log.missing import Lines, Missing

HIGH = "replication-offset-checkpoint"
KEY = (TOPIC, 0)


def find(
    points: dict[str, int], starts: dict[str, int], ends: dict[str, int], *there: str, clean: bool = True, deleted: list[str]
) -> dict[str, int]:
    """With one-letter topics: which are missing, and up to where they are known to have held records."""
    lines = Lines(*({(topic, 0): offset for topic, offset in file.items()} for file in (points, starts, ends)))
    found = missing.find(lines, [(topic, 0) for topic in there], deleted, clean=clean)
    return {topic: gone.end_offset for (topic, _), gone in found.items()}


def test_each_of_the_three_files_tells_of_a_partition_that_held_something():
    assert find({"a": 3}, {"b": 4}, {"c": 5}, deleted=[]) == {"a": 3, "b": 4, "c": 5}
    assert find({"a": 3}, {"a": 1}, {"a": 5}, deleted=[]) == {"a": 5}
    assert find({"a": 3, "b": 1}, {}, {}, "a", "b", deleted=[]) == {}
    assert missing.find(Lines(None, None, None), [], [], clean=False) == {}


def test_zeros_prove_that_nothing_was_there_only_after_a_clean_end():
    assert find({"a": 0}, {}, {"a": 0}, deleted=[]) == {}
    assert find({"a": 0}, {}, {"a": 0}, deleted=[], clean=False) == {"a": 0}


@pytest.mark.parametrize("topic", ["a", "t" * 240])
def test_a_deletion_that_kafka_was_killed_in_is_no_loss(topic: str):
    renamed = names.deleted_directory(topic, 0, b"\xab" * 16)
    assert find({topic: 3}, {}, {}, deleted=[renamed]) == {}
    assert find({topic: 3, "b": 1}, {}, {}, deleted=[names.deleted_directory(topic, 1, b"\xab" * 16)]) == {topic: 3, "b": 1}


def test_the_metadata_log_of_kafka_is_not_ours_to_miss():
    lines = Lines({("__cluster_metadata", 0): 9}, None, None)
    assert missing.find(lines, [], [], clean=True) == {}


async def point(disk: Disk, name: str = POINTS) -> int | None:
    """What a checkpoint says of the partition."""
    data = await disk.storage().read_bytes(f"{disk.directory}/{name}")
    return checkpoints.decode_offsets(data).get(KEY)


async def remove_directory(disk: Disk) -> None:
    await disk.storage().remove_tree(f"{disk.directory}/{TOPIC}-0")


@pytest.mark.parametrize("was_clean", [True, False])
def test_a_missing_directory_is_offline_at_every_start_and_well_again_when_it_is_back(disk: Disk, was_clean: bool):
    async def story() -> None:
        content = await three_flushed(disk)
        if not was_clean:
            await disk.remove(f"../{MARK}")
        await remove_directory(disk)
        for clean in (True, False, True):
            async with a_log(disk, clean=clean) as house:
                reason = house.log.offline_reason or ""
                assert "its directory is missing, and by the checkpoints it held offsets up to 3" in reason
                assert "odradek log repair" in reason
                for refused in (put(house.log, b"x"), house.log.delete_records(-1)):
                    with pytest.raises(LogOffline):
                        await refused
                with pytest.raises(LogOffline):
                    house.log.read_slice(0, 100, 3)
                await house.manager.checkpoint()
                await house.manager.housekeeping.run_retention()
                await house.manager.housekeeping.run_upkeep()
            assert (await point(disk), await point(disk, HIGH)) == (3, 3)
            assert f"{TOPIC}-0" not in await disk.names_of_directory()
        await disk.storage().make_directory(f"{disk.directory}/{TOPIC}-0")
        await disk.write(LOG, content)
        async with a_log(disk) as house:
            assert extent(await batches(house.log)) == [(0, 0), (1, 1), (2, 2)]

    asyncio.run(story())


def test_it_is_said_as_an_error_with_the_partitions_name(caplog: pytest.LogCaptureFixture):
    async def story() -> None:
        disk = Disk()
        await three_flushed(disk)
        await remove_directory(disk)
        with caplog.at_level(logging.ERROR, "odradek.log"):
            async with a_log(disk):
                pass

    asyncio.run(story())
    (record,) = [record for record in caplog.records if record.getMessage() == "partition offline"]
    assert record.fields["partition"] == f"{TOPIC}-0"  # type: ignore[attr-defined]
    assert "directory is missing" in record.fields["reason"]  # type: ignore[attr-defined]


def test_records_that_were_not_flushed_when_the_broker_was_killed_are_missed_too():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk, clean=False) as house:
            await put(house.log, b"a", b"b")
            await house.manager.checkpoint()
            assert (await point(disk), await point(disk, HIGH)) == (0, 2)
        await remove_directory(disk)
        async with a_log(disk) as house:
            assert "held offsets up to 2" in (house.log.offline_reason or "")

    asyncio.run(story())


def test_a_partition_that_was_empty_is_made_anew():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk):
            pass
        await remove_directory(disk)
        async with a_log(disk) as house:
            assert house.log.offline_reason is None
            assert (await put(house.log, b"a")).first_offset == 0

    asyncio.run(story())


def test_deleting_the_topic_is_a_way_out(disk: Disk):
    async def story() -> None:
        await three_flushed(disk)
        await remove_directory(disk)
        async with a_log(disk, clean=False) as house:
            await house.manager.delete(*KEY)
            assert await point(disk) is None
        async with a_log(disk) as house:
            assert house.log.offline_reason is None

    asyncio.run(story())


@pytest.mark.parametrize("taken", ["deleted", "set aside"])
def test_no_crash_makes_a_topic_of_the_same_name_miss_what_was_taken_away(taken: str, monkeypatch: pytest.MonkeyPatch):
    """Killed at the rename: whichever of the two the next start sees, the checkpoints don't contradict it."""

    async def story() -> None:
        disk = Disk()
        async with a_log(disk) as house:
            await put(house.log, b"a", b"b")
        async with a_log(disk, clean=False) as house:
            seen = []
            rename = disk.memory.rename

            async def watched(old: str, new: str) -> None:
                seen.append((await point(disk), await point(disk, HIGH)))
                await rename(old, new)

            monkeypatch.setattr(disk.memory, "rename", watched)
            await (house.manager.delete(*KEY) if taken == "deleted" else house.manager.set_aside(*KEY))
            assert (None, None) in seen
        for left in [name for name in await disk.names_of_directory() if name.startswith(TOPIC)]:
            await disk.memory.remove_tree(f"{disk.directory}/{left}")
        async with a_log(disk) as house:
            assert house.log.offline_reason is None

    asyncio.run(story())


def manager_on(disk: Disk) -> LogManager:
    return LogManager(disk.storage(), disk.directory, clock=ManualClock(NOW), prng=seeded(2))


def test_what_no_topic_claims_is_said_and_forgotten(caplog: pytest.LogCaptureFixture):
    async def story() -> None:
        disk = Disk()
        await three_flushed(disk)
        await remove_directory(disk)
        manager = manager_on(disk)
        await manager.start()
        assert manager.missing == {KEY: Missing(3, 0, 3)}
        assert await point(disk) == 3, "a start that goes no further has forgotten nothing"
        with caplog.at_level(logging.ERROR, "odradek.log"):
            await manager.opened_all()
        assert [record.fields["partition"] for record in caplog.records] == [f"{TOPIC}-0"]  # type: ignore[attr-defined]
        assert (manager.missing, await point(disk)) == ({}, None)
        await manager.close()

    asyncio.run(story())


def test_partitions_that_are_made_at_a_start_are_said(caplog: pytest.LogCaptureFixture):
    async def story() -> None:
        disk = Disk()
        manager = manager_on(disk)
        await manager.start()
        await manager.open_or_create("known", 0, TOPIC_ID, LogConfig())
        with caplog.at_level(logging.WARNING, "odradek.log"):
            await manager.opened_all()
        assert [record.fields["first"] for record in caplog.records] == ["known-0"]  # type: ignore[attr-defined]
        caplog.clear()
        await manager.open_or_create("new", 0, b"\1" * 16, LogConfig())
        await manager.opened_all()
        assert caplog.records == []
        await manager.close()

    asyncio.run(story())


def test_a_partition_that_found_no_room_to_be_made_is_not_missed():
    async def story() -> None:
        disk = Disk()
        async with a_log(disk, clean=False) as house:
            disk.memory.faults.add(Fault(Operation.WRITE, errno.ENOSPC, path="*waits-0*", times=None))
            disk.memory.faults.add(Fault(Operation.MAKE_DIRECTORY, errno.ENOSPC, path="*waits-0*", times=None))
            waiting = await house.manager.open_or_create("waits", 0, b"\7" * 16, LogConfig())
            assert waiting.offline_reason is not None
            await house.manager.checkpoint()
        manager = manager_on(disk)
        await manager.start()
        assert ("waits", 0) not in manager.missing
        await kill(manager)

    asyncio.run(story())


def test_many_topics_that_go_at_once_share_the_writing(monkeypatch: pytest.MonkeyPatch):
    async def story() -> None:
        disk = Disk()
        async with a_log(disk) as house:
            for index in range(100):
                await house.manager.open_or_create(f"t{index}", 0, index.to_bytes(16, "big"), LogConfig())
            await house.manager.checkpoint()
            written = []
            write = disk.memory.write_atomically

            async def counted(path: str, data: bytes, **options: bool) -> None:
                written.append(path)
                await write(path, data, **options)

            monkeypatch.setattr(disk.memory, "write_atomically", counted)
            await asyncio.gather(*(house.manager.delete(f"t{index}", 0) for index in range(100)))
            assert len([path for path in written if path.endswith(POINTS)]) <= 3
            assert set(checkpoints.decode_offsets(await disk.read(f"../{POINTS}"))) == {KEY}

    asyncio.run(story())


def lost(tmp_path: Path, *, start: int = 0) -> tuple[Disk, Path]:
    """A directory with five records and a start in the middle, taken away after a clean end."""
    disk = Disk("threads", str(tmp_path))

    async def story() -> None:
        async with a_log(disk) as house:
            await put(house.log, b"a", b"b", b"c", b"d", b"e")
            if start:
                await house.log.delete_records(start)

    asyncio.run(story())
    asyncio.run(remove_directory(disk))
    return disk, Path(disk.directory) / f"{TOPIC}-0"


def test_verify_tells_of_the_whole_data_directory_and_of_the_partition(tmp_path: Path):
    _, directory = lost(tmp_path)
    for path in (directory, directory.parent):
        (found,) = verify(str(path))
        assert (found.path, found.severity) == (str(directory), Severity.DAMAGE)
        assert "held offsets up to 5" in found.reason


def test_a_repair_makes_it_anew_where_the_lost_one_ended(tmp_path: Path):
    disk, directory = lost(tmp_path, start=2)

    async def after(look) -> None:  # type: ignore[no-untyped-def]
        async with a_log(disk) as house:
            await look(house)

    async def offline(house: House) -> None:
        assert house.log.offline_reason is not None

    asyncio.run(after(offline))
    shown = repair(str(directory))
    assert [act.path for act in shown] == [str(directory)]
    assert "from offset 5 on" in shown[0].what
    assert not directory.exists()
    assert repair(str(directory), apply=True) == shown
    assert list(verify(str(directory.parent))) == []

    async def goes_on(house: House) -> None:
        assert house.log.offline_reason is None
        assert house.log.recovery is not None
        assert not house.log.recovery.clean, "so that it gets a new leader epoch"
        assert (house.log.log_start_offset, house.log.log_end_offset) == (5, 5)
        assert (await put(house.log, b"f")).first_offset == 5

    asyncio.run(after(goes_on))
    assert asyncio.run(point(disk)) == 6
    assert asyncio.run(point(disk, STARTS)) is None


def test_a_repair_after_a_clean_end_takes_the_mark_away(tmp_path: Path):
    _, directory = lost(tmp_path)
    assert any(act.path.endswith(MARK) for act in repair(str(directory), apply=True))
    assert not (directory.parent / MARK).exists()
    assert repair(str(directory)) == []
