"""A group's record in `__consumer_offsets`: key 2, GroupMetadataValue 0 to 4 (written: 3, as Kafka does).

    int16 version, string protocol type, int32 generation, nullable string protocol, nullable string leader,
    int64 time of the state (2+), array of members:
        string id, nullable string instance id (3+), string client id, string client host,
        int32 rebalance timeout (1+), int32 session timeout, bytes metadata under the chosen protocol, bytes assignment

Written when a generation's assignment is there, when a static member got a new id, and when the group has become
empty. From it a group comes back after a restart as Stable, or Empty without members; members have a session timeout
to be heard of again. Of their protocols only the chosen one is kept, so a member that joins again seems to have
changed, and the group rebalances once (so does Kafka).
"""

from __future__ import annotations

from struct import Struct
from struct import error as struct_error
from typing import Any

from odradek.base.errors import check
from odradek.coordinator.actions import Record
from odradek.coordinator.group import Group
from odradek.coordinator.member import Member
from odradek.coordinator.offset_records import MalformedRecordError
from odradek.coordinator.states import GroupState
from odradek.wire.errors import WireError
from odradek.wire.primitives import (
    read_bytes,
    read_compact_bytes,
    read_compact_string,
    read_string,
    read_uvarint,
    skip_tags,
    write_bytes,
    write_string,
)

_WRITTEN_VERSION = 3
_FLEXIBLE_SINCE = 4
_H = Struct(">h")
_I = Struct(">i")
_II = Struct(">ii")
_Q = Struct(">q")
_MALFORMED = (struct_error, IndexError, UnicodeDecodeError, WireError)


def group_key(group_id: str) -> bytes:
    name = group_id.encode()
    return b"\0\2" + _H.pack(len(name)) + name


def group_tombstone(group_id: str) -> Record:
    return group_key(group_id), None


def group_record(group: Group, assignments: dict[str, bytes]) -> Record:
    """The group as it stands, with `assignments` by member id (they become the members' once the record is committed)."""
    out = bytearray(_H.pack(_WRITTEN_VERSION))
    write_string(out, group.protocol_type or "")
    out += _I.pack(group.generation)
    write_string(out, group.protocol_name)
    write_string(out, group.leader_id)
    out += _Q.pack(group.state_since_ms) + _I.pack(len(group.members))
    for member in group.members.values():
        check(
            member.member_id in assignments,
            "each member has an assignment, if an empty one",
            group=group.group_id,
            member=member.member_id,
        )
        write_string(out, member.member_id)
        write_string(out, member.instance_id)
        write_string(out, member.client_id)
        write_string(out, member.client_host)
        out += _II.pack(member.rebalance_timeout_ms, member.session_timeout_ms)
        write_bytes(out, member.metadata(group.protocol_name))
        write_bytes(out, assignments[member.member_id])
    return group_key(group.group_id), bytes(out)


def read_group_key(key: bytes) -> str:
    """The group's name; raises `MalformedRecordError`."""
    try:
        group_id, end = read_string(key, 2)
    except _MALFORMED as error:
        raise MalformedRecordError(f"a group's key of {len(key)} bytes is malformed: {error}") from error
    if group_id is None or end != len(key):
        raise MalformedRecordError(f"a group's key ends at byte {end} of {len(key)}")
    return group_id


def read_group(group_id: str, value: bytes) -> Group:
    """The group behind any version of GroupMetadataValue, Stable or Empty; raises `MalformedRecordError`."""
    try:
        return _read_group(group_id, value)
    except _MALFORMED as error:
        raise MalformedRecordError(f"the record of group {group_id} is malformed: {error}") from error


def _read_group(group_id: str, value: bytes) -> Group:
    (version,) = _H.unpack_from(value)
    if not 0 <= version <= _FLEXIBLE_SINCE:
        raise MalformedRecordError(f"the record of group {group_id} has version {version}, known are 0 to {_FLEXIBLE_SINCE}")
    fields = _Fields(value, 2, version >= _FLEXIBLE_SINCE)
    protocol_type, generation = fields.string(), fields.number(_I)
    protocol_name, leader_id = fields.string(), fields.string()
    state_since_ms = fields.number(_Q) if version >= 2 else -1
    members = [_read_member(fields, version, protocol_type or "", protocol_name) for _ in range(fields.count())]
    fields.end_struct()
    if fields.position > len(value):
        raise MalformedRecordError(f"the record of group {group_id} ends at byte {fields.position} of {len(value)}")
    group = Group(
        group_id,
        state_since_ms,
        state=GroupState.STABLE if members else GroupState.EMPTY,
        generation=generation,
        protocol_type=protocol_type or None,
        protocol_name=protocol_name,
        leader_id=leader_id,
    )
    for member in members:
        group.add(member)
    group.read_subscriptions()
    return group


def _read_member(fields: _Fields, version: int, protocol_type: str, protocol_name: str | None) -> Member:
    member_id = fields.string() or ""
    instance_id = fields.string() if version >= 3 else None
    client_id, client_host = fields.string() or "", fields.string() or ""
    rebalance_timeout_ms = fields.number(_I) if version >= 1 else -1
    session_timeout_ms = fields.number(_I)
    metadata, assignment = fields.data(), fields.data()
    fields.end_struct()
    return Member(
        member_id,
        instance_id=instance_id,
        client_id=client_id,
        client_host=client_host,
        rebalance_timeout_ms=session_timeout_ms if rebalance_timeout_ms == -1 else rebalance_timeout_ms,
        session_timeout_ms=session_timeout_ms,
        protocol_type=protocol_type,
        protocols=((protocol_name or "", metadata),),
        assignment=assignment,
    )


class _Fields:
    """Reads one field after the other, in the plain or the flexible form."""

    __slots__ = ("_flexible", "_value", "position")

    def __init__(self, value: bytes, position: int, flexible: bool) -> None:
        self._value, self.position, self._flexible = value, position, flexible

    def number(self, form: Struct) -> int:
        (found,) = form.unpack_from(self._value, self.position)
        self.position += form.size
        return int(found)

    def string(self) -> str | None:
        read: Any = read_compact_string if self._flexible else read_string
        found, self.position = read(self._value, self.position)
        return None if found is None else str(found)

    def data(self) -> bytes:
        read: Any = read_compact_bytes if self._flexible else read_bytes
        found, self.position = read(self._value, self.position)
        return b"" if found is None else bytes(found)

    def count(self) -> int:
        if self._flexible:
            found, self.position = read_uvarint(self._value, self.position)
            found -= 1
        else:
            found = self.number(_I)
        left = len(self._value) - self.position
        if found > left:
            raise MalformedRecordError(f"{found} members cannot be in the {left} bytes that are left")
        return found

    def end_struct(self) -> None:
        if self._flexible:
            count, at = read_uvarint(self._value, self.position)
            self.position = skip_tags(self._value, at, count)
