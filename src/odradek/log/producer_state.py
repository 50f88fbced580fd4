"""What a partition knows of its idempotent producers: enough to refuse gaps, to recognise retries and to fence zombies.

A producer with an id numbers its records on a ring of 2^31 and names an epoch. For every id the partition keeps the
epoch and the last five batches (clients keep at most five requests in flight, so a retry is one of them). The rules,
by Kafka's `ProducerStateManager` and `ProducerAppendInfo` (KIP-98, KIP-360):

- the same sequence range as one of the five: a retry; it is answered with the first copy's offsets, nothing is
  written (a snapshot keeps only the last one: `recall` finds the others in the log when they are asked for);
- the next sequence number within the same epoch: accepted; any other: OUT_OF_ORDER_SEQUENCE_NUMBER;
- a higher epoch must begin at 0; a lower one is INVALID_PRODUCER_EPOCH;
- an id that is not known (new, expired, its records deleted) may begin anywhere: the broker cannot tell a gap from a
  loss of memory.

Transactions ride on the same state: the first offset of a producer's open transaction bounds what readers of
committed data may see, until a marker (a control batch) ends it. Markers also carry the transaction coordinator's
epoch, so that an old coordinator cannot end a transaction.

This is a decider: `check` before the write changes nothing, `update` after it cannot fail. No clock, no files:
snapshots of it are bytes (see `producer_snapshot`). One partition's state, one owner.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar, Final, NamedTuple

from odradek.base.errors import check
from odradek.log.errors import LogError
from odradek.records.batch import TRANSACTIONAL, BatchHeader, decrement_sequence
from odradek.records.control import ControlType, EndTransactionMarker

BATCHES_KEPT: Final = 5
NO_EPOCH: Final = -1
NO_TRANSACTION: Final = -1
_SEQUENCE_MAX: Final = 0x7FFFFFFF


class ProducerStateError(LogError):
    """An idempotent or transactional append that must not happen."""


class OutOfOrderSequence(ProducerStateError):
    """A gap in a producer's numbering, or a retry older than what is remembered (OUT_OF_ORDER_SEQUENCE_NUMBER)."""

    code: ClassVar[int] = 45


class InvalidProducerEpoch(ProducerStateError):
    """A producer whose id has been taken over under a higher epoch (INVALID_PRODUCER_EPOCH)."""

    code: ClassVar[int] = 47


class InvalidTransactionState(ProducerStateError):
    """A plain write in the middle of the producer's transaction (INVALID_TXN_STATE)."""

    code: ClassVar[int] = 48


class TransactionCoordinatorFenced(ProducerStateError):
    """A marker from a transaction coordinator that is no longer in charge (TRANSACTION_COORDINATOR_FENCED)."""

    code: ClassVar[int] = 52


class BatchMetadata(NamedTuple):
    """A batch that a producer wrote, as remembered: enough to know it again and to answer for it."""

    last_sequence: int
    last_offset: int
    offset_delta: int
    timestamp: int

    @property
    def first_sequence(self) -> int:
        return decrement_sequence(self.last_sequence, self.offset_delta)

    @property
    def first_offset(self) -> int:
        return self.last_offset - self.offset_delta


class CompletedTransaction(NamedTuple):
    """A transaction that a marker ended: its data lies from `first_offset` up to the marker at `last_offset`."""

    producer_id: int
    first_offset: int
    last_offset: int
    is_aborted: bool


class ProducerEntry:
    """One producer's state. `last_timestamp`: of its newest batch or marker, epoch milliseconds; expiry counts from it.

    `abridged`: it comes from a snapshot, so the log may hold older batches of this epoch than those in `batches`.
    """

    __slots__ = (
        "abridged", "batches", "coordinator_epoch", "epoch", "last_timestamp", "producer_id", "transaction_first_offset"
    )  # fmt: skip

    def __init__(
        self,
        producer_id: int,
        epoch: int = NO_EPOCH,
        *,
        coordinator_epoch: int = NO_EPOCH,
        last_timestamp: int = -1,
        transaction_first_offset: int = NO_TRANSACTION,
        batches: Iterable[BatchMetadata] = (),
        abridged: bool = False,
    ) -> None:
        self.producer_id = producer_id
        self.epoch = epoch
        self.coordinator_epoch = coordinator_epoch
        self.last_timestamp = last_timestamp
        self.transaction_first_offset = transaction_first_offset
        self.batches = list(batches)
        self.abridged = abridged

    @property
    def last_batch(self) -> BatchMetadata | None:
        return self.batches[-1] if self.batches else None

    def complete(self, older: list[BatchMetadata]) -> None:
        """Remember `older` before the rest: nothing else that could be known is in the log."""
        self.batches[:0] = older
        self.abridged = False

    def begin_epoch(self, epoch: int) -> None:
        self.epoch = epoch
        self.batches.clear()
        self.abridged = False

    def __repr__(self) -> str:
        return (
            f"ProducerEntry(producer_id={self.producer_id}, epoch={self.epoch}, coordinator_epoch={self.coordinator_epoch}, "
            f"last_timestamp={self.last_timestamp}, transaction_first_offset={self.transaction_first_offset}, "
            f"batches={self.batches})"
        )


