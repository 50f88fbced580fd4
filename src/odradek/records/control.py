"""Control batches: records that brokers write into a partition to speak about its other records.

A control batch has the attribute bit, a producer id (for transaction markers) and one record. The record's key says what it
is: version int16, type int16; newer versions may append fields, which readers skip. A transaction marker's value is version
int16 and the epoch of the transaction coordinator that wrote it, int32. Consumers never see these records as data, but they
take up offsets.
"""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from typing import Final, NamedTuple

from odradek.records.batch import BatchHeader, Buffer
from odradek.records.errors import InvalidRecord
from odradek.records.record import NewRecord, build_batch, read_records

_KEY: Final = Struct(">hh")
_MARKER: Final = Struct(">hi")


class ControlType(IntEnum):
    """What a control record is, by its key's second field. Others exist in Kafka's metadata log only."""

    ABORT = 0
    COMMIT = 1


class EndTransactionMarker(NamedTuple):
    """The end of a producer's transaction in this partition."""

    type: ControlType
    coordinator_epoch: int


def read_marker(batch: Buffer, header: BatchHeader) -> EndTransactionMarker | None:
    """The marker in a control batch; None when it is empty (compaction removed it) or of a type that is not a marker.

    Raises `InvalidRecord` for a control batch that is malformed.
    """
    for record in read_records(batch, header):
        if record.key is None or len(record.key) < _KEY.size:
            raise InvalidRecord(f"control record at offset {record.offset} has no type: its key is {record.key!r}")
        version, number = _KEY.unpack_from(record.key)
        if version < 0 or number not in (ControlType.ABORT, ControlType.COMMIT):
            return None
        if record.value is None or len(record.value) < _MARKER.size:
            raise InvalidRecord(f"transaction marker at offset {record.offset} has no epoch: its value is {record.value!r}")
        return EndTransactionMarker(ControlType(number), _MARKER.unpack_from(record.value)[1])
    return None


def build_marker(
    marker: EndTransactionMarker, *, producer_id: int, producer_epoch: int, timestamp: int, base_offset: int = 0
) -> bytearray:
    """A control batch that ends a producer's transaction. `timestamp` is epoch milliseconds."""
    record = NewRecord(_KEY.pack(0, marker.type), _MARKER.pack(0, marker.coordinator_epoch), timestamp)
    return build_batch(
        [record],
        base_offset=base_offset,
        producer_id=producer_id,
        producer_epoch=producer_epoch,
        is_transactional=True,
        is_control=True,
    )
