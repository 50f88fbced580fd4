"""All fillings behind one fixture: what a test in this room asks of a disk, it asks of each."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from odradek.aio.aio_storage import AioStorage
from odradek.aio.memory_storage import MemoryStorage
from odradek.aio.storage import Storage
from odradek.aio.thread_storage import ThreadStorage
from odradek.base.clock import SystemClock

T = TypeVar("T")


ENGINES: dict[str, Callable[[], Storage]] = {
    "threads": ThreadStorage,
    "memory": lambda: MemoryStorage(seed=7, turns_max=3),
}
if sys.platform == "linux":
    ENGINES["linux_aio"] = lambda: AioStorage(SystemClock())


class Disk:
    """An engine, and an empty directory on it. `run` gives both to a coroutine function and closes the storage behind it."""

    def __init__(self, engine: str, base: str) -> None:
        self.engine = engine
        self.base = base

    def run(self, story: Callable[[Storage, str], Awaitable[T]]) -> T:
        return asyncio.run(self._tell(story))

    async def _tell(self, story: Callable[[Storage, str], Awaitable[T]]) -> T:
        storage = ENGINES[self.engine]()
        await storage.make_directory(self.base)
        try:
            return await asyncio.wait_for(story(storage, self.base), 30)
        finally:
            await storage.close()


@pytest.fixture(params=list(ENGINES))
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    return Disk(request.param, str(tmp_path))
