"""How a group looks from outside: DescribeGroups and ListGroups.

An unknown group is Dead, which up to DescribeGroups version 5 is all there is to say; from 6 on it is an error with a
text (KIP-1043). What members said when joining is shown for a stable group only: before that, nobody knows under
which protocol to show it.
"""

from __future__ import annotations

from odradek.coordinator.group import Group
from odradek.coordinator.states import GroupState
from odradek.wire.errors import ErrorCode
from odradek.wire.messages.describe_groups import DescribedGroup, DescribedGroupMember
from odradek.wire.messages.list_groups import ListedGroup, ListGroupsRequest

GROUP_TYPE = "classic"
NOT_FOUND_SINCE = 6  # DescribeGroups version, KIP-1043


def describe_group(group: Group) -> DescribedGroup:
    stable = group.state is GroupState.STABLE
    return DescribedGroup(
        group_id=group.group_id,
        group_state=group.state.value,
        protocol_type=group.protocol_type or "",
        protocol_data=(group.protocol_name or "") if stable else "",
        members=[
            DescribedGroupMember(
                member_id=member.member_id,
                group_instance_id=member.instance_id,
                client_id=member.client_id,
                client_host=member.client_host,
                member_assignment=member.assignment,
                member_metadata=member.metadata(group.protocol_name) if stable else b"",
            )
            for member in group.members.values()
        ],
    )


def describe_unknown(group_id: str, api_version: int) -> DescribedGroup:
    described = DescribedGroup(group_id=group_id, group_state=GroupState.DEAD.value)
    if api_version >= NOT_FOUND_SINCE:
        described.error_code = ErrorCode.GROUP_ID_NOT_FOUND
        described.error_message = f"Group {group_id} not found."
    return described


def matches(group: Group, request: ListGroupsRequest) -> bool:
    """Whether ListGroups' filters (of states, of types; empty: all; case does not matter) let `group` through."""
    states = {name.lower() for name in request.states_filter}
    types = {name.lower() for name in request.types_filter}
    return (not states or group.state.value.lower() in states) and (not types or GROUP_TYPE in types)


def list_group(group: Group) -> ListedGroup:
    return ListedGroup(
        group_id=group.group_id, protocol_type=group.protocol_type or "", group_state=group.state.value, group_type=GROUP_TYPE
    )
