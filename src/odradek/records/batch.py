"""The door to the record batch: what can be said and done without decoding its records.

- `header`: the layout, the 13 fields, the leader's two patches, walking over many batches;
- `produced`: whether a producer may send this batch; `timestamps`: whether the topic takes its times;
- `stored`: whether a log file holds a sound one here.
"""

from __future__ import annotations

from odradek.records.header import (
    ATTRIBUTES_POSITION,
    CODEC_MASK,
    CONTROL,
    CRC_POSITION,
    DELETE_HORIZON,
    HEADER_SIZE,
    LOG_APPEND_TIME,
    LOG_OVERHEAD,
    MAGIC,
    MAGIC_POSITION,
    MAX_TIMESTAMP_POSITION,
    NO_PRODUCER_EPOCH,
    NO_PRODUCER_ID,
    NO_SEQUENCE,
    NO_TIMESTAMP,
    TRANSACTIONAL,
    BatchHeader,
    Buffer,
    batch_crc,
    decrement_sequence,
    increment_sequence,
    parse_header,
    patch,
    scan,
    stamp_append_time,
)
from odradek.records.produced import check_produced
from odradek.records.stored import (
    StoredBatch,
    Verdict,
    check_stored,
)
from odradek.records.timestamps import check_timestamps

__all__ = [
    "ATTRIBUTES_POSITION",
    "CODEC_MASK",
    "CONTROL",
    "CRC_POSITION",
    "DELETE_HORIZON",
    "HEADER_SIZE",
    "LOG_APPEND_TIME",
    "LOG_OVERHEAD",
    "MAGIC",
    "MAGIC_POSITION",
    "MAX_TIMESTAMP_POSITION",
    "NO_PRODUCER_EPOCH",
    "NO_PRODUCER_ID",
    "NO_SEQUENCE",
    "NO_TIMESTAMP",
    "TRANSACTIONAL",
    "BatchHeader",
    "Buffer",
    "StoredBatch",
    "Verdict",
    "batch_crc",
    "check_produced",
    "check_stored",
    "check_timestamps",
    "decrement_sequence",
    "increment_sequence",
    "parse_header",
    "patch",
    "scan",
    "stamp_append_time",
]
