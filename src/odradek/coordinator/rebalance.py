"""How a group gets from one generation to the next.

A rebalance has two phases. Join: members (re)join until all are there or the longest rebalance timeout is over; who
is missing is dropped, unless static. Sync: the leader, told of all members, sends an assignment, which each member
fetches with SyncGroup.

A group that was empty waits for `group.initial.rebalance.delay.ms` first, and again as long as new members keep
coming, up to the rebalance timeout in all (KIP-134): consumers of one application start one after the other, and each
would otherwise cost a rebalance. A generation without members ends in Empty.
"""

from __future__ import annotations

from odradek.coordinator.actions import JOIN, SESSION, SYNC, Cause, Rebalance, Step, StoreEmpty, Timer
from odradek.coordinator.group import Group
from odradek.coordinator.group_records import group_record
from odradek.coordinator.member import Member
from odradek.coordinator.states import GroupState
from odradek.wire.errors import ErrorCode
from odradek.wire.messages.join_group import JoinGroupResponse, JoinGroupResponseMember
from odradek.wire.messages.sync_group import SyncGroupResponse


def rebalance_or_complete(group: Group, cause: Cause, step: Step) -> None:
    """Members have changed: begin a rebalance, or, if one is on, see whether it was waiting for just this."""
    if group.can_rebalance:
        prepare_rebalance(group, cause, step)
    else:
        complete_join_if_ready(group, step)


def prepare_rebalance(group: Group, cause: Cause, step: Step) -> None:
    """Begin the join phase: whoever waits for an assignment is told to join again."""
    if group.state is GroupState.COMPLETING_REBALANCE:
        for member in group.members.values():
            member.assignment = b""
        answer_syncs(group, ErrorCode.REBALANCE_IN_PROGRESS, step)
    group.pending_syncs.clear()
    step.cancel_timer(Timer(SYNC, group.group_id))
    initial = group.state is GroupState.EMPTY
    if initial:
        _begin_initial_delay(group, step)
    group.enter(GroupState.PREPARING_REBALANCE, step.now_ms)
    step.append(Rebalance(cause, group.generation))
    if not initial:
        _complete_join_or_wait(group, step)


def complete_join_if_ready(group: Group, step: Step) -> None:
    """End the join phase if nobody is missing; an initial rebalance ends by its delay only."""
    if group.state is GroupState.PREPARING_REBALANCE and group.previous_state is not GroupState.EMPTY and group.everyone_joined:
        complete_join(group, step)


def on_join_timer(group: Group, step: Step) -> None:
    """The rebalance timeout is over, or a slice of the initial delay."""
    if group.state is not GroupState.PREPARING_REBALANCE:
        return
    if group.initial_delay_ms >= 0 and group.new_member_added and group.initial_delay_left_ms:
        group.new_member_added = False
        left_ms = group.initial_delay_left_ms
        group.initial_delay_left_ms = max(left_ms - group.initial_delay_ms, 0)
        group.initial_delay_ms = min(step.config.group_initial_rebalance_delay_ms, left_ms)
        step.set_timer(Timer(JOIN, group.group_id), group.initial_delay_ms)
    else:
        complete_join(group, step)


def complete_join(group: Group, step: Step) -> None:
    """End the join phase: drop who did not come, begin the next generation, answer every waiting JoinGroup."""
    step.cancel_timer(Timer(JOIN, group.group_id))
    group.initial_delay_ms = -1
    _drop_missing(group, step)
    if group.members and not group.elect_joined_leader():
        # Static members only, and none has come: nobody could lead. Their sessions end this, one way or the other.
        step.note("nobody has rejoined, waiting on", group=group.group_id, members=len(group.members))
        step.set_timer(Timer(JOIN, group.group_id), group.rebalance_timeout_ms)
        return
    group.begin_generation(step.now_ms)
    if group.state is GroupState.EMPTY:
        step.note("group is empty", group=group.group_id, generation=group.generation)
        step.store(group_record(group, {}), StoreEmpty(group.generation))
        return
    step.note(
        "group has a new generation",
        group=group.group_id,
        generation=group.generation,
        members=len(group.members),
        leader=group.leader_id,
        protocol=group.protocol_name,
    )
    for member in group.members.values():
        _answer_join(group, member, step)
    step.set_timer(Timer(SYNC, group.group_id), group.rebalance_timeout_ms)


def current_generation(group: Group, member_id: str, *, with_members: bool, leader_id: str | None = None) -> JoinGroupResponse:
    """The answer to a JoinGroup: this generation; the leader learns all members. `leader_id` stands in for the true leader."""
    members = (
        [
            JoinGroupResponseMember(
                member_id=member.member_id, group_instance_id=member.instance_id, metadata=member.metadata(group.protocol_name)
            )
            for member in group.members.values()
        ]
        if with_members
        else []
    )
    return JoinGroupResponse(
        generation_id=group.generation,
        protocol_type=group.protocol_type,
        protocol_name=group.protocol_name,
        leader=leader_id or group.leader_id or "",
        member_id=member_id,
        members=members,
    )


def answer_syncs(group: Group, error: int, step: Step) -> None:
    """Answer every waiting SyncGroup, and count each member's session from now."""
    failed = error != ErrorCode.NONE
    for member in group.members.values():
        waiter, member.sync_waiter = member.sync_waiter, None
        if waiter is not None:
            step.respond(
                waiter,
                SyncGroupResponse(
                    error_code=error,
                    assignment=member.assignment,
                    protocol_type=None if failed else group.protocol_type,
                    protocol_name=None if failed else group.protocol_name,
                ),
            )
            # A session that ran out while the member waited was excused, and its timer is gone.
            step.set_timer(Timer(SESSION, group.group_id, member.member_id), member.session_timeout_ms)


def _begin_initial_delay(group: Group, step: Step) -> None:
    delay_ms = step.config.group_initial_rebalance_delay_ms
    group.new_member_added = False
    group.initial_delay_ms = delay_ms
    group.initial_delay_left_ms = max(group.rebalance_timeout_ms - delay_ms, 0)
    step.set_timer(Timer(JOIN, group.group_id), delay_ms)


def _complete_join_or_wait(group: Group, step: Step) -> None:
    if group.everyone_joined:
        complete_join(group, step)
    else:
        step.set_timer(Timer(JOIN, group.group_id), group.rebalance_timeout_ms)


def _drop_missing(group: Group, step: Step) -> None:
    missing = [member for member in group.members.values() if member.join_waiter is None and not member.is_static]
    for member in missing:
        group.remove(member.member_id)
        step.cancel_timer(Timer(SESSION, group.group_id, member.member_id))
        step.note(
            "member did not rejoin in time and is dropped",
            group=group.group_id,
            member=member.member_id,
            client=member.client_id,
            host=member.client_host,
            rebalance_timeout_ms=member.rebalance_timeout_ms,
        )


def _answer_join(group: Group, member: Member, step: Step) -> None:
    waiter = group.set_join_waiter(member, None)
    if waiter is not None:
        step.respond(waiter, current_generation(group, member.member_id, with_members=group.is_leader(member.member_id)))
    step.set_timer(Timer(SESSION, group.group_id, member.member_id), member.session_timeout_ms)
    member.is_new = False
    group.pending_syncs[member.member_id] = None
