"""One other shard, as this shard sees it: what goes out to it, what it still owes us, what we still do for it.

Outgoing messages gather in a list until the turn of the loop ends; then they become one record. A record that the ring
has no room for waits here, in order, and the shard tries again soon. The number of messages that wait is bounded: calls
by their groups' places, answers by the calls they answer, one-way messages by `queue_max` (see `Shard.send`).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from odradek.smp.arena import Arena, Lease
from odradek.smp.errors import MessageTooLargeError
from odradek.smp.groups import ServiceGroup
from odradek.smp.messages import ANSWER, FAILURE, SPILL, Message, encode
from odradek.smp.ring import RingReader, RingWriter
from odradek.sync import Condition, Semaphore


@dataclass(frozen=True, slots=True)
class PeerStatistics:
    """One pair of shards, seen from one side."""

    shard: int
    alive: bool
    sent: int
    received: int
    records: int  # what `sent` became: sent / records is the batching
    waiting: int  # messages that are not in the ring yet
    calls: int  # that we wait for
    serving: int  # that we work on
    leases: int  # payloads of theirs that we hold
    ring_full: int


class Peer:
    """Belongs to one `Shard`, which drives it."""

    __slots__ = (
        "_arena", "_must_ring", "_places", "_records", "_ring_bell", "calls", "drained", "gone", "leases", "outbox",
        "reader", "received", "records", "ring_full", "sent", "serving", "shard", "their_arena", "writer",
    )  # fmt: skip

    def __init__(
        self,
        shard: int,
        writer: RingWriter,
        reader: RingReader,
        arenas: tuple[Arena, memoryview],
        must_ring: Callable[[], bool],
        ring_bell: Callable[[], None],
    ) -> None:
        self.shard = shard
        self.writer = writer
        self.reader = reader
        self._arena, self.their_arena = arenas
        self._must_ring = must_ring
        self._ring_bell = ring_bell
        self.outbox: list[Message] = []
        self._records: deque[tuple[bytes, int]] = deque()  # encoded, and how many messages each holds
        self.calls: dict[int, asyncio.Future[Any]] = {}
        self.serving: dict[int, asyncio.Task[None]] = {}
        self.leases: set[int] = set()  # offsets in their arena
        self._places: dict[str, Semaphore] = {}
        self.drained = Condition(f"queue to shard {shard} has room")
        self.gone: Exception | None = None
        self.sent = self.received = self.records = self.ring_full = 0

    def places(self, group: ServiceGroup) -> Semaphore:
        """The places that `group` has on this shard for our calls."""
        places = self._places.get(group.name)
        if places is None:
            places = Semaphore(f"calls of group {group.name} to shard {self.shard}", group.calls_max)
            if self.gone is not None:
                places.break_waiters(self.gone)
            self._places[group.name] = places
        return places

    @property
    def waiting(self) -> int:
        """Messages that are not in the ring yet."""
        return len(self.outbox) + sum(count for _, count in self._records)

    def flush(self) -> bool:
        """Put what waits into the ring, as far as there is room; says whether all is in."""
        if self.outbox:
            outbox, self.outbox = self.outbox, []
            self._encode(outbox)
        records = self._records
        wrote = False
        while records and self._write(records[0][0]):
            self.sent += records.popleft()[1]
            self.records += 1
            wrote = True
        if wrote:
            if self._must_ring():
                self._ring_bell()
            self.drained.broadcast()
        if records:
            self.ring_full += 1
            return False
        return True

    def _encode(self, messages: list[Message]) -> None:
        record = encode(messages)
        if len(record) > self.writer.record_bytes_max and len(messages) > 1:
            half = len(messages) // 2
            self._encode(messages[:half])
            self._encode(messages[half:])
        elif len(record) > self._arena.bytes:
            self._refuse(messages[0], len(record))
        else:
            self._records.append((record, len(messages)))

    def _write(self, record: bytes) -> bool:
        if len(record) <= self.writer.record_bytes_max:
            return self.writer.try_write(record)
        block = self._arena.try_allocate(len(record))
        if block is None:
            return False
        block.view[:] = record
        if not self.writer.try_write(encode([(SPILL, block.offset, block.size, None)])):
            self._arena.release(block.offset)
            return False
        return True

    def _refuse(self, message: Message, size: int) -> None:
        """A single message larger than the arena: whoever waits for it is told."""
        kind, call_id = message[0], message[1]
        error = MessageTooLargeError(
            f"a message of {size} bytes to shard {self.shard} fits neither its ring ({self.writer.record_bytes_max}) "
            f"nor the arena ({self._arena.bytes} bytes, MeshLayout.arena_bytes)"
        )
        future = self.calls.get(call_id) if isinstance(kind, str) else None
        if future is not None and not future.done():
            future.set_exception(error)
        elif kind == ANSWER:
            self._encode([(FAILURE, call_id, (type(error).__name__, str(error), ""), None)])
        else:
            raise error

    def lose(self, error: Exception) -> None:
        """The shard is gone: nobody waits for it any more, nothing is done for it any more."""
        self.gone = error
        self.outbox.clear()
        self._records.clear()
        calls, self.calls = self.calls, {}
        for future in calls.values():
            if not future.done():
                future.set_exception(error)
        for task in self.serving.values():
            task.cancel()
        self.serving.clear()
        for places in self._places.values():
            places.break_waiters(error)
        self._places.clear()
        self.drained.broadcast()

    def lease(self, place: tuple[int, int], release: Callable[[int], None], on_dropped: Callable[[], None]) -> Lease:
        """A payload of theirs, in place."""
        offset, size = place
        self.leases.add(offset)
        return Lease(self.their_arena[offset : offset + size], lambda: release(offset), on_dropped)

    def statistics(self) -> PeerStatistics:
        return PeerStatistics(
            self.shard, self.gone is None, self.sent, self.received, self.records, self.waiting, len(self.calls),
            len(self.serving), len(self.leases), self.ring_full,
        )  # fmt: skip
