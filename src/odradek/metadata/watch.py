"""Telling watchers: the part of `MetadataStore.watch` that the local fillings share.

Each committed transaction is one list of events. It goes into every watcher's own queue (so a slow watcher holds
nobody back, and falls off after `WATCH_BACKLOG` transactions) and into a short history, from which a watcher may
begin: whoever loads an image at revision N and then watches from N + 1 must miss nothing in between.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from odradek.metadata.errors import StoreError
from odradek.metadata.store import WATCH_BACKLOG, Event

HISTORY = 256


class Broadcast:
    """Watchers of one store, on one loop."""

    __slots__ = ("_closed", "_history", "_watchers")

    def __init__(self) -> None:
        self._history: deque[list[Event]] = deque(maxlen=HISTORY)
        self._watchers: set[_Watcher] = set()
        self._closed = False

    def publish(self, events: list[Event]) -> None:
        """Tell everyone about one transaction."""
        self._history.append(events)
        for watcher in self._watchers:
            watcher.offer(events)

    def close(self) -> None:
        """End every watcher after what it has been told already."""
        self._closed = True
        for watcher in self._watchers:
            watcher.finish()

    def watch(self, prefix: str, from_revision: int, revision: int) -> AsyncIterator[list[Event]]:
        """A watcher that begins now: registered when this returns, not when it is first awaited.

        `revision` is the store's at this moment. Raises `StoreError` when the history no longer reaches back that far.
        """
        oldest = self._history[0][0].revision if self._history else revision + 1
        if from_revision < oldest and from_revision <= revision:
            raise StoreError(
                f"cannot watch {prefix!r} from revision {from_revision}: the history begins at {oldest} "
                f"(it keeps {HISTORY} transactions). Load the image again and watch from its revision"
            )
        watcher = _Watcher(prefix, from_revision)
        for events in self._history:
            watcher.offer(events)
        if self._closed:
            watcher.finish()
        self._watchers.add(watcher)
        return self._run(watcher)

    async def _run(self, watcher: _Watcher) -> AsyncIterator[list[Event]]:
        try:
            while (events := await watcher.take()) is not None:
                yield events
        finally:
            self._watchers.discard(watcher)


class _Watcher:
    """One watcher's queue; None in it is the end."""

    __slots__ = ("from_revision", "overrun", "prefix", "queue")

    def __init__(self, prefix: str, from_revision: int) -> None:
        self.prefix = prefix
        self.from_revision = from_revision
        self.queue: asyncio.Queue[list[Event] | None] = asyncio.Queue()
        self.overrun = False

    def offer(self, events: list[Event]) -> None:
        wanted = [e for e in events if e.revision >= self.from_revision and e.key.startswith(self.prefix)]
        if not wanted or self.overrun:
            return
        self.overrun = self.queue.qsize() >= WATCH_BACKLOG
        self.queue.put_nowait(None if self.overrun else wanted)

    def finish(self) -> None:
        self.queue.put_nowait(None)

    async def take(self) -> list[Event] | None:
        events = await self.queue.get()
        if events is None and self.overrun:
            raise StoreError(f"the watcher of {self.prefix!r} fell {WATCH_BACKLOG} transactions behind; load again")
        return events
