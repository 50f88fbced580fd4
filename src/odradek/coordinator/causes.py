"""Why groups rebalance: the closed set of causes, each with its words.

Every rebalance is logged and counted under one of these, so that an operator reads "session timeout of consumer-7" instead of
guessing from a client's "rebalance in progress". The words hold the member and what the client itself gave as reason (KIP-800);
client id and host are taken along, since the member may be gone when the line is written.
"""

from __future__ import annotations

from odradek.coordinator.actions import Cause
from odradek.coordinator.member import Member

NO_REASON = "not provided"
REASON_LENGTH_MAX = 255  # what Kafka's own clients cut it to; others might fill our logs


def member_joined(member: Member, client_reason: str | None) -> Cause:
    return _of(member, "member joined", f"new member {_name(member)}; {_said(client_reason)}")


def member_rejoined(member: Member, client_reason: str | None) -> Cause:
    return _of(member, "member rejoined", f"member {_name(member)} joins again; {_said(client_reason)}")


def leader_rejoined(member: Member, client_reason: str | None) -> Cause:
    return _of(member, "leader rejoined", f"leader {_name(member)} asks for a new assignment; {_said(client_reason)}")


def metadata_changed(member: Member, client_reason: str | None) -> Cause:
    words = f"member {_name(member)} changed its protocols or metadata; {_said(client_reason)}"
    return _of(member, "metadata changed", words)


def static_member_restarted(member: Member, client_reason: str | None) -> Cause:
    words = f"static member {_name(member)} came back while an assignment was being made; {_said(client_reason)}"
    return _of(member, "static member restarted", words)


def static_member_changed_protocol(member: Member, client_reason: str | None) -> Cause:
    words = f"static member {_name(member)} came back and changes the group's protocol; {_said(client_reason)}"
    return _of(member, "static member changed protocol", words)


def members_left(left: list[tuple[Member, str | None]]) -> Cause:
    """`left`: who, and the reason that each one's client gave."""
    shown = ", ".join(f"{_name(member)} ({_said(reason)})" for member, reason in left)
    return _of(left[0][0], "member left", f"LeaveGroup for {shown}")


def session_expired(member: Member) -> Cause:
    words = f"no heartbeat from {_name(member)} within session.timeout.ms={member.session_timeout_ms}"
    return _of(member, "session timeout", words)


def sync_expired(late: list[Member], rebalance_timeout_ms: int) -> Cause:
    names = ", ".join(map(_name, late))
    return _of(late[0], "sync timeout", f"no SyncGroup from {names} within the rebalance timeout of {rebalance_timeout_ms} ms")


def assignment_not_stored(member_id: str, error: str) -> Cause:
    return Cause("assignment not stored", f"the assignment of leader {member_id} could not be written: {error}", member_id)


def over_capacity(member_count: int, limit: int) -> Cause:
    return Cause("over capacity", f"loaded with {member_count} members, group.max.size={limit}", "")


def _of(member: Member, kind: str, reason: str) -> Cause:
    return Cause(kind, reason, member.member_id, member.client_id, member.client_host)


def _name(member: Member) -> str:
    return f"{member.member_id} (instance {member.instance_id})" if member.is_static else member.member_id


def _said(client_reason: str | None) -> str:
    return f"client reason: {(client_reason or NO_REASON)[:REASON_LENGTH_MAX]}"
