"""Recovery after a crash: how fast a log is walked, its indexes rebuilt and its producers replayed.

`python -m benchmarks.log.recovery`: a log of 512 MiB in batches of 16 KB (and one of 200-byte batches) is written, left without
being closed, and opened again. The bytes are in the page cache, as they are after SIGKILL. Aim: 1 GiB/s for 16 KB batches.
"""

from __future__ import annotations

import asyncio
import statistics
from pathlib import Path
from time import perf_counter, process_time

from benchmarks.record import quick

from benchmarks import harness
from odradek.aio.thread_storage import ThreadStorage
from odradek.base.clock import SystemClock
from odradek.base.prng import seeded
from odradek.log.config import LogConfig
from odradek.log.manager import LogManager
from odradek.records.batch import parse_header
from odradek.records.record import NewRecord, build_batch

NOW = 1_795_517_740_155
SHAPES = {"16 KB batches": (150, 512 << 20), "200-byte batches": (1, 32 << 20)}
ROUNDS = 3


def manager_on(directory: Path) -> LogManager:
    config = LogConfig(segment_bytes=256 << 20)
    return LogManager(ThreadStorage(), str(directory), clock=SystemClock(), prng=seeded(1), config_for=lambda _: config)


async def walk_away(manager: LogManager, directory: Path) -> None:
    """Leave the logs unclosed and without a recovery point, as if the process had been killed at its beginning."""
    await manager.housekeeping.end()
    manager.abandon()
    (directory / "recovery-point-offset-checkpoint").unlink(missing_ok=True)


async def write(directory: Path, records: int, size: int) -> int:
    """Fill a log and walk away; its size."""
    manager = manager_on(directory)
    await manager.start()
    log = await manager.open_or_create("bench", 0, bytes(16), LogConfig(segment_bytes=256 << 20))
    batch = build_batch([NewRecord(b"", b"x" * 100, NOW)] * records)
    header = parse_header(batch)
    while log.size_bytes < size:
        for _ in range(200):
            await log.append(batch, header, leader_epoch=0, now_ms=NOW)
    await asyncio.gather(*log.background)
    await walk_away(manager, directory)
    return log.size_bytes


async def recover(directory: Path) -> tuple[float, float, int]:
    """(seconds, CPU seconds, bytes scanned)."""
    manager = manager_on(directory)
    began, used = perf_counter(), process_time()
    reports = await manager.start()
    result = perf_counter() - began, process_time() - used, sum(report.scanned_bytes for report in reports)
    await walk_away(manager, directory)
    return result


def main() -> None:
    figures: dict[str, dict[str, list[float]]] = {}
    for name, (records, size) in SHAPES.items():
        figures[name] = shape(records, size >> 5 if quick() else size)
        wall, cpu = (statistics.median(values) for values in figures[name].values())
        print(f"{name:20} {wall:8,.0f} MB/s  {cpu:8,.0f} MB per CPU second")
    harness.note_result("log_recovery", {"figures": figures})


def shape(records: int, size: int) -> dict[str, list[float]]:
    """The rates of all rounds on one log of that size."""
    wall, cpu = [], []
    with harness.directory() as directory:
        written = asyncio.run(write(directory, records, size))
        for _ in range(1 if quick() else ROUNDS):
            seconds, used, scanned = asyncio.run(recover(directory))
            if scanned != written:
                raise RuntimeError(f"{scanned} bytes scanned, {written} written")
            wall.append(round(written / seconds / 1e6, 1))
            cpu.append(round(written / used / 1e6, 1))
    return {"MB/s": wall, "MB per CPU second": cpu}


if __name__ == "__main__":
    main()
