"""A group leaves this coordinator's memory: its partition moved away, or the group was deleted."""

from __future__ import annotations

from odradek.coordinator.actions import JOIN, SESSION, SYNC, Step, Timer
from odradek.coordinator.group import Group
from odradek.coordinator.states import GroupState
from odradek.wire.messages.join_group import JoinGroupResponse
from odradek.wire.messages.sync_group import SyncGroupResponse


def dissolve(group: Group, code: int, step: Step) -> None:
    """Answer whoever waits with `code`, stop all timers, and mark the object as no longer the group."""
    step.cancel_timer(Timer(JOIN, group.group_id))
    step.cancel_timer(Timer(SYNC, group.group_id))
    for member_id in group.pending_joins:
        step.cancel_timer(Timer(SESSION, group.group_id, member_id))
    for member in group.members.values():
        step.cancel_timer(Timer(SESSION, group.group_id, member.member_id))
        waiter = group.set_join_waiter(member, None)
        if waiter is not None:
            step.respond(waiter, JoinGroupResponse(error_code=code, member_id=member.member_id))
        if member.sync_waiter is not None:
            step.respond(member.sync_waiter, SyncGroupResponse(error_code=code))
            member.sync_waiter = None
    group.enter(GroupState.DEAD, step.now_ms)
