"""Showing, judging and repairing the files of a stopped broker."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from log_house import NOW, TOPIC, TOPIC_ID, Disk, a_log, batches, extent, put

from odradek.base.ids import uuid_to_text
from odradek.log.inspect import InspectError, Kind, Severity, dump, kind_of, known_files, repair, verify
from odradek.log.offset_index import OffsetPosition
from odradek.log.time_index import TimestampOffset

CONFIG = {"segment_bytes": 700, "index_interval_bytes": 150}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A partition's directory with three segments, closed in order."""
    disk = Disk("threads", str(tmp_path))

    async def story() -> None:
        async with a_log(disk, **CONFIG) as house:
            for sequence in range(12):
                await put(house.log, b"v" * 80, b"w", epoch=sequence // 6, timestamp=NOW + sequence, producer_id=3,
                          producer_epoch=1, base_sequence=2 * sequence)  # fmt: skip

    asyncio.run(story())
    return Path(disk.directory) / f"{TOPIC}-0"


def content(directory: Path) -> list[tuple[int, int]]:
    async def story() -> list[tuple[int, int]]:
        async with a_log(Disk("threads", str(directory.parent.parent)), **CONFIG) as house:
            assert house.log.offline_reason is None
            return extent(await batches(house.log))

    return asyncio.run(story())


