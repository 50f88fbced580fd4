"""Staying in a group and leaving it: heartbeats, LeaveGroup, session timeouts.

A heartbeat keeps the session alive and is how a member learns that a rebalance is on. A member leaves by its own
wish, by an administrator's (LeaveGroup with the instance id alone), or because its session timeout passed without a
sign of life; only a static member that restarts may leave no trace at all. A session is not counted against a member
that waits for an answer of ours.
"""

from __future__ import annotations

from odradek.coordinator import causes
from odradek.coordinator.actions import SESSION, Cause, Step, Timer
from odradek.coordinator.group import Group
from odradek.coordinator.member import Member
from odradek.coordinator.rebalance import complete_join, complete_join_if_ready, prepare_rebalance
from odradek.coordinator.states import GroupState
from odradek.wire.errors import ErrorCode
from odradek.wire.messages.heartbeat import HeartbeatRequest
from odradek.wire.messages.join_group import JoinGroupResponse
from odradek.wire.messages.leave_group import MemberIdentity, MemberResponse
from odradek.wire.messages.sync_group import SyncGroupResponse


def heartbeat(group: Group, request: HeartbeatRequest, step: Step) -> int:
    """Prolong the member's session; the error code to answer with."""
    if group.state is GroupState.DEAD:
        return ErrorCode.COORDINATOR_NOT_AVAILABLE
    error = group.identity_error(request.member_id, request.group_instance_id)
    if error != ErrorCode.NONE:
        return error
    if request.generation_id != group.generation:
        return ErrorCode.ILLEGAL_GENERATION
    keep_session(group, group.members[request.member_id], step)
    return ErrorCode.REBALANCE_IN_PROGRESS if group.state is GroupState.PREPARING_REBALANCE else ErrorCode.NONE


def keep_session(group: Group, member: Member, step: Step) -> None:
    """The member has shown that it lives."""
    step.set_timer(Timer(SESSION, group.group_id, member.member_id), member.session_timeout_ms)


def leave(group: Group, leaving: list[MemberIdentity], step: Step) -> list[MemberResponse]:
    """Take members out, each with its own outcome, then rebalance once if any was in."""
    gone: list[tuple[Member, str | None]] = []
    responses = []
    for identity in leaving:
        error = _leave_one(group, identity, gone, step)
        responses.append(
            MemberResponse(member_id=identity.member_id, group_instance_id=identity.group_instance_id, error_code=error)
        )
    if any(response.error_code == ErrorCode.NONE for response in responses):
        if group.state in (GroupState.STABLE, GroupState.COMPLETING_REBALANCE):
            if gone:
                prepare_rebalance(group, causes.members_left(gone), step)
        else:
            complete_join_if_ready(group, step)
    return responses


def on_session_timer(group: Group, member_id: str, step: Step) -> None:
    """No sign of life from a member, or no second JoinGroup from a pending one, in time."""
    member = group.members.get(member_id)
    if member_id in group.pending_joins:
        group.remove(member_id)
        step.note("member id was never used and is forgotten", group=group.group_id, member=member_id)
        if group.state is GroupState.PREPARING_REBALANCE and group.everyone_joined:
            complete_join(group, step)
    elif member is not None and not member.is_excused:
        _remove(group, member, step)
        _after_removal(group, causes.session_expired(member), step)


def _after_removal(group: Group, cause: Cause, step: Step) -> None:
    if group.state in (GroupState.STABLE, GroupState.COMPLETING_REBALANCE):
        prepare_rebalance(group, cause, step)
    elif group.state is GroupState.PREPARING_REBALANCE:
        step.note("member is out during a rebalance", group=group.group_id, member=cause.member_id, reason=cause.reason)
        if group.everyone_joined:
            complete_join(group, step)


def _leave_one(group: Group, identity: MemberIdentity, gone: list[tuple[Member, str | None]], step: Step) -> int:
    """Remove the one that `identity` names, noting it in `gone` if it was a member; the error code."""
    member_id, instance_id = identity.member_id, identity.group_instance_id
    if not member_id and instance_id is not None:  # an administrator names the instance only
        member_id = group.static_members.get(instance_id, "")
    if member_id in group.pending_joins:
        group.remove(member_id)
        step.cancel_timer(Timer(SESSION, group.group_id, member_id))
        return ErrorCode.NONE
    error = group.identity_error(member_id, instance_id)
    if error == ErrorCode.NONE:
        step.cancel_timer(Timer(SESSION, group.group_id, member_id))
        member = group.members[member_id]
        _remove(group, member, step)
        gone.append((member, identity.reason))
    return error


def _remove(group: Group, member: Member, step: Step) -> None:
    """Take a member out; what it waits for is answered, so that a client that still lives joins again."""
    waiter = group.set_join_waiter(member, None)
    if waiter is not None:
        step.respond(waiter, JoinGroupResponse(error_code=ErrorCode.UNKNOWN_MEMBER_ID))
    if member.sync_waiter is not None:
        step.respond(member.sync_waiter, SyncGroupResponse(error_code=ErrorCode.UNKNOWN_MEMBER_ID))
        member.sync_waiter = None
    group.remove(member.member_id)
