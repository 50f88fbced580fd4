"""Why groups rebalance: the closed set of causes, each with its words.

Every rebalance is logged and counted under one of these, so that an operator reads "session timeout of consumer-7" instead of
guessing from a client's "rebalance in progress". The words hold the member and what the client itself gave as reason (KIP-800).
"""

from __future__ import annotations

from odradek.coordinator.actions import Cause

NO_REASON = "not provided"


def member_joined(member_id: str, instance_id: str | None, client_reason: str | None) -> Cause:
    who = f"{member_id} (instance {instance_id})" if instance_id else member_id
    return Cause("member joined", f"new member {who}; client reason: {client_reason or NO_REASON}", member_id)


def member_rejoined(member_id: str, client_reason: str | None) -> Cause:
    return Cause("member rejoined", f"member {member_id} joins again; client reason: {client_reason or NO_REASON}", member_id)


def leader_rejoined(member_id: str, client_reason: str | None) -> Cause:
    return Cause(
        "leader rejoined",
        f"leader {member_id} asks for a new assignment; client reason: {client_reason or NO_REASON}",
        member_id,
    )


def metadata_changed(member_id: str, client_reason: str | None) -> Cause:
    return Cause(
        "metadata changed",
        f"member {member_id} changed its protocols or metadata; client reason: {client_reason or NO_REASON}",
        member_id,
    )


def static_member_restarted(member_id: str, instance_id: str | None, client_reason: str | None) -> Cause:
    return Cause(
        "static member restarted",
        f"static member {instance_id} came back as {member_id} while an assignment was being made; "
        f"client reason: {client_reason or NO_REASON}",
        member_id,
    )


def static_member_changed_protocol(member_id: str, instance_id: str | None, client_reason: str | None) -> Cause:
    return Cause(
        "static member changed protocol",
        f"static member {instance_id} came back as {member_id} and changes the group's protocol; "
        f"client reason: {client_reason or NO_REASON}",
        member_id,
    )


def members_left(left: list[tuple[str, str | None]]) -> Cause:
    """`left`: member id and client's reason of each."""
    shown = ", ".join(f"{member_id} (client reason: {reason or NO_REASON})" for member_id, reason in left)
    return Cause("member left", f"LeaveGroup for {shown}", left[0][0])


def session_expired(member_id: str, session_timeout_ms: int) -> Cause:
    return Cause("session timeout", f"no heartbeat from {member_id} within session.timeout.ms={session_timeout_ms}", member_id)


def sync_expired(member_ids: list[str], rebalance_timeout_ms: int) -> Cause:
    return Cause(
        "sync timeout",
        f"no SyncGroup from {', '.join(member_ids)} within the rebalance timeout of {rebalance_timeout_ms} ms",
        member_ids[0],
    )


def assignment_not_stored(member_id: str, error: str) -> Cause:
    return Cause("assignment not stored", f"the assignment of leader {member_id} could not be written: {error}", member_id)


def over_capacity(member_count: int, limit: int) -> Cause:
    return Cause("over capacity", f"loaded with {member_count} members, group.max.size={limit}", "")
