"""Recovery after a crash: how fast a log is walked, its indexes rebuilt and its producers replayed.

`python -m benchmarks.log.recovery`: a log of 512 MiB in batches of 16 KB (and one of 200-byte batches) is written, left without
being closed, and opened again. The bytes are in the page cache, as they are after SIGKILL. Aim: 1 GiB/s for 16 KB batches.
"""

from __future__ import annotations

import asyncio
import statistics
from pathlib import Path
from time import perf_counter, process_time

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
    (directory / "recovery-point-offset-checkpoint").unlink(missing_ok=True)
    for task in manager._tasks:
        task.cancel()
    if manager._lock is not None:
        manager._lock.release()
    return log.size_bytes


async def recover(directory: Path) -> tuple[float, float, int]:
    """(seconds, CPU seconds, bytes scanned)."""
    manager = manager_on(directory)
    began, used = perf_counter(), process_time()
    reports = await manager.start()
    result = perf_counter() - began, process_time() - used, sum(report.scanned_bytes for report in reports)
    for task in manager._tasks:
        task.cancel()
    if manager._lock is not None:
        manager._lock.release()
    (directory / "recovery-point-offset-checkpoint").unlink(missing_ok=True)
    return result


def main() -> None:
    figures: dict[str, dict[str, float]] = {}
    main_figure: list[float] = []
    for name, (records, size) in SHAPES.items():
        with harness.directory() as directory:
            written = asyncio.run(write(directory, records, size))
            rounds = []
            for _ in range(ROUNDS):
                seconds, used, scanned = asyncio.run(recover(directory))
                if scanned != written:
                    raise RuntimeError(f"{scanned} bytes scanned, {written} written")
                rounds.append((written / seconds / 1e6, written / used / 1e6))
            wall, cpu = (round(statistics.median(column)) for column in zip(*rounds, strict=True))
            figures[name] = {"MB/s": wall, "MB per CPU second": cpu}
            print(f"{name:20} {wall:8,} MB/s  {cpu:8,} MB per CPU second")
            if not main_figure:
                main_figure = [round(value) for value, _ in rounds]
    harness.note_result("log_recovery", {"figures": figures}, main_figure, "MB/s, 16 KB batches")


if __name__ == "__main__":
    main()
