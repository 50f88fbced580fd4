"""Requests and batches in short, for the stories."""

from __future__ import annotations

import struct
from typing import Any

from odradek.records.record import NewRecord, build_batch, seal
from odradek.wire.messages import (
    delete_records,
    fetch,
    list_offsets,
    offset_for_leader_epoch,
    produce,
)

THEN = 1_600_000_000_000  # 2020-09-13, in epoch milliseconds
UNKNOWN_ID = b"\x09" * 16
NIL_ID = bytes(16)
ALL, LEADER = -1, 1


def batch(*values: bytes, at: int = THEN, step: int = 0, key: bytes | None = b"k", **header: Any) -> bytearray:
    """A record for each value; `step` is the time between two."""
    return build_batch([NewRecord(key, value, at + step * place) for place, value in enumerate(values)], **header)


def numbered(sequence: int, count: int = 1, *, producer: int = 7_000_000, epoch: int = 0) -> bytearray:
    """A batch of an idempotent producer."""
    values = [f"{sequence + place}".encode() for place in range(count)]
    return batch(*values, producer_id=producer, producer_epoch=epoch, base_sequence=sequence)


def patched(records: bytearray, position: int, layout: str, value: int, *, sealed: bool = True) -> bytearray:
    """The batch with one field of its header changed; `sealed` makes length and checksum right again."""
    out = bytearray(records)
    struct.pack_into(layout, out, position, value)
    if sealed:
        length = out[8:12]
        seal(out)
        out[8:12] = length if position == 8 else out[8:12]
    return out


def produced(
    topic: str, *parts: tuple[int, Any], acks: int = LEADER, topic_id: bytes = NIL_ID, timeout_ms: int = 30_000
) -> Any:
    """`parts`: (partition, records)."""
    data = [produce.PartitionProduceData(index, records) for index, records in parts]
    return produce.ProduceRequest(None, acks, timeout_ms, [produce.TopicProduceData(topic, topic_id, data)])


def wanted(index: int, offset: int, *, max_bytes: int = 1 << 20, epoch: int = -1, last_epoch: int = -1) -> Any:
    return fetch.FetchPartition(index, epoch, offset, last_epoch, partition_max_bytes=max_bytes)


def fetched(
    topic: str, *parts: Any, topic_id: bytes = NIL_ID, session: tuple[int, int] = (0, -1), forgotten: tuple[Any, ...] = (),
    max_bytes: int = 1 << 22, min_bytes: int = 1, max_wait_ms: int = 0, isolation: int = 0,
) -> Any:  # fmt: skip
    """`parts`: what `wanted` makes; `session`: (id, epoch)."""
    topics = [fetch.FetchTopic(topic, topic_id, list(parts))] if parts else []
    return fetch.FetchRequest(
        max_wait_ms=max_wait_ms, min_bytes=min_bytes, max_bytes=max_bytes, isolation_level=isolation,
        session_id=session[0], session_epoch=session[1], topics=topics, forgotten_topics_data=list(forgotten),
    )  # fmt: skip


def offsets(topic: str, *parts: tuple[int, int] | tuple[int, int, int], isolation: int = 0) -> Any:
    """`parts`: (partition, timestamp[, current leader epoch])."""
    asked = [list_offsets.ListOffsetsPartition(part[0], part[2] if len(part) > 2 else -1, part[1]) for part in parts]
    return list_offsets.ListOffsetsRequest(-1, isolation, [list_offsets.ListOffsetsTopic(topic, asked)], 30_000)


def epoch_ends(topic: str, *parts: tuple[int, int, int], replica: int = -1) -> Any:
    """`parts`: (partition, current leader epoch, asked epoch)."""
    asked = [offset_for_leader_epoch.OffsetForLeaderPartition(*part) for part in parts]
    return offset_for_leader_epoch.OffsetForLeaderEpochRequest(
        replica, [offset_for_leader_epoch.OffsetForLeaderTopic(topic, asked)]
    )


def deletion(topic: str, *parts: tuple[int, int]) -> Any:
    """`parts`: (partition, offset)."""
    asked = [delete_records.DeleteRecordsPartition(*part) for part in parts]
    return delete_records.DeleteRecordsRequest([delete_records.DeleteRecordsTopic(topic, asked)], 30_000)
