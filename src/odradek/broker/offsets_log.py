"""`__consumer_offsets` as the group coordinator sees it: append a batch, read a partition from its start.

The topic is a topic like any other, with Kafka's records in it, so that Kafka's tools read it and a restart finds
everything. An append is acknowledged like a client's `acks=all` (`offsets.commit.required.acks`): what a consumer was
told is committed survives a power cut.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, ClassVar, Final

from odradek.base.errors import OdradekError
from odradek.log.results import WOULD_BLOCK
from odradek.metadata.names import GROUP_TOPIC
from odradek.records.batch import parse_header, scan
from odradek.records.record import NewRecord, build_batch, read_records
from odradek.wire.errors import ErrorCode

if TYPE_CHECKING:
    from odradek.base.clock import Clock
    from odradek.broker.partitions import PartitionTable
    from odradek.replication.partition import Partition

READ_SIZE: Final = 1 << 20  # bytes of log that a load holds at a time; Kafka's offsets.load.buffer.size is 5 MiB


class NotCoordinator(OdradekError):
    """This broker does not hold the group's partition (NOT_COORDINATOR)."""

    code: ClassVar[int] = ErrorCode.NOT_COORDINATOR


class OffsetsLog:
    """Fills the coordinator's `CoordinatorLog`."""

    def __init__(self, partitions: PartitionTable, clock: Clock) -> None:
        self._partitions = partitions
        self._clock = clock

    async def append(self, partition: int, records: list[tuple[bytes, bytes | None]]) -> None:
        """Write one batch and wait until it is committed."""
        found = self._partition(partition)
        now_ms = self._clock.now_ms()
        batch = build_batch([NewRecord(key, value, now_ms) for key, value in records])
        result = await found.append(batch, parse_header(batch), now_ms)
        committed = found.commit(result.last_offset + 1)
        if committed is not None:
            await committed

    async def load(self, partition: int) -> AsyncIterator[tuple[bytes, bytes | None]]:
        """Every record of a partition from its start, as (key, value); records without a key are none of ours."""
        found = self._partition(partition)
        offset = found.log.log_start_offset
        while offset < found.high_watermark:
            data = await _read(found, offset)
            if not data:
                return
            for position, header in scan(data):
                if not header.is_control:
                    batch = memoryview(data)[position : position + header.size]
                    for record in read_records(batch, header):
                        if record.offset >= offset and record.key is not None:
                            yield record.key, record.value
                offset = header.next_offset

    def _partition(self, index: int) -> Partition:
        found = self._partitions.get(GROUP_TOPIC, index)
        if found is None:
            raise NotCoordinator(f"{GROUP_TOPIC}-{index} is not on this broker")
        return found


async def _read(partition: Partition, offset: int) -> bytes | bytearray:
    found = partition.log.read_slice(offset, READ_SIZE, partition.high_watermark)
    if found is WOULD_BLOCK:
        found = await partition.log.read_slice_cold(offset, READ_SIZE, partition.high_watermark)
    data = found.read_now()
    return await found.read() if data is WOULD_BLOCK else data