class ProducerState:
    """All producers of one partition.

    `end_offset` is where a replay goes on: the state knows every batch below it. A live log, which knows its own end, leaves it
    alone while it appends.
    """

    __slots__ = ("_ongoing", "_producers", "_unreplicated", "end_offset", "name")

    def __init__(self, name: str, end_offset: int = 0) -> None:
        """`name` is the partition's, for messages."""
        self.name = name
        self.end_offset = end_offset
        self._producers: dict[int, ProducerEntry] = {}
        self._ongoing: dict[int, int] = {}  # first offset -> producer id, of open transactions; in order of offsets
        self._unreplicated: dict[int, int] = {}  # first offset -> marker's offset, of ended ones above the high watermark

    def __len__(self) -> int:
        return len(self._producers)

    def __iter__(self) -> Iterator[ProducerEntry]:
        return iter(self._producers.values())

    def get(self, producer_id: int) -> ProducerEntry | None:
        return self._producers.get(producer_id)

    # -- appending ------------------------------------------------------------------------------------------------

    def check(self, header: BatchHeader, *, check_sequence: bool = True) -> BatchMetadata | None:
        """Whether a data batch with a producer id may be appended; the remembered batch when it is a retry of that one.

        `check_sequence` is false for batches of coordinators, which number nothing. Raises a `ProducerStateError`.
        """
        entry = self._producers.get(header.producer_id)
        if entry is None:
            return None
        epoch, sequence = header.producer_epoch, header.base_sequence
        if epoch == entry.epoch:
            if check_sequence:
                last = entry.batches[-1].last_sequence if entry.batches else -1
                if sequence != last + 1 and not (sequence == 0 and last == _SEQUENCE_MAX):
                    return self._known_batch(entry, header, last)
        elif epoch < entry.epoch:
            raise InvalidProducerEpoch(
                f"{self.name}: producer {header.producer_id} writes under epoch {epoch}, its id is at epoch {entry.epoch}"
            )
        elif check_sequence and sequence != 0 and entry.epoch != NO_EPOCH:
            raise OutOfOrderSequence(
                f"{self.name}: producer {header.producer_id} begins epoch {epoch} at sequence {sequence}, not at 0 "
                f"(its epoch was {entry.epoch})"
            )
        if entry.transaction_first_offset != NO_TRANSACTION and not header.attributes & TRANSACTIONAL:
            raise InvalidTransactionState(
                f"{self.name}: producer {header.producer_id} has a transaction open since offset "
                f"{entry.transaction_first_offset} and sends a batch outside of it"
            )
        return None

    def _known_batch(self, entry: ProducerEntry, header: BatchHeader, last: int) -> BatchMetadata:
        for batch in entry.batches:
            if batch.first_sequence == header.base_sequence and batch.last_sequence == header.last_sequence:
                return batch
        raise OutOfOrderSequence(
            f"{self.name}: producer {header.producer_id} (epoch {header.producer_epoch}) sends sequence "
            f"{header.base_sequence} after {last}"
        )

    def to_recall(self, header: BatchHeader) -> ProducerEntry | None:
        """The producer's entry, if `header` may be a retry of a batch that its snapshot left out: see `recall`."""
        entry = self._producers.get(header.producer_id)
        if entry is None or not entry.abridged or not 0 < len(entry.batches) < BATCHES_KEPT:
            return None
        behind = decrement_sequence(entry.batches[0].first_sequence, header.base_sequence)  # a ring: half of it lies ahead
        is_older = header.producer_epoch == entry.epoch and header.base_sequence >= 0 and 0 < behind <= _SEQUENCE_MAX // 2
        return entry if is_older else None

    def update(self, header: BatchHeader, first_offset: int, timestamp: int) -> None:
        """Remember an appended data batch that begins at `first_offset`; `timestamp` is its largest one as stored."""
        producer_id = header.producer_id
        entry = self._producers.get(producer_id)
        if entry is None:
            entry = self._producers[producer_id] = ProducerEntry(producer_id, header.producer_epoch)
        batches = entry.batches
        if entry.epoch != header.producer_epoch:
            entry.begin_epoch(header.producer_epoch)
        elif len(batches) == BATCHES_KEPT:
            del batches[0]
        sequence, delta = header.base_sequence, header.last_offset_delta
        last_sequence = (sequence + delta) & _SEQUENCE_MAX if sequence >= 0 else sequence
        batches.append(tuple.__new__(BatchMetadata, (last_sequence, first_offset + delta, delta, timestamp)))
        entry.last_timestamp = timestamp
        if header.attributes & TRANSACTIONAL and entry.transaction_first_offset == NO_TRANSACTION:
            entry.transaction_first_offset = first_offset
            self._ongoing[first_offset] = producer_id

    # -- markers --------------------------------------------------------------------------------------------------

    def check_marker(self, producer_id: int, producer_epoch: int, marker: EndTransactionMarker) -> None:
        """Raise a `ProducerStateError` unless this marker may end the producer's transaction."""
        entry = self._producers.get(producer_id)
        if entry is None:
            return
        if producer_epoch < entry.epoch:
            raise InvalidProducerEpoch(
                f"{self.name}: a marker for producer {producer_id} names epoch {producer_epoch}, its id is at {entry.epoch}"
            )
        if marker.coordinator_epoch < entry.coordinator_epoch:
            raise TransactionCoordinatorFenced(
                f"{self.name}: a marker for producer {producer_id} comes from coordinator epoch {marker.coordinator_epoch}, "
                f"the last one was {entry.coordinator_epoch}"
            )

    def end_transaction(self, header: BatchHeader, marker: EndTransactionMarker, offset: int) -> CompletedTransaction | None:
        """Apply an appended marker at `offset`; the transaction that it ended, None when none was open.

        The transaction keeps bounding the last stable offset until the high watermark has passed the marker.
        """
        producer_id = header.producer_id
        entry = self._producers.get(producer_id)
        if entry is None:
            entry = self._producers[producer_id] = ProducerEntry(producer_id, header.producer_epoch)
        first_offset = entry.transaction_first_offset
        if entry.epoch != header.producer_epoch:
            entry.begin_epoch(header.producer_epoch)
        entry.coordinator_epoch = marker.coordinator_epoch
        entry.last_timestamp = header.max_timestamp
        entry.transaction_first_offset = NO_TRANSACTION
        if first_offset == NO_TRANSACTION:
            return None
        del self._ongoing[first_offset]
        self._unreplicated[first_offset] = offset
        return CompletedTransaction(producer_id, first_offset, offset, marker.type is ControlType.ABORT)

    @property
    def first_undecided_offset(self) -> int | None:
        """The first offset of the oldest open transaction."""
        return min(self._ongoing, default=None)

    @property
    def first_unstable_offset(self) -> int | None:
        """Where readers of committed data stop: open transactions, and ended ones whose marker is above the high watermark."""
        if not self._ongoing and not self._unreplicated:
            return None
        return min(min(self._ongoing, default=_NO_BOUND), min(self._unreplicated, default=_NO_BOUND))

    def stable_offset_after(self, completed: CompletedTransaction) -> int:
        """The last stable offset once `completed` is decided: what the transaction index notes beside an aborted one."""
        others = (first for first, producer_id in self._ongoing.items() if producer_id != completed.producer_id)
        return min(others, default=completed.last_offset + 1)

    def on_high_watermark(self, high_watermark: int) -> None:
        """Forget ended transactions whose marker lies below the high watermark."""
        if self._unreplicated:
            self._unreplicated = {first: last for first, last in self._unreplicated.items() if last >= high_watermark}

    # -- the log's life -------------------------------------------------------------------------------------------

    def on_log_start(self, log_start_offset: int) -> None:
        """The log now begins at `log_start_offset`. Producers stay, even when their records are gone: they expire by time."""
        self.on_high_watermark(log_start_offset)
        self.end_offset = max(self.end_offset, log_start_offset)

    def expire(self, now_ms: int, expiration_ms: int) -> int:
        """Forget producers without an open transaction that wrote nothing for `producer.id.expiration.ms`; how many."""
        expired = [
            entry.producer_id
            for entry in self._producers.values()
            if entry.transaction_first_offset == NO_TRANSACTION and now_ms - entry.last_timestamp >= expiration_ms
        ]
        for producer_id in expired:
            del self._producers[producer_id]
        return len(expired)

    def reset(self, end_offset: int, entries: Iterable[ProducerEntry] = ()) -> None:
        """Start over from a snapshot's entries (none: from nothing), as of `end_offset`."""
        self._producers = {entry.producer_id: entry for entry in entries}
        self._unreplicated = {}
        self._ongoing = {
            entry.transaction_first_offset: entry.producer_id
            for entry in self._producers.values()
            if entry.transaction_first_offset != NO_TRANSACTION
        }
        self.end_offset = end_offset

    def replay(self, header: BatchHeader, marker: EndTransactionMarker | None) -> CompletedTransaction | None:
        """Apply a stored batch during recovery, unchecked; `marker` is what a control batch holds (None: nothing)."""
        check(header.base_offset >= self.end_offset, "replay goes forward", offset=header.base_offset, end=self.end_offset)
        completed = None
        if header.has_producer_id:
            if not header.is_control:
                self.update(header, header.base_offset, header.max_timestamp)
            elif marker is not None:
                completed = self.end_transaction(header, marker, header.base_offset)
        self.end_offset = header.next_offset
        return completed


_NO_BOUND: Final = 1 << 63
