"""Telling watchers: the part of `MetadataStore.watch` that the local fillings share.

Each committed transaction is one list of events. It goes into every watcher's own queue (so a slow watcher holds nobody
back, and falls off after `WATCH_BACKLOG` transactions) and into a short history, from which a watcher may begin: whoever
loads an image at revision N and then watches from N + 1 must miss nothing in between. A watcher that nobody holds any
longer is forgotten.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from weakref import WeakSet

from odradek.metadata.errors import StoreError
from odradek.metadata.store import WATCH_BACKLOG, Event

HISTORY = 256


class Broadcast:
    """Watchers of one store, on one loop."""

    __slots__ = ("_closed", "_history", "_watchers")

    def __init__(self) -> None:
        self._history: deque[list[Event]] = deque(maxlen=HISTORY)
        self._watchers: WeakSet[Watcher] = WeakSet()
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

    def watch(self, prefix: str, from_revision: int, revision: int) -> Watcher:
        """A watcher that begins now, not when it is first awaited.

        `revision` is the store's at this moment. Raises `StoreError` when the history no longer reaches back that far.
        """
        oldest = self._history[0][0].revision if self._history else revision + 1
        if from_revision < oldest and from_revision <= revision:
            raise StoreError(
                f"cannot watch {prefix!r} from revision {from_revision}: the history begins at {oldest} "
                f"(it keeps {HISTORY} transactions). Load the image again and watch from its revision"
            )
        watcher = Watcher(prefix, from_revision)
        for events in self._history:
            watcher.offer(events)
        if self._closed:
            watcher.finish()
        self._watchers.add(watcher)
        return watcher


class Watcher(AsyncIterator[list[Event]]):
    """One watcher's queue; None in it is the end."""

    __slots__ = ("__weakref__", "_from_revision", "_overrun", "_prefix", "_queue")

    def __init__(self, prefix: str, from_revision: int) -> None:
        self._prefix = prefix
        self._from_revision = from_revision
        self._queue: asyncio.Queue[list[Event] | None] = asyncio.Queue()
        self._overrun = False

    def offer(self, events: list[Event]) -> None:
        """One transaction: what of it is of interest is queued."""
        wanted = [e for e in events if e.revision >= self._from_revision and e.key.startswith(self._prefix)]
        if not wanted or self._overrun:
            return
        self._overrun = self._queue.qsize() >= WATCH_BACKLOG
        self._queue.put_nowait(None if self._overrun else wanted)

    def finish(self) -> None:
        """Nothing more comes."""
        self._queue.put_nowait(None)

    async def __anext__(self) -> list[Event]:
        events = await self._queue.get()
        if events is not None:
            return events
        self._queue.put_nowait(None)  # whoever asks again gets the same answer
        if self._overrun:
            raise StoreError(f"the watcher of {self._prefix!r} fell {WATCH_BACKLOG} transactions behind; load again")
        raise StopAsyncIteration
