"""Answers as plain data that two brokers can be compared by: what is left out, what is made alike, and why.

A message becomes a dict of those fields that differ from their default (a field that a version lacks has it). Records
become a line per batch. `MAY_DIFFER` is the whole list of what two right brokers may say differently.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from odradek.records.batch import HEADER_SIZE, LOG_OVERHEAD, BatchHeader, parse_header
from odradek.records.errors import RecordsError
from odradek.records.record import records_block
from odradek.wire.message import Message

if TYPE_CHECKING:
    from .conversation import Conversation

_DAY_MS = 86_400_000
LEFT_OUT = object()


def _left_out(_: Any) -> Any:
    return LEFT_OUT


def _presence(text: str | None) -> Any:
    return "(words)" if text else text


def _some_number(value: int) -> Any:
    return "(a number)" if value > 0 else value


def _some_size(value: int) -> Any:
    return "(a size)" if value >= 0 else value


def _moment(value: int) -> Any:
    return "(now)" if abs(value - time.time() * 1000) < _DAY_MS else value


# Field, by its name or as Message.name: what to do with it, and why.
MAY_DIFFER: dict[str, tuple[Callable[[Any], Any], str]] = {
    "throttle_time_ms": (_left_out, "how busy the broker was"),
    "host": (_presence, "where it listens"),
    "port": (_some_number, "where it listens"),
    "cluster_id": (_presence, "each has its own"),
    "PartitionProduceResponse.error_message": (
        _left_out,
        "Kafka has words for refused records only; ours has them always",
    ),
    "error_message": (_presence, "the words are each broker's own; that there are some is compared"),
    "batch_index_error_message": (_presence, "the words are each broker's own"),
    "InitProducerIdResponse.producer_id": (_some_size, "ids count on over a broker's life"),
    "FetchResponse.session_id": (_some_number, "drawn by chance"),
    "CreatableTopicResult.topic_id": (lambda _: "(an id)", "drawn by chance"),
    "log_append_time_ms": (_moment, "the broker's clock"),
    "timestamp": (_moment, "the broker's clock, for LogAppendTime"),
    "log_dir": (_presence, "each has its own"),
    "total_bytes": (_some_size, "the disk's"),
    "usable_bytes": (_some_size, "the disk's"),
    "finalized_features_epoch": (_left_out, "Kafka's metadata log's offset"),
    "finalized_features": (_left_out, "which of Kafka's newer group and transaction protocols are on"),
    "supported_features": (_left_out, "which of Kafka's newer group and transaction protocols there are"),
    "documentation": (_presence, "the words are each broker's own"),
    "is_cordoned": (_left_out, "KIP-1066 is Kafka's alone"),
}

# Lists that Kafka answers in the order of a hash map, where ours keeps the request's: by what they are put in order.
_IN_NO_ORDER: dict[str, Callable[[Any], Any]] = {
    "partition_responses": lambda each: each.get("index", 0),
    "partitions": lambda each: each.get("partition_index", each.get("partition", 0)) if isinstance(each, dict) else each,
    "topics": lambda each: each.get("name") or "",
    "responses": lambda each: each.get("topic") or each.get("topic_id") or each.get("name") or "",
    "configs": lambda each: each["name"],
}


def plain(value: Any, talk: Conversation) -> Any:
    """The comparable form of an answer or of a part of it."""
    if isinstance(value, Message):
        return _message(value, talk)
    if isinstance(value, list | tuple):
        return [plain(each, talk) for each in value]
    if isinstance(value, str):
        return value.replace(talk.prefix, "")
    if isinstance(value, bytes | bytearray | memoryview):
        return _named_id(bytes(value), talk)
    return value


def _message(message: Message, talk: Conversation) -> dict[str, Any]:
    kind = type(message).__name__
    default = type(message)()
    out: dict[str, Any] = {}
    for name in message.__slots__:
        value = getattr(message, name)
        if name == "records":
            value = None if value is None else batches(bytes(value))
        elif value == getattr(default, name):
            continue
        else:
            value = plain(value, talk)
        if name in _IN_NO_ORDER and isinstance(value, list):
            value = sorted(value, key=_IN_NO_ORDER[name])
        rule = MAY_DIFFER.get(f"{kind}.{name}") or MAY_DIFFER.get(name)
        value = rule[0](value) if rule else value
        if value is not LEFT_OUT:
            out[name] = value
    return out


def _named_id(raw: bytes, talk: Conversation) -> str:
    for name, topic_id in talk.topic_ids.items():
        if raw == topic_id:
            return f"(id of {name.removeprefix(talk.prefix)})"
    return raw.hex()


def batches(records: bytes) -> list[str]:
    """A line per whole batch. An incomplete last one, which Kafka may send and clients drop, is left out."""
    lines, position = [], 0
    while position + HEADER_SIZE <= len(records):
        header = parse_header(records, position)
        if position + header.size > len(records):
            break
        lines.append(_batch(header, records[position : position + header.size]))
        position += LOG_OVERHEAD + header.batch_length
    return lines


def _batch(header: BatchHeader, raw: bytes) -> str:
    """Everything but what a codec's release decides (size and checksum of compressed bytes) and the present time."""
    try:
        content = hashlib.sha256(records_block(raw, header)).hexdigest()[:8]
    except RecordsError:
        content = "(senseless)"
    size = f" size={header.size}" if header.codec == 0 else ""
    return (
        f"offset={header.base_offset} count={header.record_count} delta={header.last_offset_delta} "
        f"epoch={header.leader_epoch} attributes={header.attributes:#x}{size} content={content} "
        f"first={_moment(header.base_timestamp)} largest={_moment(header.max_timestamp)} "
        f"producer={header.producer_id}/{header.producer_epoch}/{header.base_sequence}"
    )
