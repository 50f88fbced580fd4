"""Incremental fetch sessions (KIP-227): a consumer names its partitions once, then only what changes crosses the wire.

A session is (id, epoch). The client's epoch says what it wants: 0 opens a session with the full list, -1 closes it (or
fetches without one), anything else must be the next number and carries only changed and forgotten partitions. A
session's answer holds only partitions with news: records, an error, or a moved high watermark or log start; those that
had records go to the end of the order, so that a small `max_bytes` starves none.

Pure: requests come in as `FetchItem`s, time as a number. The cache holds `max.incremental.fetch.session.cache.slots`
sessions; when it is full a new one replaces one that was idle for `min.incremental.fetch.session.eviction.ms`, or is as
old and smaller; else the client gets session id 0 and goes on with full fetches. Shard's view: sessions live where they
are served.
"""

from __future__ import annotations

from collections.abc import Iterable

from odradek.base.prng import Prng
from odradek.wire.errors import ErrorCode

NO_SESSION = 0
INITIAL_EPOCH = 0
FINAL_EPOCH = -1
MAX_EPOCH = 2**31 - 1

# A partition within a session: by topic id from Fetch version 13 on, by name before.
FetchKey = tuple[bytes | str, int]


class FetchItem:
    """One partition as a fetcher asks for it, with what the session last told it."""

    __slots__ = (
        "current_leader_epoch",
        "fetch_offset",
        "index",
        "last_fetched_epoch",
        "max_bytes",
        "told_high_watermark",
        "told_log_start",
        "topic",
        "topic_id",
    )

    def __init__(
        self,
        topic: str,
        topic_id: bytes,
        index: int,
        fetch_offset: int,
        max_bytes: int,
        current_leader_epoch: int = -1,
        last_fetched_epoch: int = -1,
    ) -> None:
        self.topic = topic
        self.topic_id = topic_id
        self.index = index
        self.fetch_offset = fetch_offset
        self.max_bytes = max_bytes
        self.current_leader_epoch = current_leader_epoch
        self.last_fetched_epoch = last_fetched_epoch
        self.told_high_watermark = -1
        self.told_log_start = -1

    def key(self, by_id: bool) -> FetchKey:
        return (self.topic_id if by_id else self.topic), self.index

    def has_news(self, error: int, record_bytes: int, high_watermark: int, log_start: int) -> bool:
        """Whether an incremental answer must hold this partition; remembers what it then tells."""
        news = record_bytes > 0 or error != 0 or high_watermark != self.told_high_watermark or log_start != self.told_log_start
        # After an error the next answer must hold the partition again, whatever its offsets are.
        self.told_high_watermark = -1 if error else high_watermark
        self.told_log_start = log_start
        return news


class FetchSession:
    """What one session holds, in the order of the next answer."""

    __slots__ = ("by_id", "created_ms", "epoch", "items", "session_id", "used_ms")

    def __init__(self, session_id: int, by_id: bool, items: Iterable[FetchItem], now_ms: int) -> None:
        self.session_id = session_id
        self.by_id = by_id
        self.epoch = 1
        self.items: dict[FetchKey, FetchItem] = {item.key(by_id): item for item in items}
        self.created_ms = self.used_ms = now_ms

    def update(self, changed: Iterable[FetchItem], forgotten: Iterable[FetchKey]) -> None:
        for item in changed:
            known = self.items.get(key := item.key(self.by_id))
            if known is not None:
                item.told_high_watermark, item.told_log_start = known.told_high_watermark, known.told_log_start
            self.items[key] = item
        for key in forgotten:
            self.items.pop(key, None)

    def served(self, keys: Iterable[FetchKey]) -> None:
        """These partitions had records: the others come first next time."""
        for key in keys:
            item = self.items.pop(key, None)
            if item is not None:
                self.items[key] = item


class FetchPlan:
    """What one fetch is to look at, and how its answer is cut down."""

    __slots__ = ("error", "incremental", "items", "session", "session_id")

    def __init__(
        self,
        items: list[FetchItem],
        *,
        session: FetchSession | None = None,
        incremental: bool = False,
        error: int = ErrorCode.NONE,
    ) -> None:
        self.items = items
        self.session = session
        self.session_id = session.session_id if session else NO_SESSION
        self.incremental = incremental
        self.error = error


class FetchSessionCache:
    """All sessions that this broker remembers."""

    def __init__(self, slots: int, evict_ms: int, prng: Prng) -> None:
        self.slots = slots
        self.evict_ms = evict_ms
        self._prng = prng
        self._sessions: dict[int, FetchSession] = {}  # least recently used first
        self.evictions_total = 0

    def __len__(self) -> int:
        return len(self._sessions)

    def plan(
        self, session_id: int, epoch: int, items: list[FetchItem], forgotten: Iterable[FetchKey], *, by_id: bool, now_ms: int
    ) -> FetchPlan:
        """Decide what a request with this (id, epoch) means."""
        if epoch in (INITIAL_EPOCH, FINAL_EPOCH):
            self._sessions.pop(session_id, None)
            session = None if epoch == FINAL_EPOCH else self._admit(items, by_id, now_ms)
            return FetchPlan(items, session=session)
        session = self._sessions.get(session_id)
        if session is None:
            return FetchPlan([], error=ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
        if session.epoch != epoch:
            return FetchPlan([], error=ErrorCode.INVALID_FETCH_SESSION_EPOCH)
        if session.by_id != by_id:
            return FetchPlan([], error=ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR)
        session.update(items, forgotten)
        if not session.items:
            del self._sessions[session_id]
            return FetchPlan([])
        self._touch(session, now_ms)
        return FetchPlan(list(session.items.values()), session=session, incremental=True)

    def partition_count(self) -> int:
        return sum(len(session.items) for session in self._sessions.values())

    def _touch(self, session: FetchSession, now_ms: int) -> None:
        session.epoch = 1 if session.epoch == MAX_EPOCH else session.epoch + 1
        session.used_ms = now_ms
        del self._sessions[session.session_id]
        self._sessions[session.session_id] = session

    def _admit(self, items: list[FetchItem], by_id: bool, now_ms: int) -> FetchSession | None:
        if self.slots <= 0:
            return None
        if len(self._sessions) >= self.slots and not self._evict_for(len(items), now_ms):
            return None
        session_id = NO_SESSION
        while session_id == NO_SESSION or session_id in self._sessions:
            session_id = self._prng.randrange(1, 2**31)
        session = self._sessions[session_id] = FetchSession(session_id, by_id, items, now_ms)
        return session

    def _evict_for(self, size: int, now_ms: int) -> bool:
        oldest = next(iter(self._sessions.values()))
        victim: FetchSession | None = oldest if now_ms - oldest.used_ms >= self.evict_ms else None
        if victim is None:
            old = [s for s in self._sessions.values() if now_ms - s.created_ms >= self.evict_ms and len(s.items) < size]
            victim = min(old, key=lambda s: len(s.items), default=None)
        if victim is None:
            return False
        del self._sessions[victim.session_id]
        self.evictions_total += 1
        return True
