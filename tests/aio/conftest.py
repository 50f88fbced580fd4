"""Both fillings behind one fixture: what a test in this room asks of a disk, it asks of each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from odradek.aio.memory_storage import MemoryStorage
from odradek.aio.storage import Storage
from odradek.aio.thread_storage import ThreadStorage

T = TypeVar("T")


class Disk:
    """An engine, and an empty directory on it. `run` gives both to a coroutine function and closes the storage behind it."""

    def __init__(self, engine: str, base: str) -> None:
        self.engine = engine
        self.base = base

    def run(self, story: Callable[[Storage, str], Awaitable[T]]) -> T:
        return asyncio.run(self._tell(story))

    async def _tell(self, story: Callable[[Storage, str], Awaitable[T]]) -> T:
        storage: Storage = ThreadStorage() if self.engine == "threads" else MemoryStorage(seed=7, turns_max=3)
        await storage.make_directory(self.base)
        try:
            return await asyncio.wait_for(story(storage, self.base), 30)
        finally:
            await storage.close()


@pytest.fixture(params=["threads", "memory"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    return Disk(request.param, str(tmp_path))
