"""The pure decisions: when to roll, what to delete, what a fault means, which files to close, what a name says."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_house import NOW, make_batch

from odradek.aio.memory_storage import MemoryStorage
from odradek.base.clock import ManualClock
from odradek.log import names
from odradek.log.config import UNLIMITED, LogConfig
from odradek.log.deletions import Deletions
from odradek.log.open_files import OpenFiles
from odradek.log.recovery_scan import (
    SECTOR,
    Fault,
    Finding,
    SegmentScan,
    holds_zero_sector,
    is_unwritten,
    judge,
    next_valid,
)
from odradek.log.retention import Deletable, SegmentFacts, deletable
from odradek.log.roll import draw_jitter, roll_limits
from odradek.log.segment import Segment
from odradek.log.segments import Segments
from odradek.records.batch import BatchHeader, patch

# -- roll -------------------------------------------------------------------------------------------------------------


def test_a_segment_is_full_by_its_first_batchs_time_or_by_the_clock_where_it_has_none():
    config = LogConfig(segment_bytes=100, segment_ms=1000)
    given = {"base_offset": 5, "created_ms": 77, "jitter_ms": 10}
    by_time = roll_limits(config, first_timestamp=2000, **given)
    by_clock = roll_limits(config, first_timestamp=-1, **given)
    empty = roll_limits(config, first_timestamp=None, **given)
    assert by_time == (100, 5 + 2**31 - 1, 2990, UNLIMITED)
    assert by_clock == (100, 5 + 2**31 - 1, UNLIMITED, 1067)
    assert empty == (100, 5 + 2**31 - 1, UNLIMITED, UNLIMITED)
    assert roll_limits(config, first_timestamp=2000, index_full=True, **given).size == 0


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 10**12), st.integers(1, 10**12))
def test_jitter_is_never_longer_than_the_segments_time(fraction: float, jitter: int, segment_ms: int):
    drawn = draw_jitter(LogConfig(segment_ms=segment_ms, segment_jitter_ms=jitter), fraction)
    assert 0 <= drawn <= min(jitter, segment_ms)


# -- retention --------------------------------------------------------------------------------------------------------


def facts(*sizes_and_times: tuple[int, int]) -> list[SegmentFacts]:
    return [SegmentFacts(10 * n, 10 * n + 10, size, newest) for n, (size, newest) in enumerate(sizes_and_times)]


def choose(segments: list[SegmentFacts], *, upper: int = 1000, start: int = 0, now_ms: int = 0, **config: object) -> Deletable:
    settings = LogConfig(**{"retention_ms": -1, **config})  # type: ignore[arg-type]
    return deletable(segments, settings, now_ms=now_ms, log_start_offset=start, upper_bound=upper)


def test_the_rules_of_retention():
    four = facts((5, 1), (5, 2), (5, 3), (5, 4))
    assert choose(four) == (0, "")
    assert choose(four, start=20) == (2, "log start offset")
    assert choose(four, start=19) == (1, "log start offset")
    assert choose(four, retention_bytes=10) == (2, "retention.bytes=10")
    assert choose(four, retention_bytes=11) == (1, "retention.bytes=11")
    assert choose(four, retention_bytes=0) == (4, "retention.bytes=0")
    assert choose(four, retention_ms=10, now_ms=13) == (2, "retention.ms=10")
    assert choose(four, retention_ms=10, now_ms=13, start=30) == (3, "log start offset")
    assert choose(four, retention_ms=0, now_ms=99, upper=25) == (2, "retention.ms=0")
    assert choose(four, retention_ms=0, now_ms=99, cleanup_policy=frozenset(("compact",))) == (0, "")


def test_time_stops_at_the_first_segment_that_is_young_enough():
    assert choose(facts((5, 1), (5, 50), (5, 2)), retention_ms=10, now_ms=30).segment_count == 1


def test_an_empty_last_segment_stays():
    assert choose(facts((5, 1), (0, 1)), retention_ms=0, now_ms=99).segment_count == 1


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), max_size=8), st.integers(-1, 300), st.integers(-1, 100))
def test_what_retention_leaves_is_no_less_than_allowed(shapes: list[tuple[int, int]], limit: int, retention_ms: int):
    segments = facts(*shapes)
    count = choose(segments, retention_bytes=limit, retention_ms=retention_ms, now_ms=100).segment_count
    gone, left = segments[:count], segments[count:]
    if retention_ms < 0 and limit >= 0 and gone:
        assert sum(s.size for s in left) >= limit
    if limit < 0 and retention_ms >= 0:
        assert all(s.newest_ms < 100 - retention_ms for s in gone)


# -- recovery ---------------------------------------------------------------------------------------------------------


def stored(*bases: int) -> bytes:
    made = []
    for base in bases:
        batch = make_batch(b"v" * 40)
        patch(batch, 0, base, 0)
        made.append(bytes(batch))
    return b"".join(made)


def scan(content: bytes, chunk: int = 1 << 20, base_offset: int = 0) -> tuple[SegmentScan, list[int]]:
    seen: list[int] = []

    def visit(position: int, header: BatchHeader, batch: memoryview) -> None:
        assert content[position : position + header.size] == batch
        seen.append(header.base_offset)

    walk = SegmentScan(base_offset, len(content), visit)
    while not walk.done:
        walk.feed(content[walk.position : walk.position + max(chunk, walk.wanted)])
    return walk, seen


@given(st.integers(1, 400))
def test_a_scan_sees_the_same_whatever_the_chunks(chunk: int):
    content = stored(0, 1, 2, 5)
    walk, seen = scan(content, chunk)
    assert (seen, walk.next_offset, walk.fault) == ([0, 1, 2, 5], 6, None)


@given(st.integers(0, 400))
def test_a_scan_stops_where_the_bytes_end(size: int):
    content = stored(0, 1, 2)
    walk, seen = scan(content[:size])
    whole = size // (len(content) // 3)
    assert seen == [0, 1, 2][:whole]
    assert (walk.fault is not None) == (size < len(content) and size % (len(content) // 3) != 0)
    assert walk.fault is None or walk.fault.beyond_end


@pytest.mark.parametrize(
    ("content", "base_offset", "reason"),
    [
        (stored(0, 2, 1), 0, "offsets only rise"),
        (stored(3), 4, "offsets only rise"),
        (stored(2**31), 0, "too far above"),
        (stored(0) + bytes(200), 0, "zeros"),
        (stored(0)[:-1] + b"?", 0, "checksum"),
    ],
)
def test_what_a_scan_calls_a_fault(content: bytes, base_offset: int, reason: str):
    walk, _ = scan(content, base_offset=base_offset)
    assert walk.fault is not None
    assert reason in walk.fault.reason


def test_the_next_valid_batch_is_found_at_any_position():
    batch = stored(7)
    for gap in range(40):
        assert next_valid(b"\x02" * gap + batch, 0, 7) == gap
    assert next_valid(batch, 0, 8) is None
    assert next_valid(batch[:-1], 0, 0) is None


def test_a_fault_is_torn_a_hole_or_damage():
    fault = Fault(100, 10, "?")
    assert judge(fault, recovery_point=0, valid_after=False, gap=False) is Finding.TORN
    assert judge(fault, recovery_point=10, valid_after=False, gap=True) is Finding.TORN
    assert judge(fault, recovery_point=11, valid_after=False, gap=True) is Finding.DAMAGE
    assert judge(fault, recovery_point=0, valid_after=True, gap=True) is Finding.HOLE
    assert judge(fault, recovery_point=0, valid_after=True, gap=False) is Finding.DAMAGE


def test_zeroed_sectors_count_where_the_disk_has_them():
    assert holds_zero_sector(bytes(SECTOR), 0)
    assert not holds_zero_sector(bytes(SECTOR), 1)
    assert holds_zero_sector(b"x" * 10 + bytes(2 * SECTOR), 1024)
    assert not holds_zero_sector(b"x" * 10 + bytes(SECTOR), 1024)


def test_the_rest_of_a_sector_was_never_written_when_no_batch_could_begin_so():
    assert is_unwritten(bytes(12), 0)
    assert not is_unwritten(bytes(11), 0)
    assert not is_unwritten(bytes(7), 5)
    assert is_unwritten(bytes(8), 5)
    assert not is_unwritten(b"\0" * 20 + b"\1", 0)


# -- names and sets ---------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**63 - 1), st.sampled_from([names.LOG, names.OFFSET_INDEX, names.SNAPSHOT]))
def test_segment_names_are_read_back(offset: int, role: str):
    assert names.parse_segment_file(names.segment_file(offset, role)) == (offset, role, "")
    assert names.parse_segment_file(names.segment_file(offset, role) + names.SWAP) == (offset, role, names.SWAP)


def test_partition_directories_are_told_from_others():
    assert names.parse_partition_directory("a-b-12") == ("a-b", 12)
    gone = names.deleted_directory("a.b", 3, bytes(16))
    assert gone == f"a.b-3.{'0' * 32}-delete"
    assert names.is_deleted_directory(gone)
    assert names.parse_partition_directory(gone) is None
    assert names.parse_partition_directory(gone.replace("-delete", "-stray")) is None
    assert len(names.deleted_directory("t" * 249, 3, bytes(16))) == 255
    assert names.parse_segment_file("7.log") is None


def test_segments_are_found_by_offset():
    segments = Segments()
    for base in (0, 10, 20):
        segments.add(Segment("/d", base))
    assert [segments.index_of(offset) for offset in (0, 9, 10, 19, 20, 99)] == [0, 0, 1, 1, 2, 2]
    assert [segments.end_of(index, 25) for index in range(3)] == [10, 20, 25]
    assert [segment.base_offset for segment in segments.take_from(10)] == [10, 20]
    assert len(segments) == 1


def test_open_files_go_by_second_chance_and_not_while_they_are_needed():
    class Opened(Segment):
        """A segment that only looks open."""

        __slots__ = ()

    files = OpenFiles(2, 100)
    segments = [Opened("/d", base) for base in range(4)]
    for segment in segments:
        segment.file = object()  # type: ignore[assignment]
        files.admit(segment)
    segments[0].used = True
    segments[1].dirty = True
    segments[2].lease.holders = 1
    assert files.take_idle() == [segments[3], segments[0]]
    segments[1].dirty = False
    files.admit(segments[3])
    assert files.take_idle() == [segments[1]]


def test_deletions_wait_for_their_time():
    async def story() -> None:
        clock, storage = ManualClock(NOW), MemoryStorage()
        deletions = Deletions(storage, clock)
        for name, delay_ms in (("now", 0), ("later", 500)):
            await storage.make_directory(f"/{name}")
            deletions.add_tree(f"/{name}", delay_ms)
        deletions.add_tree("/never-was", 0)
        assert await deletions.run_due() == 2
        assert not await storage.exists("/now")
        assert await storage.exists("/later")
        assert await deletions.run_due(everything=True) == 1
        assert len(deletions) == 0

    asyncio.run(story())


def test_configuration_is_taken_from_kafkas_names():
    config = LogConfig.of({"segment.bytes": 7, "cleanup.policy": ("compact", "delete"), "unclean.leader.election.enable": True})
    assert (config.segment_bytes, config.is_compacted, config.deletes) == (7, True, True)
    assert LogConfig.of({}) == LogConfig()
