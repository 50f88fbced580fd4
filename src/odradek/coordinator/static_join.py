"""A static member that comes back after a restart (KIP-345): same instance id, no member id.

It gets a new member id in the place of the old one, whose requests are fenced from now on. In a Stable group nothing
else need happen: the assignment still holds, and the group is spared a rebalance, if the group's choice of protocol
stays. The new id is written to the log first, else a restart of ours would bring the old one back; when that fails,
the member is put back as it was.

From JoinGroup version 9 on (KIP-814) a restarted leader is told that it leads, with all members, and to skip the
assignment; before that it is told the *old* leader's id, so that it behaves as a follower and does not assign anew.
"""

from __future__ import annotations

from odradek.coordinator import causes
from odradek.coordinator.actions import SESSION, Step, StoreStaticMember, Timer
from odradek.coordinator.config import ClientInfo
from odradek.coordinator.group import Group
from odradek.coordinator.group_records import group_record
from odradek.coordinator.member import Member, Protocols
from odradek.coordinator.rebalance import (
    complete_join_if_ready,
    current_generation,
    prepare_rebalance,
    rebalance_or_complete,
)
from odradek.coordinator.states import GroupState
from odradek.wire.errors import ErrorCode
from odradek.wire.messages.join_group import JoinGroupRequest, JoinGroupResponse
from odradek.wire.messages.sync_group import SyncGroupResponse

SKIP_ASSIGNMENT_SINCE = 9  # JoinGroup version, KIP-814


def join_as_restarted(
    group: Group, request: JoinGroupRequest, protocols: Protocols, client: ClientInfo, new_id: str, waiter: object, step: Step
) -> None:
    """Replace the member that holds `request.group_instance_id` by `new_id`, and rebalance only if need be."""
    instance_id = str(request.group_instance_id)
    old_id = group.static_members[instance_id]
    old = group.members[old_id]
    purpose = StoreStaticMember(
        client.api_version,
        instance_id,
        new_id,
        old_id,
        group.leader_id,
        old.protocols,
        old.rebalance_timeout_ms,
        old.session_timeout_ms,
    )
    _fence(group, old, step)
    member = group.rename_static(instance_id, old_id, new_id)
    group.update(member, protocols, request.rebalance_timeout_ms, request.session_timeout_ms)
    group.set_join_waiter(member, waiter)
    step.set_timer(Timer(SESSION, group.group_id, new_id), member.session_timeout_ms)
    step.note("static member came back under a new id", group=group.group_id, instance=instance_id, member=new_id, was=old_id)
    if group.state is GroupState.COMPLETING_REBALANCE:
        # The leader may hold the old id already, and would assign to it.
        prepare_rebalance(group, causes.static_member_restarted(member, request.reason), step)
    elif group.state is GroupState.STABLE and group.select_protocol() != group.protocol_name:
        rebalance_or_complete(group, causes.static_member_changed_protocol(member, request.reason), step)
    elif group.state is GroupState.STABLE:
        assignments = {id: each.assignment for id, each in group.members.items()}
        step.store(group_record(group, assignments), purpose)
    else:
        complete_join_if_ready(group, step)


def on_static_member_stored(group: Group, stored: StoreStaticMember, error: int, step: Step) -> None:
    """The new id is in the log (answer), or is not (put the old one back, answer with the error)."""
    member = group.members.get(stored.member_id)
    if member is None or member.join_waiter is None:
        return  # left, or was replaced again, or has been answered by a rebalance meanwhile
    if group.state is not GroupState.STABLE:
        return  # a rebalance has begun, which this member has joined by the same request; its assignment stores the id
    if error != ErrorCode.NONE:
        _put_back(group, member, stored, error, step)
        return
    waiter = group.set_join_waiter(member, None)
    if stored.api_version >= SKIP_ASSIGNMENT_SINCE:
        leads = group.is_leader(member.member_id)
        response = current_generation(group, member.member_id, with_members=leads)
        response.skip_assignment = leads
    else:
        response = current_generation(group, member.member_id, with_members=False, leader_id=stored.old_leader_id)
    step.respond(waiter, response)


def _fence(group: Group, member: Member, step: Step) -> None:
    """Answer what the old incarnation may still wait for."""
    step.cancel_timer(Timer(SESSION, group.group_id, member.member_id))
    waiter = group.set_join_waiter(member, None)
    if waiter is not None:
        step.respond(waiter, JoinGroupResponse(error_code=ErrorCode.FENCED_INSTANCE_ID, member_id=member.member_id))
    if member.sync_waiter is not None:
        step.respond(member.sync_waiter, SyncGroupResponse(error_code=ErrorCode.FENCED_INSTANCE_ID))
        member.sync_waiter = None


def _put_back(group: Group, member: Member, stored: StoreStaticMember, error: int, step: Step) -> None:
    response = current_generation(group, "", with_members=False, leader_id=stored.old_leader_id)
    response.error_code = error
    step.respond(group.set_join_waiter(member, None), response)
    step.cancel_timer(Timer(SESSION, group.group_id, member.member_id))
    group.update(member, stored.old_protocols, stored.old_rebalance_timeout_ms, stored.old_session_timeout_ms)
    group.rename_static(stored.instance_id, stored.member_id, stored.old_member_id)
    step.set_timer(Timer(SESSION, group.group_id, stored.old_member_id), stored.old_session_timeout_ms)
    step.note(
        "static member's new id could not be stored, the old one holds",
        group=group.group_id,
        instance=stored.instance_id,
        member=stored.old_member_id,
        error=error,
    )
