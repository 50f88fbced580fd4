"""Watchers: queues of their own, cut off when they are too slow, forgotten when nobody holds them."""

from __future__ import annotations

import asyncio
import gc

import pytest

from odradek.metadata import watch
from odradek.metadata.errors import StoreError
from odradek.metadata.store import Event
from odradek.metadata.watch import Broadcast


def event(revision: int, key: str = "k") -> list[Event]:
    return [Event(key, None, revision)]


def test_a_slow_watcher_is_cut_off_and_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "WATCH_BACKLOG", 3)

    async def story() -> None:
        broadcast = Broadcast()
        slow, quick = broadcast.watch("k", 1, 0), broadcast.watch("k", 1, 0)
        for revision in range(1, 6):
            broadcast.publish(event(revision))
            assert await anext(quick) == event(revision)
        assert [await anext(slow) for _ in range(3)] == [event(1), event(2), event(3)]
        for _ in range(2):
            with pytest.raises(StoreError, match="fell 3 transactions behind"):
                await anext(slow)

    asyncio.run(story())


def test_a_watcher_that_nobody_holds_is_forgotten() -> None:
    async def story() -> None:
        broadcast = Broadcast()
        watcher = broadcast.watch("k", 1, 0)
        assert len(broadcast._watchers) == 1
        del watcher
        gc.collect()
        assert len(broadcast._watchers) == 0

    asyncio.run(story())


def test_the_end_comes_after_what_was_told_before_and_stays() -> None:
    async def story() -> None:
        broadcast = Broadcast()
        watcher = broadcast.watch("k", 1, 0)
        broadcast.publish(event(1))
        broadcast.publish(event(2, "elsewhere"))
        broadcast.close()
        assert [events async for events in watcher] == [event(1)]
        assert [events async for events in watcher] == []
        assert [events async for events in broadcast.watch("k", 1, 2)] == [event(1)]

    asyncio.run(story())
