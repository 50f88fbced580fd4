"""The records of `__consumer_offsets`, byte for byte as Kafka writes them.

A key begins with a version that says what the record is about; the topic is compacted, so the last record of a key
holds, and one without a value (a tombstone) deletes.

    key 0, 1   int16 version, string group, string topic, int32 partition     an offset that the group committed
    value 1    int16 1, int64 offset, string metadata, int64 commit, int64 expire
    value 3    int16 3, int64 offset, int32 leader epoch, string metadata, int64 commit
    value 4    int16 4, then as 3 with compact strings and tagged fields, of which 0 is the topic's id
    key 2      int16 version, string group                                    the group: generation, members, assignment
    value 0-4  GroupMetadataValue; 2 adds the state's time, 3 instance ids, 4 is flexible
    key 3-...  groups of the newer protocols, of which we know nothing yet

A string is int16 length and UTF-8. We write what Kafka 4.3 writes: key 1 with value 4 (value 1 when the client sets
an expiry of its own, OffsetCommit 2-4), key 2 with value 3; and read all. Example, group "g", topic "t", partition 7,
offset 42, no metadata, committed at ms 1, topic id unknown:

    0001 0001 67 0001 74 00000007        0004 000000000000002a ffffffff 01 0000000000000001 00

No checksum: the batch has one. Offsets are coded by hand here, they are the bulk of the topic (a restart reads all of
them); groups use the generated codec.
"""

from __future__ import annotations

from struct import Struct
from struct import error as struct_error
from typing import NamedTuple

from odradek.base.errors import OdradekError
from odradek.base.ids import ZERO_UUID
from odradek.coordinator.actions import Record
from odradek.coordinator.offset_store import CommittedOffset
from odradek.wire.errors import WireError
from odradek.wire.primitives import read_compact_string, read_uvarint, write_compact_string

OFFSET_KEYS = (0, 1)
GROUP_KEY = 2
_TOPIC_ID_TAG = 0

_H = Struct(">h")
_I = Struct(">i")
_Q = Struct(">q")
_QQ = Struct(">qq")
_HQ = Struct(">hq")
_HQI = Struct(">hqi")
# Version 4 with no metadata and a topic id, as nearly every consumer commits: read in one go.
_USUAL = Struct(">hqiBqBBB16s")
_USUAL_MARKS = (4, 1, 1, _TOPIC_ID_TAG, 16)
_MALFORMED = (struct_error, IndexError, UnicodeDecodeError, WireError)


class MalformedRecordError(OdradekError):
    """A record of `__consumer_offsets` that follows no version known to us."""


class OffsetKey(NamedTuple):
    group_id: str
    topic: str
    partition: int


def key_version(key: bytes) -> int:
    """What a record is about (see above); raises `MalformedRecordError`."""
    if len(key) < 2:
        raise MalformedRecordError(f"a key of {len(key)} bytes has no version")
    return int.from_bytes(key[:2], "big", signed=True)


def offset_key(group_id: str, topic: str, partition: int) -> bytes:
    group, name = group_id.encode(), topic.encode()
    return b"\0\1%b%b%b%b%b" % (_H.pack(len(group)), group, _H.pack(len(name)), name, _I.pack(partition))


def offset_value(committed: CommittedOffset) -> bytes:
    """Version 4, or 1 for an offset that carries its own expiry (which only version 1 can say, without an epoch)."""
    if committed.expire_ms != -1:
        text = committed.metadata.encode()
        head = _HQ.pack(1, committed.offset) + _H.pack(len(text))
        return head + text + _QQ.pack(committed.commit_ms, committed.expire_ms)
    out = bytearray(_HQI.pack(4, committed.offset, committed.leader_epoch))
    write_compact_string(out, committed.metadata)
    out += _Q.pack(committed.commit_ms)
    out += b"\0" if committed.topic_id == ZERO_UUID else b"\1\0\x10" + committed.topic_id
    return bytes(out)


def offset_record(group_id: str, topic: str, partition: int, committed: CommittedOffset) -> Record:
    return offset_key(group_id, topic, partition), offset_value(committed)


def offset_tombstone(group_id: str, topic: str, partition: int) -> Record:
    return offset_key(group_id, topic, partition), None


def read_offset_key(key: bytes) -> OffsetKey:
    """Group, topic and partition of a key of version 0 or 1; raises `MalformedRecordError`."""
    try:
        at = 4 + _H.unpack_from(key, 2)[0]
        topic_end = at + 2 + _H.unpack_from(key, at)[0]
        return OffsetKey(key[4:at].decode(), key[at + 2 : topic_end].decode(), _I.unpack_from(key, topic_end)[0])
    except _MALFORMED as error:
        raise MalformedRecordError(f"an offset's key of {len(key)} bytes is malformed: {error}") from error


def read_offset_value(value: bytes) -> CommittedOffset:
    """Any version of OffsetCommitValue; raises `MalformedRecordError`."""
    if len(value) == _USUAL.size:
        version, offset, epoch, text_size, commit_ms, tags, tag, id_size, topic_id = _USUAL.unpack(value)
        if (version, text_size, tags, tag, id_size) == _USUAL_MARKS:
            return CommittedOffset(offset, epoch, "", commit_ms, -1, topic_id)
    try:
        version, offset = _HQ.unpack_from(value)
        if version == 4:
            return _read_flexible_offset(value, offset)
        if not 0 <= version <= 3:
            raise MalformedRecordError(f"an offset's value has version {version}, known are 0 to 4")
        at, epoch = 10, -1
        if version == 3:
            at, epoch = 14, _I.unpack_from(value, 10)[0]
        end = at + 2 + _H.unpack_from(value, at)[0]
        text = value[at + 2 : end].decode()
        commit_ms = _Q.unpack_from(value, end)[0]
        # Version 0 had a timestamp only; of what follows in 1 we keep the expiry.
        expire_ms = _Q.unpack_from(value, end + 8)[0] if version == 1 else -1
        return CommittedOffset(offset, epoch, text, commit_ms, expire_ms)
    except _MALFORMED as error:
        raise MalformedRecordError(f"an offset's value of {len(value)} bytes is malformed: {error}") from error


def _read_flexible_offset(value: bytes, offset: int) -> CommittedOffset:
    (epoch,) = _I.unpack_from(value, 10)
    text, at = read_compact_string(value, 14)
    (commit_ms,) = _Q.unpack_from(value, at)
    tag_count, at = read_uvarint(value, at + 8)
    topic_id = ZERO_UUID
    for _ in range(tag_count):
        tag, at = read_uvarint(value, at)
        size, at = read_uvarint(value, at)
        if tag == _TOPIC_ID_TAG:
            topic_id = value[at : at + size]
        at += size
    if at > len(value) or len(topic_id) != 16:
        raise MalformedRecordError(f"an offset's value ends at byte {at} of {len(value)}")
    return CommittedOffset(offset, epoch, text or "", commit_ms, -1, topic_id)
