"""A producer's older batches, looked up in the log when a retry of one of them comes after a restart.

A producer has up to five requests in flight. If the broker restarts before it has answered them, all five come again,
and all five may be in the log. But a `.snapshot` keeps only the last batch of each producer (it is Kafka's format), so
the first four look like sequence numbers out of order. Apache Kafka leaves it at that: after a clean restart it knows
the last batch only and answers OUT_OF_ORDER_SEQUENCE_NUMBER. Its client takes that for a loss, begins a new epoch and
sends the batch again, which makes a second copy of it.

So before we refuse, we look: from the oldest batch that is known of the producer backwards, piece by piece, over
headers only. What is found is what would be remembered without the restart: batches of the same producer and epoch, each
ending where the next begins, up to five with those that are known. The search ends early where that chain ends, or after
`SEARCHED_BYTES`: a client's five requests are a few MiB, the rest is room for what other producers wrote in between.

It happens once per load and producer, and only for a sequence number that lies behind what is known; the caller holds
the log's turn, and the loop goes on between two reads.
"""

from __future__ import annotations

import asyncio
from struct import Struct
from typing import TYPE_CHECKING, Final

from odradek.log import names
from odradek.log.errors import DamagedSegment
from odradek.log.producer_state import BATCHES_KEPT, BatchMetadata, ProducerEntry
from odradek.log.reader import Need, Plan, find_batch, last_border, run
from odradek.log.segment import Segment
from odradek.log.segments import Segments
from odradek.log.surroundings import logger
from odradek.records.batch import HEADER_SIZE, LOG_OVERHEAD, MAGIC, BatchHeader, Buffer, increment_sequence, parse_header

if TYPE_CHECKING:
    from odradek.log.log import Log

SEARCHED_BYTES: Final = 16 << 20
_PIECE: Final = 1 << 20  # what is walked forwards before the search goes one step back
_READ: Final = 256 << 10  # half a millisecond of headers, if the batches are small
_unpack_what_skipping_needs = Struct(">8xi4xb26xq").unpack_from  # batch_length, magic, producer_id
_LENGTH_MIN: Final = HEADER_SIZE - LOG_OVERHEAD


async def recall(log: Log, entry: ProducerEntry) -> None:
    """Complete what `entry` remembers. Raises `OSError`; damage met on the way is logged and ends the search."""

    async def prepare(segment: Segment) -> None:
        await asyncio.sleep(0)
        await log.prepare(segment)

    found, segments = Recollection(entry), list(log.segments)
    try:
        await run(search(log.segments, found), prepare)
    except DamagedSegment as error:
        logger.error("damage met while looking for a producer's batches", partition=log.name, reason=str(error))
    except FileNotFoundError:
        if list(log.segments) == segments:
            raise  # else retention has taken the segment: the log now begins behind it
    logger.debug("producer's batches recalled", partition=log.name, producer=entry.producer_id, count=len(found.older))
    entry.complete(found.older)


class Recollection:
    """Which batches would be remembered before those that `entry` has. Decides, reads nothing."""

    __slots__ = ("_count", "_epoch", "_sequence", "older", "producer_id", "start_offset")

    def __init__(self, entry: ProducerEntry) -> None:
        """`entry` knows a batch at least."""
        first = entry.batches[0]
        self.producer_id = entry.producer_id
        self.start_offset = first.first_offset  # what is looked for lies below
        self.older: list[BatchMetadata] = []  # ascending
        self._epoch = entry.epoch
        self._count = len(entry.batches)
        self._sequence = first.first_sequence

    @property
    def is_complete(self) -> bool:
        """Nothing older can be missing. (Where the numbering has gone round, what came before 0 is not looked for.)"""
        return self._count >= BATCHES_KEPT or self._sequence == 0

    def add(self, header: BatchHeader) -> bool:
        """The producer's next older batch in the log; whether one older than that is wanted."""
        if header.is_control:  # a transaction's end, which is not numbered
            return True
        if (
            header.producer_epoch != self._epoch
            or header.base_sequence < 0
            or increment_sequence(header.last_sequence, 1) != self._sequence
        ):
            self._count = BATCHES_KEPT  # an earlier life of the producer
            return False
        batch = BatchMetadata(header.last_sequence, header.last_offset, header.last_offset_delta, header.max_timestamp)
        self.older.insert(0, batch)
        self._count += 1
        self._sequence = header.base_sequence
        return not self.is_complete


def search(segments: Segments, found: Recollection) -> Plan[None]:
    """Fill `found`, from its start offset backwards, until it is complete or enough has been searched."""
    left = SEARCHED_BYTES
    for segment in reversed(list(segments)[: segments.index_of(found.start_offset) + 1]):
        ceiling = yield from find_batch(segment, found.start_offset)
        end = segment.size if ceiling is None else ceiling[0]
        while end and not found.is_complete:
            yield Need(segment, 0, 0)
            start = last_border(segment.offset_index, max(end - _PIECE, 0))
            left -= end - start
            if left < 0:
                return
            headers = yield from _headers_of(segment, start, end, found.producer_id)
            if not all(found.add(header) for header in reversed(headers)):
                return
            end = start


def _headers_of(segment: Segment, start: int, end: int, producer_id: int) -> Plan[list[BatchHeader]]:
    """The producer's headers between two borders of batches."""
    headers: list[BatchHeader] = []
    position = start
    while position + HEADER_SIZE <= end:
        chunk = yield Need(segment, position, min(_READ, end - position))
        walked = _pick(chunk, producer_id, headers)
        if not walked:
            raise DamagedSegment(segment.path(names.LOG), position, "the header of a batch makes no sense")
        position += walked
    return headers


def _pick(chunk: Buffer, producer_id: int, headers: list[BatchHeader]) -> int:
    """Add the producer's headers in `chunk`, which begins with a batch; where to read on, 0 if there is no batch at all."""
    at, last = 0, len(chunk) - HEADER_SIZE
    while at <= last:
        length, magic, producer = _unpack_what_skipping_needs(chunk, at)
        if magic != MAGIC or length < _LENGTH_MIN:
            break
        if producer == producer_id:
            headers.append(parse_header(chunk, at))
        at += LOG_OVERHEAD + length
    return at