def logs(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.log"))


def flip(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 0x10
    path.write_bytes(data)


def test_every_file_of_a_directory_can_be_shown(directory: Path):
    shown = {Path(path).name: list(dump(path)) for path in known_files(str(directory))}
    first = logs(directory)[0].name.removesuffix(".log")
    batch = shown[f"{first}.log"][0]
    assert (batch.position, batch.header.base_offset, batch.records) == (0, 0, None)  # type: ignore[attr-defined]
    assert all(isinstance(entry, OffsetPosition) for entry in shown[f"{first}.index"])
    assert shown[f"{first}.timeindex"][-1] == TimestampOffset(NOW + 3, 7)
    assert [tuple(entry) for entry in shown["leader-epoch-checkpoint"]] == [(0, 0), (1, 12)]
    assert shown["partition.metadata"][0] == (uuid_to_text(TOPIC_ID),)
    last_snapshot = [entries for name, entries in shown.items() if name.endswith(".snapshot")][-1]
    assert last_snapshot[0][:4] == (3, 1, 23, 23)
    above = {Path(path).name: list(dump(path)) for path in known_files(str(directory.parent))}
    assert above["recovery-point-offset-checkpoint"] == [(TOPIC, 0, 24)]
    assert above[".kafka_cleanshutdown"] == [(-1,)]
    assert above["meta.properties"][0].node_id == 1  # type: ignore[attr-defined]


def test_records_are_decoded_when_asked_for(directory: Path):
    batch = next(iter(dump(str(logs(directory)[0]), records=True)))
    assert [record.value for record in batch.records] == [b"v" * 80, b"w"]  # type: ignore[attr-defined]


def test_a_torn_log_is_shown_up_to_where_it_is_torn(directory: Path):
    path = logs(directory)[-1]
    path.write_bytes(path.read_bytes()[:-5])
    *_, fault = dump(str(path))
    assert fault.bytes_left > 0  # type: ignore[attr-defined]


def test_kinds_are_known_by_name():
    assert kind_of("/x/00000000000000000000.log.deleted") is Kind.LOG
    assert kind_of("/x/00000000000000000000.timeindex") is Kind.TIME_INDEX
    assert kind_of("/x/notes.txt") is None
    with pytest.raises(InspectError):
        dump("/x/notes.txt")


def test_a_sound_directory_has_no_findings(directory: Path):
    for path in (directory, directory.parent, logs(directory)[0]):
        assert list(verify(str(path), records=True)) == []


def test_findings_name_file_position_and_reason(directory: Path):
    first, second, last = logs(directory)
    flip(first, 130)
    Path(str(second).replace(".log", ".index")).unlink()
    Path(str(last).replace(".log", ".timeindex")).write_bytes(b"\x7f" * 12)
    last.write_bytes(last.read_bytes()[:-1])
    found = {(Path(finding.path).name, finding.severity): finding for finding in verify(str(directory))}
    damage = found[first.name, Severity.DAMAGE]
    assert damage.position == 0
    assert "valid batches follow at position" in damage.reason
    assert found[second.name.replace(".log", ".index"), Severity.STALE].reason == "missing"
    assert (last.name.replace(".log", ".timeindex"), Severity.STALE) in found
    assert "no batch" in found[last.name, Severity.TORN].reason


@pytest.mark.parametrize("spoil", [b"\xff" * 16, b"\x00\x00\x00\x05\x00\x00\x00\x07", b"123"])
def test_an_index_that_lies_is_stale(directory: Path, spoil: bytes):
    Path(str(logs(directory)[0]).replace(".log", ".index")).write_bytes(spoil)
    assert {finding.severity for finding in verify(str(directory))} == {Severity.STALE}


def test_a_repair_is_shown_first_and_changes_nothing(directory: Path):
    flip(logs(directory)[1], 300)
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    acts = repair(str(directory))
    assert any("cut" in act.what for act in acts)
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before


def test_a_repair_ends_the_log_at_the_fault_and_keeps_what_was_cut(directory: Path):
    whole = content(directory)
    first, second, last = logs(directory)
    cut_from = second.read_bytes()
    flip(second, 300)
    repair(str(directory), apply=True)
    assert [finding.severity for finding in verify(str(directory))] == [Severity.NOTE] * 2
    (aside,) = directory.glob(f"{second.name}.*.damaged")
    position = int(aside.name.split(".")[2])
    assert second.read_bytes() == cut_from[:position]
    assert len(aside.read_bytes()) == len(cut_from) - position
    assert (directory / f"{last.name}.damaged").exists()
    left = content(directory)
    assert left == whole[: len(left)]
    assert len(left) > 4
    assert first.exists()


def test_a_repair_makes_indexes_and_removes_what_cannot_be_read(directory: Path):
    index = Path(str(logs(directory)[0]).replace(".log", ".index"))
    sound = index.read_bytes()
    index.write_bytes(b"garbage!")
    (directory / "leader-epoch-checkpoint").write_bytes(b"0\n9\n")
    snapshot = sorted(directory.glob("*.snapshot"))[0]
    snapshot.write_bytes(b"?")
    repair(str(directory), apply=True)
    assert index.read_bytes() != b"garbage!"
    assert list(verify(str(directory))) == []
    assert not snapshot.exists()
    assert len(content(directory)) == 12
    assert len(sound) > 0


def test_nothing_to_repair(directory: Path):
    assert repair(str(directory), apply=True) == []
    assert (directory.parent / ".kafka_cleanshutdown").exists()


def test_a_directory_in_use_is_not_repaired(tmp_path: Path):
    from odradek.aio.errors import LockedError

    async def story() -> None:
        disk = Disk("threads", str(tmp_path))
        async with a_log(disk) as house:
            await put(house.log, b"a")
            with pytest.raises(LockedError):
                repair(house.log.directory, apply=True)

    asyncio.run(story())


def test_what_is_no_partition_is_refused(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("?")
    with pytest.raises(InspectError):
        repair(str(tmp_path), apply=True)
    with pytest.raises(InspectError):
        list(verify(str(tmp_path)))


@pytest.mark.parametrize("spoil", ["last batch missing", "empty", "gone"])
def test_a_lost_end_is_found_and_a_repair_accepts_the_loss(tmp_path: Path, spoil: str):
    disk = Disk("threads", str(tmp_path))
    directory = Path(disk.directory) / f"{TOPIC}-0"

    async def story() -> None:
        async with a_log(disk) as house:
            for value in (b"a", b"b", b"c"):
                await put(house.log, value)
        (log,) = logs(directory)
        if spoil == "gone":
            log.unlink()
        else:
            log.write_bytes(log.read_bytes()[: log.stat().st_size * 2 // 3] if spoil == "last batch missing" else b"")
        end = 2 if spoil == "last batch missing" else 0
        found = [finding for finding in verify(str(directory.parent)) if finding.severity is Severity.DAMAGE]
        assert [f"ends at offset {end}, below the recovery point 3" in finding.reason for finding in found] == [True]
        acts = repair(str(directory), apply=True)
        assert any(f"accept that offsets {end} to 2 are lost" in act.what for act in acts)
        assert [finding for finding in verify(str(directory)) if finding.severity is Severity.DAMAGE] == []
        async with a_log(disk) as house:
            assert house.log.offline_reason is None
            assert house.log.recovery is not None
            assert not house.log.recovery.clean, "the broker gives it a new leader epoch"
            assert house.log.log_end_offset == end
            assert (await put(house.log, b"new", epoch=1)).first_offset == end

    asyncio.run(story())
