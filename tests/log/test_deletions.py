"""What is deleted goes later."""

from __future__ import annotations

import asyncio

from log_house import NOW

from odradek.aio.memory_storage import MemoryStorage
from odradek.base.clock import ManualClock
from odradek.log.deletions import Deletions


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
