"""Appends to a log on real files: records, bytes and microseconds per CPU second, by batch size; idempotent and not.

`python -m benchmarks.log.append`: CPU time of this process, the median of five rounds on a fresh log each. The line "without
the disk" replaces the write by nothing, so it is what the append itself costs. Large batches mostly measure how the machine
gives out page-cache pages (see the traps in benchmarks/README.md).
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
from pathlib import Path
from time import process_time

from benchmarks.record import quick

from benchmarks import harness
from odradek.aio.thread_storage import ThreadStorage
from odradek.base.clock import SystemClock
from odradek.base.prng import seeded
from odradek.log.config import LogConfig
from odradek.log.log import Log
from odradek.log.manager import LogManager
from odradek.log.results import NEEDS_ROLL
from odradek.records.batch import parse_header
from odradek.records.record import NewRecord, build_batch

NOW = 1_795_517_740_155
SIZES = {"1 record": (1, 100_000), "16 KB": (150, 20_000), "1 MB": (9500, 300)}
ROUNDS = 5


class NoFile:
    """Takes every write and keeps nothing."""

    def write_now(self, parts: object, position: int) -> None:
        """Nothing."""


async def a_log(directory: Path) -> tuple[LogManager, Log]:
    manager = LogManager(ThreadStorage(), str(directory), clock=SystemClock(), prng=seeded(1))
    await manager.start()
    return manager, await manager.open_or_create("bench", 0, bytes(16), LogConfig(segment_bytes=2**31 - 1))


async def one_round(directory: Path, records: int, count: int, *, numbered: bool, with_disk: bool) -> float:
    """CPU microseconds per append, to a log that is gone afterwards: the next one is written to the same pages."""
    manager, log = await a_log(directory / "round")
    values = [NewRecord(b"", b"x" * 100, NOW)] * records
    batch = build_batch(values, producer_id=1, producer_epoch=0, base_sequence=0) if numbered else build_batch(values)
    header = parse_header(batch)
    await log.append(batch, header, leader_epoch=0, now_ms=NOW)
    segment = log.segments[-1]
    file = segment.file
    if not with_disk:
        segment.file = NoFile()  # type: ignore[assignment]
    headers = [header._replace(base_sequence=records * (n + 1)) for n in range(count)] if numbered else [header] * count
    append_now = log.append_now
    began = process_time()
    for current in headers:
        if append_now(batch, current, leader_epoch=0, now_ms=NOW) is NEEDS_ROLL:
            raise RuntimeError("the benchmark's segment is too small")
    used = process_time() - began
    if log.log_end_offset != records * (count + 1):
        raise RuntimeError(f"{log.log_end_offset} records in the log, {records * (count + 1)} sent")
    segment.file = file
    await log.abandon()
    await manager.housekeeping.end()
    manager.abandon()
    shutil.rmtree(directory / "round")
    return used / count * 1e6


def main() -> None:
    figures: dict[str, list[float]] = {}
    with harness.directory() as directory:
        harness.warm_pages(directory, (16 if quick() else 512) << 20)
        for name, (records, count) in SIZES.items():
            size = len(build_batch([NewRecord(b"", b"x" * 100, NOW)] * records))
            for numbered, with_disk in ((False, True), (True, True), (False, False)):
                title = f"{name}{', idempotent' if numbered else ''}{'' if with_disk else ', without the disk'}"
                figures[title] = rounds(directory, records, count, numbered=numbered, with_disk=with_disk)
                cost = statistics.median(figures[title])
                print(f"{title:40} {cost:9.2f} us {records / cost * 1e6:14,.0f} records/s {size / cost:9.1f} MB/s")
    harness.note_result("log_append", {"unit": "us of CPU per append", "figures": figures})


def rounds(directory: Path, records: int, count: int, *, numbered: bool, with_disk: bool) -> list[float]:
    """Microseconds per append in each round; a quick run makes a hundredth of one."""
    times, count = (1, max(3, count // 100)) if quick() else (ROUNDS, count)
    return [
        round(asyncio.run(one_round(directory, records, count, numbered=numbered, with_disk=with_disk)), 3)
        for _ in range(times)
    ]


if __name__ == "__main__":
    main()
