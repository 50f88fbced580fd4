"""One other shard, as this shard sees it: what goes out to it, what it still owes us, what we still do for it.

Outgoing messages gather in a list until the turn of the loop ends; then they become one record. A record that the ring
has no room for waits here, in order, and the shard tries again soon. The number of messages that wait is bounded: calls
by their groups' places, answers by the calls they answer, one-way messages by the units of `queue`.

Every call that was posted is answered, also one whose caller has been cancelled: only the answer gives its place back,
so a caller can't flood the other shard by giving up.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

from odradek.base.errors import InvariantError, check
from odradek.base.logging import get_logger
from odradek.smp.arena import Arena, Lease
from odradek.smp.errors import MessageTooLargeError, NotPlainError, RemoteError, SmpError, in_words
from odradek.smp.groups import ServiceGroup
from odradek.smp.messages import ANSWER, FAILURE, RELEASE, Message, Payload, encode, fragments
from odradek.smp.payload import Drop, Reply, carry_now, discard, posted
from odradek.smp.ring import RingReader, RingWriter
from odradek.sync import Semaphore

_log = get_logger("smp")

_MESSAGE_BYTES: Final = 256 * 1024
"""However small the arena is: failures, which are bounded, always cross."""


@dataclass(frozen=True, slots=True)
class PeerStatistics:
    """One pair of shards, seen from one side."""

    shard: int
    alive: bool
    sent: int
    received: int
    records: int  # what `sent` became: sent / records is the batching
    waiting: int  # messages that are not in the ring yet
    waiting_bytes: int  # those of them that have been encoded
    calls: int  # that are not answered
    serving: int  # that we work on
    lent: int  # blocks of ours that they have
    leases: int  # payloads of theirs that we hold
    ring_full: int


Call: TypeAlias = tuple[str, asyncio.Future[Any], Semaphore]
"""A call that is not answered yet: its service, who waits for it, and where its place comes from."""


class Ends(NamedTuple):
    """What connects two shards: our end of each ring, both arenas, and how the other is woken."""

    writer: RingWriter
    reader: RingReader
    arena: Arena
    their_arena: memoryview
    must_ring: Callable[[], bool]
    ring_bell: Callable[[], None]


class Peer:
    """Belongs to one `Shard`, which drives it."""

    __slots__ = (
        "_bytes", "_ends", "_fragment_bytes", "_fragments", "_has_mail", "_outbox", "_places", "_record_bytes_max", "_records",
        "calls", "gone", "leases", "lent", "notes", "queue", "reader", "received", "records", "ring_full", "sent", "serving",
        "shard", "waiting",
    )  # fmt: skip

    def __init__(self, shard: int, ends: Ends, queue_max: int, has_mail: Callable[[Peer], None]) -> None:
        """`has_mail` is called when the first message has come into an empty outbox."""
        self.shard = shard
        self._ends = ends
        self._has_mail = has_mail
        self.reader = ends.reader
        self._record_bytes_max = ends.writer.record_bytes_max
        self._outbox: list[Message] = []
        self._records: deque[tuple[bytes, int, int]] = deque()  # encoded; how many messages; how many of them one-way
        self._bytes = 0  # of `_records`
        self.waiting = 0  # messages that are not in the ring yet
        self.notes = 0  # those in the outbox that are one-way: each holds a unit of `queue`
        self.queue = Semaphore(f"one-way messages that wait for shard {shard} (queue_max)", queue_max)
        self.calls: dict[int, Call] = {}
        self._places: dict[str, Semaphore] = {}
        self.lent: set[int] = set()  # offsets in our arena
        self.serving: dict[int, asyncio.Task[Any]] = {}
        self.leases: set[int] = set()  # offsets in their arena
        self._fragments: list[bytes] = []
        self._fragment_bytes = 0
        self.gone: SmpError | None = None
        self.sent = self.received = self.records = self.ring_full = 0

    # Going out.

    def places(self, group: ServiceGroup) -> Semaphore:
        """The places that `group` has on this shard for our calls."""
        places = self._places.get(group.name)
        if places is None:
            places = Semaphore(f"calls of group {group.name} to shard {self.shard}", group.calls_max)
            self._places[group.name] = places
        return places

    def post(self, message: Message) -> None:
        """To be sent when the turn ends; to nobody when the shard is gone (its blocks are not even lent)."""
        payload = message[3]
        if self.gone is not None:
            if isinstance(payload, tuple):
                self._ends.arena.release(payload[0])
            return
        if isinstance(payload, tuple):
            self.lent.add(payload[0])
        if not self._outbox:
            self._has_mail(self)
        self._outbox.append(message)
        self.waiting += 1

    def flush(self) -> bool:
        """Put what waits into the ring, as far as there is room; says whether all is in."""
        if self._outbox:
            outbox, self._outbox = self._outbox, []
            notes, self.notes = self.notes, 0
            self._encode(outbox, notes)
        records, writer = self._records, self._ends.writer
        noted = wrote = 0
        while records and writer.try_write(records[0][0]):
            record, messages, notes = records.popleft()
            self._bytes -= len(record)
            self.waiting -= messages
            self.sent += messages
            noted += notes
            wrote += 1
        if wrote:
            self.records += wrote
            if self._ends.must_ring():
                self._ends.ring_bell()
            if noted:
                self.queue.release(noted)
        self.ring_full += bool(records)
        return not records

    def _encode(self, messages: list[Message], notes: int) -> None:
        """Into as few records as they fit; what can't cross is taken out, and whoever waits for it is told."""
        error: SmpError
        try:
            record = encode(messages)
        except ValueError as refusal:
            error = NotPlainError(f"a message to shard {self.shard} is not plain: {refusal}")
        else:
            if len(record) <= self._record_bytes_max:
                self._queue(record, len(messages), notes)
                return
            error = MessageTooLargeError(
                f"a message of {len(record)} bytes to shard {self.shard}; one takes at most {self._message_bytes_max}: "
                "an arena's worth of payload and half a ring's of arguments (MeshLayout.arena_bytes, ring_capacity)"
            )
            if len(messages) == 1 and len(record) <= self._message_bytes_max:
                pieces = fragments(record, self._record_bytes_max)
                for piece in pieces[:-1]:
                    self._queue(piece, 0, 0)
                self._queue(pieces[-1], 1, notes)
                return
        if len(messages) == 1:
            self._refuse(messages[0], error)
            return
        first, second = messages[: len(messages) // 2], messages[len(messages) // 2 :]
        notes_first = sum(not number and isinstance(kind, str) for kind, number, _, _ in first)
        self._encode(first, notes_first)
        self._encode(second, notes - notes_first)

    @property
    def _message_bytes_max(self) -> int:
        return max(self._ends.arena.bytes + self._record_bytes_max, _MESSAGE_BYTES)

    def _queue(self, record: bytes, messages: int, notes: int) -> None:
        self._records.append((record, messages, notes))
        self._bytes += len(record)

    def _refuse(self, message: Message, error: SmpError) -> None:
        kind, number, _, payload = message
        self.waiting -= 1
        if isinstance(payload, tuple):
            self.take_home(payload[0])
        if kind == ANSWER:
            self.waiting += 1
            self._encode([(FAILURE, number, in_words(error), None)], 0)
        elif number:
            self.fail_call(number, error)
        else:
            self.queue.release()
            _log.error("a one-way message can't be sent", service=kind, shard=self.shard, reason=str(error))

    # What it owes us.

    def answer_call(self, number: int, value: Any) -> None:
        """Its answer has come."""
        _, future = self._end_call(number)
        if not future.done():
            future.set_result(value)
        elif isinstance(value, Reply):
            discard(value.payload)

    def fail_call(self, number: int, error: SmpError | tuple[str, str, str]) -> None:
        """It will not come: for a reason of ours, or one that the other shard told."""
        service, future = self._end_call(number)
        if not future.done():
            future.set_exception(RemoteError(self.shard, service, *error) if isinstance(error, tuple) else error)

    def _end_call(self, number: int) -> tuple[str, asyncio.Future[Any]]:
        call = self.calls.pop(number, None)
        if call is None:
            raise InvariantError(f"shard {self.shard} answers a call {number} that it was not asked, or answers it twice")
        service, future, places = call
        places.release()
        return service, future

    def take_home(self, offset: int) -> None:
        """A block of ours is free again."""
        check(offset in self.lent, "a block comes home from whom it was lent to", shard=self.shard, offset=offset)
        self.lent.discard(offset)
        self._ends.arena.release(offset)

    # What we do for it.

    def payload(self, payload: Payload, on_dropped: Drop) -> Lease:
        """What came with a message of theirs: in place, if it lies in their arena."""
        if not isinstance(payload, tuple):
            return Lease(memoryview(payload or b""), None, on_dropped)
        offset, size = payload
        check(offset not in self.leases, "a block is lent once", shard=self.shard, offset=offset)
        self.leases.add(offset)
        return Lease(self._ends.their_arena[offset : offset + size], lambda: self._give_back(offset), on_dropped)

    def _give_back(self, offset: int) -> None:
        if offset in self.leases:  # else the shard died meanwhile, and its arena is another's
            self.leases.discard(offset)
            self.post((RELEASE, offset, None, None))

    def gather(self, piece: bytes, last: bool) -> bytes | None:
        """A piece of a record of theirs that was too large for the ring; the whole, with its last piece."""
        self._fragments.append(piece)
        self._fragment_bytes += len(piece)
        check(
            self._fragment_bytes <= self._message_bytes_max, "records have a limit", shard=self.shard, size=self._fragment_bytes
        )
        if not last:
            return None
        pieces, self._fragments, self._fragment_bytes = self._fragments, [], 0
        return b"".join(pieces)

    def started(self, number: int, task: asyncio.Task[Any]) -> None:
        """A handler runs, whose call may be cancelled."""
        self.serving[number] = task

    def answer(self, number: int, result: Any) -> None:
        """A handler of ours has returned `result`. Raises where its payload is no payload."""
        self.serving.pop(number, None)
        if self.gone is not None:
            discard(result.payload if isinstance(result, Reply) else None)
        elif isinstance(result, Reply):
            self.post((ANSWER, number, result.value, posted(carry_now(self._ends.arena, result.payload))))
        else:
            self.post((ANSWER, number, result, None))

    def fail(self, number: int, service: str, error: BaseException) -> None:
        """A handler of ours has raised `error`."""
        self.serving.pop(number, None)
        self.post((FAILURE, number, in_words(error), None))

    def lose(self, error: SmpError) -> None:
        """The shard is gone: nobody waits for it any more, nothing is done for it any more, and what it was lent is ours."""
        if self.gone is not None:
            return
        self.gone = error
        self._outbox.clear()
        self._records.clear()
        self.waiting = self._bytes = 0
        calls, self.calls = self.calls, {}
        for _, future, _ in calls.values():
            if not future.done():
                future.set_exception(error)
        for task in self.serving.values():
            task.cancel()
        self.serving.clear()
        for line in (self.queue, *self._places.values()):
            line.break_waiters(error)
        self.leases.clear()
        self._fragments.clear()
        lent, self.lent = self.lent, set()
        for offset in lent:
            self._ends.arena.release(offset)

    def statistics(self) -> PeerStatistics:
        return PeerStatistics(
            self.shard, self.gone is None, self.sent, self.received, self.records, self.waiting, self._bytes,
            len(self.calls), len(self.serving), len(self.lent), len(self.leases), self.ring_full,
        )  # fmt: skip
