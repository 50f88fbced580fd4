"""JoinGroup: who may come in, under which id, and whether that disturbs the others.

A dynamic member's first JoinGroup carries no member id. From version 4 on it is given one and must come again with it
(KIP-394), so that a client that retries cannot fill the group with ghosts; until then the id is pending, and keeps a
join phase from ending. A static member is known by its instance id (`static_join`).

A member that is in the group and joins again disturbs it only if it has something new to say: it is the leader (topics may have
changed), or its protocols differ. Otherwise it is told the current generation, and goes on to SyncGroup.
"""

from __future__ import annotations

from odradek.coordinator import causes
from odradek.coordinator.actions import SESSION, Cause, Step, Timer
from odradek.coordinator.config import ClientInfo
from odradek.coordinator.group import Group
from odradek.coordinator.member import Member, Protocols
from odradek.coordinator.rebalance import complete_join_if_ready, current_generation, rebalance_or_complete
from odradek.coordinator.states import GroupState
from odradek.coordinator.static_join import join_as_restarted
from odradek.wire.errors import ErrorCode
from odradek.wire.messages.join_group import JoinGroupRequest, JoinGroupResponse

MEMBER_ID_REQUIRED_SINCE = 4  # JoinGroup version, KIP-394


def join(group: Group, request: JoinGroupRequest, client: ClientInfo, new_id: str, waiter: object, step: Step) -> None:
    """One JoinGroup; `new_id` is used if the member needs an id. The waiter is answered in this step or a later one."""
    member_id = request.member_id
    if not _has_room(group, member_id, step.config.group_max_size):
        group.remove(member_id)
        _fail(waiter, "", ErrorCode.GROUP_MAX_SIZE_REACHED, step)
        complete_join_if_ready(group, step)
    elif group.state is GroupState.DEAD:
        _fail(waiter, member_id, ErrorCode.COORDINATOR_NOT_AVAILABLE, step)
    elif not group.supports(request.protocol_type, [protocol.name for protocol in request.protocols]):
        _fail(waiter, member_id, ErrorCode.INCONSISTENT_GROUP_PROTOCOL, step)
    elif member_id:
        _join_known(group, request, client, waiter, step)
    else:
        _join_new(group, request, client, new_id, waiter, step)


def protocols_of(request: JoinGroupRequest) -> Protocols:
    return tuple((protocol.name, bytes(protocol.metadata)) for protocol in request.protocols)


def _fail(waiter: object, member_id: str, code: int, step: Step) -> None:
    step.respond(waiter, JoinGroupResponse(error_code=code, member_id=member_id))


def _has_room(group: Group, member_id: str, limit: int) -> bool:
    """Whether `group.max.size` lets this member in.

    While members rejoin, those that have count: the size itself may lie above a lowered limit, and the last are turned away.
    """
    member = group.members.get(member_id)
    if group.state is GroupState.PREPARING_REBALANCE:
        return (member is not None and member.join_waiter is not None) or group.awaiting_join < limit
    if group.state in (GroupState.COMPLETING_REBALANCE, GroupState.STABLE):
        return member is not None or len(group.members) < limit
    return True


def _join_new(group: Group, request: JoinGroupRequest, client: ClientInfo, new_id: str, waiter: object, step: Step) -> None:
    instance_id = request.group_instance_id
    if instance_id is not None and instance_id in group.static_members:
        join_as_restarted(group, request, protocols_of(request), client, new_id, waiter, step)
    elif instance_id is None and client.api_version >= MEMBER_ID_REQUIRED_SINCE:
        group.pending_joins[new_id] = None
        step.set_timer(Timer(SESSION, group.group_id, new_id), request.session_timeout_ms)
        _fail(waiter, new_id, ErrorCode.MEMBER_ID_REQUIRED, step)
    else:
        _add(group, request, client, new_id, waiter, step)


def _join_known(group: Group, request: JoinGroupRequest, client: ClientInfo, waiter: object, step: Step) -> None:
    member_id = request.member_id
    if member_id in group.pending_joins and request.group_instance_id is None:
        _add(group, request, client, member_id, waiter, step)
        return
    error = group.identity_error(member_id, request.group_instance_id)
    if error == ErrorCode.NONE and group.state is GroupState.EMPTY:
        error = ErrorCode.UNKNOWN_MEMBER_ID
    if error != ErrorCode.NONE:
        _fail(waiter, member_id, error, step)
        return
    member = group.members[member_id]
    cause = _news(group, member, protocols_of(request), request.reason)
    if cause is None:
        leads_now = group.state is GroupState.COMPLETING_REBALANCE and group.is_leader(member_id)
        step.respond(waiter, current_generation(group, member_id, with_members=leads_now))
        return
    _update(group, member, request, waiter, step)
    rebalance_or_complete(group, cause, step)


def _news(group: Group, member: Member, protocols: Protocols, reason: str | None) -> Cause | None:
    """Why this member's rejoining concerns the others, if it does."""
    if group.state is GroupState.PREPARING_REBALANCE:
        return causes.member_rejoined(member, reason)
    if group.state is GroupState.STABLE and group.is_leader(member.member_id):
        return causes.leader_rejoined(member, reason)
    if member.protocols != protocols:
        return causes.metadata_changed(member, reason)
    return None  # perhaps it never got our answer


def _update(group: Group, member: Member, request: JoinGroupRequest, waiter: object, step: Step) -> None:
    group.update(member, protocols_of(request), request.rebalance_timeout_ms, request.session_timeout_ms)
    before = group.set_join_waiter(member, waiter)
    if before is not None:
        # The same member on a second connection: only one request can carry its place in the group.
        _fail(before, member.member_id, ErrorCode.REBALANCE_IN_PROGRESS, step)


def _add(group: Group, request: JoinGroupRequest, client: ClientInfo, member_id: str, waiter: object, step: Step) -> None:
    if group.state is GroupState.PREPARING_REBALANCE and group.previous_state is GroupState.EMPTY:
        group.new_member_added = True
    member = Member(
        member_id,
        instance_id=request.group_instance_id,
        client_id=client.client_id,
        client_host=client.client_host,
        rebalance_timeout_ms=request.rebalance_timeout_ms,
        session_timeout_ms=request.session_timeout_ms,
        protocol_type=request.protocol_type,
        protocols=protocols_of(request),
        is_new=True,
    )
    group.add(member, waiter)
    step.set_timer(Timer(SESSION, group.group_id, member_id), step.config.new_member_join_timeout_ms)
    rebalance_or_complete(group, causes.member_joined(member, request.reason), step)
