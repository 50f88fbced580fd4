"""What all logs of a data directory share: disk, clock, chance, open files, and whom to tell when the disk fails."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Awaitable, Callable

from odradek.aio.storage import Storage
from odradek.base.clock import Clock
from odradek.base.logging import get_logger
from odradek.base.prng import Prng
from odradek.log.deletions import Deletions
from odradek.log.open_files import OpenFiles

logger = get_logger("log")


class Surroundings:
    """Made by the log manager, one per directory; given to every `Log`."""

    __slots__ = (
        "checkpoint_recovery_points",
        "checkpoint_starts",
        "clock",
        "deletions",
        "directory_failed",
        "forget_checkpoints",
        "make_closable",
        "open_files",
        "prng",
        "scan_slots",
        "storage",
    )

    def __init__(self, storage: Storage, clock: Clock, prng: Prng, *, max_open_segments: int, max_index_bytes: int) -> None:
        self.storage = storage
        self.clock = clock
        self.prng = prng
        self.open_files = OpenFiles(min(max_open_segments, _descriptors_to_spare()), max_index_bytes)
        self.deletions = Deletions(storage, clock)
        self.scan_slots = asyncio.Semaphore(1)  # long scans at one time
        self.directory_failed: Callable[[str], None] = _ignore
        self.checkpoint_starts: Callable[[], Awaitable[None]] = _nothing
        self.checkpoint_recovery_points: Callable[[], Awaitable[None]] = _nothing
        self.make_closable: Callable[[], Awaitable[None]] = _nothing
        self.forget_checkpoints: Callable[[tuple[str, int]], Awaitable[None]] = _nothing_of


def _descriptors_to_spare() -> int:
    """Half of what the process may open (RLIMIT_NOFILE): the other half is for connections."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 1 << 30 if soft == resource.RLIM_INFINITY else soft // 2


def _ignore(reason: str) -> None:
    """Nobody listens: a log on its own."""


async def _nothing() -> None:
    """Nobody listens: a log on its own."""


async def _nothing_of(partition: tuple[str, int]) -> None:
    """Nobody keeps checkpoints: a log on its own."""
