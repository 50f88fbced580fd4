"""What the records of Kafka's internal topics say: `__consumer_offsets` (commits, groups) and `__transaction_state`.

For clients these records are bytes; for somebody who asks why a group went back to an old offset they are the answer. Key
and value each begin with a version (int16), and the key's version also says what the record is about: 0 and 1 an offset
that a group committed, 2 a group's generation and members; in `__transaction_state`, 0 a transactional id. A record without
a value (a tombstone) forgets its key: its other fields are then None.

Key versions from 3 on belong to the groups of newer protocols; what is not known, or is malformed, stays as the plain record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from odradek.records.record import Record
from odradek.wire.errors import WireError
from odradek.wire.message import Message

CONSUMER_OFFSETS: Final = "__consumer_offsets"
TRANSACTION_STATE: Final = "__transaction_state"
_OFFSET_KEYS: Final = (0, 1)
_GROUP_KEY: Final = 2
_TRANSACTION_KEY: Final = 0


class OffsetCommit(NamedTuple):
    """A group's offset in a partition; times in epoch milliseconds, -1 for none."""

    offset: int  # of this record
    timestamp: int
    group: str
    topic: str
    partition: int
    committed_offset: int | None
    leader_epoch: int | None
    metadata: str | None
    commit_timestamp: int | None
    expire_timestamp: int | None
    topic_id: bytes | None


class GroupMetadata(NamedTuple):
    """A classic group as of a generation; each member is a mapping of GroupMetadataValue's fields."""

    offset: int
    timestamp: int
    group: str
    generation: int | None
    protocol_type: str | None
    protocol: str | None
    leader: str | None
    state_timestamp: int | None
    members: tuple[Mapping[str, object], ...] | None


class Transaction(NamedTuple):
    """A transactional id's state; `status` is TransactionLogValue's number: 0 empty, 1 ongoing, then prepared, complete."""

    offset: int
    timestamp: int
    transactional_id: str
    producer_id: int | None
    producer_epoch: int | None
    status: int | None
    timeout_ms: int | None
    partitions: tuple[Mapping[str, object], ...] | None
    last_update_timestamp: int | None
    start_timestamp: int | None


def reader_of(topic: str | None) -> Callable[[Record], NamedTuple] | None:
    """How the topic's records are read; None for a topic whose records are its users' own."""
    return {CONSUMER_OFFSETS: _offsets_record, TRANSACTION_STATE: _transaction_record}.get(topic or "")


def _offsets_record(record: Record) -> NamedTuple:
    from odradek.wire.messages import offset_records as codec  # half a thousand lines that most dumps do without

    version = _version(record.key)
    try:
        if version in _OFFSET_KEYS:
            key = _read({version: codec.decode_offset_commit_key_v0}, record.key)
            value = _read(codec.DECODE_OFFSET_COMMIT_VALUE, record.value)
            return OffsetCommit(
                record.offset, record.timestamp, key.group, key.topic, key.partition,
                *_fields(value, "offset", "leader_epoch", "metadata", "commit_timestamp", "expire_timestamp", "topic_id"),
            )  # fmt: skip
        if version == _GROUP_KEY:
            key = _read({version: codec.decode_group_metadata_key_v0}, record.key)
            value = _read(codec.DECODE_GROUP_METADATA_VALUE, record.value)
            return GroupMetadata(
                record.offset, record.timestamp, key.group,
                *_fields(value, "generation", "protocol_type", "protocol", "leader", "current_state_timestamp", "members"),
            )  # fmt: skip
    except WireError:
        pass
    return record


def _transaction_record(record: Record) -> NamedTuple:
    from odradek.wire.messages import transaction_records as codec

    try:
        if _version(record.key) == _TRANSACTION_KEY:
            key = _read(codec.DECODE_TRANSACTION_LOG_KEY, record.key)
            value = _read(codec.DECODE_TRANSACTION_LOG_VALUE, record.value)
            return Transaction(
                record.offset, record.timestamp, key.transactional_id,
                *_fields(
                    value, "producer_id", "producer_epoch", "transaction_status", "transaction_timeout_ms",
                    "transaction_partitions", "transaction_last_update_timestamp_ms", "transaction_start_timestamp_ms",
                ),
            )  # fmt: skip
    except WireError:
        pass
    return record


def _version(data: bytes | None) -> int:
    """-1 where there is none."""
    return int.from_bytes(data[:2], "big", signed=True) if data is not None and len(data) >= 2 else -1


def _read(decoders: Mapping[int, Callable[[bytes, int], tuple[Any, int]]], data: bytes | None) -> Any:
    """The message behind its version; None for a tombstone. Raises WireError."""
    if data is None:
        return None
    decode = decoders.get(_version(data))
    if decode is None:
        raise WireError(f"version {_version(data)} is not among {sorted(decoders)}")
    return decode(data, 2)[0]


def _fields(message: Message | None, *names: str) -> tuple[Any, ...]:
    """The message's fields, None each for a tombstone; lists of messages as tuples of mappings."""
    return tuple(None if message is None else _plain(getattr(message, name)) for name in names)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(map(_plain, value))
    return {name: getattr(value, name) for name in value.__slots__} if isinstance(value, Message) else value
