"""SyncGroup: the leader hands in the assignment, everyone fetches their part.

Members that come before the leader wait. The leader's assignment is written to the log, and only when it is committed
does the group become Stable and everyone get an answer: an assignment that a crash could take back must not be acted
upon. If writing fails, the waiting members are told why and the group rebalances.

Who has not asked for its part within the rebalance timeout is removed (KAFKA-13419): it holds a place in the
assignment that nobody works on, and its heartbeats alone would keep it there.
"""

from __future__ import annotations

from odradek.coordinator import causes
from odradek.coordinator.actions import SESSION, SYNC, Step, StoreAssignment, Timer
from odradek.coordinator.group import Group
from odradek.coordinator.group_records import group_record
from odradek.coordinator.rebalance import answer_syncs, prepare_rebalance, rebalance_or_complete
from odradek.coordinator.states import GroupState
from odradek.wire.errors import ErrorCode, name_of
from odradek.wire.messages.sync_group import SyncGroupRequest, SyncGroupResponse


def sync(group: Group, request: SyncGroupRequest, waiter: object, step: Step) -> None:
    """One SyncGroup. The waiter is answered in this step or a later one."""
    error = _error(group, request)
    if error == ErrorCode.NONE and group.state is GroupState.PREPARING_REBALANCE:
        error = ErrorCode.REBALANCE_IN_PROGRESS
    if error != ErrorCode.NONE:
        step.respond(waiter, SyncGroupResponse(error_code=error))
        return
    _has_synced(group, request.member_id, step)
    member = group.members[request.member_id]
    if group.state is GroupState.STABLE:
        step.respond(
            waiter,
            SyncGroupResponse(
                protocol_type=group.protocol_type, protocol_name=group.protocol_name, assignment=member.assignment
            ),
        )
        return
    before, member.sync_waiter = member.sync_waiter, waiter
    if before is not None:
        step.respond(before, SyncGroupResponse(error_code=ErrorCode.REBALANCE_IN_PROGRESS))
    if group.is_leader(member.member_id):
        _store(group, request, step)


def on_assignment_stored(group: Group, stored: StoreAssignment, error: int, step: Step) -> None:
    """The assignment is in the log, or is not; stale if the group has moved on meanwhile."""
    if group.state is not GroupState.COMPLETING_REBALANCE or group.generation != stored.generation:
        return
    if error != ErrorCode.NONE:
        for member in group.members.values():
            member.assignment = b""
        answer_syncs(group, error, step)
        rebalance_or_complete(group, causes.assignment_not_stored(stored.member_id, name_of(error)), step)
        return
    for member in group.members.values():
        member.assignment = stored.assignments.get(member.member_id, b"")
    answer_syncs(group, ErrorCode.NONE, step)
    group.enter(GroupState.STABLE, step.now_ms)
    step.note("group is stable", group=group.group_id, generation=group.generation, members=len(group.members))


def on_sync_timer(group: Group, step: Step) -> None:
    """Remove the members that have not asked for their assignment, and rebalance without them."""
    if not group.pending_syncs or group.state not in (GroupState.COMPLETING_REBALANCE, GroupState.STABLE):
        return
    late = [group.members[member_id] for member_id in group.pending_syncs]
    timeout_ms = group.rebalance_timeout_ms
    for member in late:
        group.remove(member.member_id)
        step.cancel_timer(Timer(SESSION, group.group_id, member.member_id))
    prepare_rebalance(group, causes.sync_expired(late, timeout_ms), step)


def _error(group: Group, request: SyncGroupRequest) -> int:
    if group.state is GroupState.DEAD:
        return ErrorCode.COORDINATOR_NOT_AVAILABLE
    if group.state is GroupState.EMPTY:
        return ErrorCode.UNKNOWN_MEMBER_ID
    error = group.identity_error(request.member_id, request.group_instance_id)
    if error != ErrorCode.NONE:
        return error
    if request.generation_id != group.generation:
        return ErrorCode.ILLEGAL_GENERATION
    # What the member believes the group to speak (KIP-559); absent in old versions, and nothing is chosen while members join.
    if _differs(request.protocol_type, group.protocol_type) or _differs(request.protocol_name, group.protocol_name):
        return ErrorCode.INCONSISTENT_GROUP_PROTOCOL
    return ErrorCode.NONE


def _differs(claimed: str | None, actual: str | None) -> bool:
    return claimed is not None and actual is not None and claimed != actual


def _has_synced(group: Group, member_id: str, step: Step) -> None:
    group.pending_syncs.pop(member_id, None)
    if not group.pending_syncs:
        step.cancel_timer(Timer(SYNC, group.group_id))


def _store(group: Group, request: SyncGroupRequest, step: Step) -> None:
    sent = {each.member_id: bytes(each.assignment) for each in request.assignments}
    assignments = {member_id: sent.get(member_id, b"") for member_id in group.members}
    forgotten = [member_id for member_id in group.members if member_id not in sent]
    if forgotten:
        step.note("leader assigns nothing to some members", group=group.group_id, leader=request.member_id, members=forgotten)
    purpose = StoreAssignment(request.member_id, group.generation, assignments)
    step.store(group_record(group, assignments), purpose)
