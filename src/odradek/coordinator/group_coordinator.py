"""The door to this room: one method per group API, wire messages in and out.

What is checked here is what needs no group: the group's name, the session timeout's bounds, whether the group's
partition is here. Refusals become the code in a response; no method raises for what a client sent. Methods that may
wait are coroutines; JoinGroup and SyncGroup wait for other members, as long as the rebalance takes. Not bound to
versions, except where the same request means something else.

Lifecycle: `start()`, `load(partition)` for each partition of `__consumer_offsets` that this broker leads,
`unload(partition)` when it no longer does, `close()`. All on one loop.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

from odradek.base.clock import Clock
from odradek.base.logging import get_logger
from odradek.base.metrics import Registry
from odradek.base.prng import Prng
from odradek.coordinator.config import ClientInfo, CoordinatorConfig
from odradek.coordinator.describe import describe_group, describe_unknown, list_group, matches
from odradek.coordinator.errors import CoordinatorError
from odradek.coordinator.group import Group
from odradek.coordinator.hashing import partition_for
from odradek.coordinator.join import join
from odradek.coordinator.membership import heartbeat, leave
from odradek.coordinator.names import is_too_long
from odradek.coordinator.offset_service import OffsetService
from odradek.coordinator.runtime import Runtime
from odradek.coordinator.states import GroupState
from odradek.coordinator.sync import sync
from odradek.coordinator.timers import LoopTimers, Timers
from odradek.coordinator.writer import CoordinatorLog
from odradek.sync.turns import await_in_turns, map_in_turns, pieces
from odradek.wire.errors import ErrorCode, name_of
from odradek.wire.messages.delete_groups import DeletableGroupResult, DeleteGroupsRequest, DeleteGroupsResponse
from odradek.wire.messages.describe_groups import DescribedGroup, DescribeGroupsRequest, DescribeGroupsResponse
from odradek.wire.messages.heartbeat import HeartbeatRequest, HeartbeatResponse
from odradek.wire.messages.join_group import JoinGroupRequest, JoinGroupResponse
from odradek.wire.messages.leave_group import LeaveGroupRequest, LeaveGroupResponse, MemberIdentity, MemberResponse
from odradek.wire.messages.list_groups import ListGroupsRequest, ListGroupsResponse
from odradek.wire.messages.offset_commit import OffsetCommitRequest, OffsetCommitResponse
from odradek.wire.messages.offset_delete import OffsetDeleteRequest, OffsetDeleteResponse
from odradek.wire.messages.offset_fetch import OffsetFetchRequest, OffsetFetchResponse
from odradek.wire.messages.sync_group import SyncGroupRequest, SyncGroupResponse

_GROUPS_A_TURN: Final = 50  # whose offsets are collected before others have their turn: all of a group's may be asked for
_PROTOCOLS_MAX: Final = 1_000  # of one member, which lists a handful; each is kept as long as the member is in its group
_MEMBER_PREFIX_MAX: Final = 4_000  # characters of a client's own in a member id: with its UUID it must fit a record


class GroupCoordinator:
    """One broker's group coordinator, for the partitions that are loaded."""

    def __init__(
        self,
        log: CoordinatorLog,
        clock: Clock,
        prng: Prng,
        config: CoordinatorConfig | None = None,
        timers: Timers | None = None,
        registry: Registry | None = None,
    ) -> None:
        self.config = config or CoordinatorConfig()
        self._prng = prng
        self._timers = timers or LoopTimers(clock)
        self.runtime = Runtime(log, clock, self.config, self._timers, registry or Registry(), get_logger("coordinator"))
        self._offsets = OffsetService(self.runtime, self._timers)

    # Lifecycle

    @property
    def partition_count(self) -> int:
        """Partitions of `__consumer_offsets`; set it to what the topic has before the first group is served."""
        return self.runtime.partition_count

    @partition_count.setter
    def partition_count(self, count: int) -> None:
        self.runtime.partition_count = count

    def partition_for(self, group_id: str) -> int:
        """Which partition of `__consumer_offsets` keeps the group, for FindCoordinator."""
        return partition_for(group_id, self.runtime.partition_count)

    def start(self) -> None:
        """Begin to let offsets expire, every `offsets.retention.check.interval.ms`."""
        self._offsets.schedule_expiry()

    async def load(self, partition: int) -> None:
        """Become the coordinator of that partition's groups."""
        await self.runtime.load(partition)

    async def unload(self, partition: int) -> None:
        """Stop being it."""
        await self.runtime.unload(partition)

    async def close(self) -> None:
        """Unload everything; waiting clients are told to look for another coordinator."""
        await self._offsets.close()
        for partition in [*self.runtime.shards, *self.runtime.loading]:
            await self.unload(partition)
        if isinstance(self._timers, LoopTimers):
            self._timers.close()

    # Membership

    async def join_group(self, request: JoinGroupRequest, client: ClientInfo) -> JoinGroupResponse:
        error = self._join_error(request)
        if error != ErrorCode.NONE:
            return JoinGroupResponse(error_code=error, member_id=request.member_id)
        if request.rebalance_timeout_ms < 0:  # version 0 has none
            request.rebalance_timeout_ms = request.session_timeout_ms
        try:
            shard = self.runtime.shard_of(request.group_id)
        except CoordinatorError as refused:
            return JoinGroupResponse(error_code=refused.code)
        if request.member_id and request.group_id not in shard.groups:
            return JoinGroupResponse(error_code=ErrorCode.UNKNOWN_MEMBER_ID, member_id=request.member_id)
        group = shard.ensure_group(request.group_id, self.runtime.clock.now_ms())
        new_id = "" if request.member_id else self._new_member_id(request.group_instance_id or client.client_id)
        waiter: asyncio.Future[JoinGroupResponse] = asyncio.get_running_loop().create_future()
        self.runtime.run(shard, group, partial(join, group, request, client, new_id, waiter))
        request.protocols = []  # the member has what it needs of them, and the wait may be long
        return await waiter

    async def sync_group(self, request: SyncGroupRequest, client: ClientInfo) -> SyncGroupResponse:
        if not request.group_id:
            return SyncGroupResponse(error_code=ErrorCode.INVALID_GROUP_ID)
        try:
            shard = self.runtime.shard_of(request.group_id)
        except CoordinatorError as refused:
            return SyncGroupResponse(error_code=refused.code)
        group = shard.groups.get(request.group_id)
        if group is None:
            return SyncGroupResponse(error_code=ErrorCode.UNKNOWN_MEMBER_ID)
        waiter: asyncio.Future[SyncGroupResponse] = asyncio.get_running_loop().create_future()
        self.runtime.run(shard, group, partial(sync, group, request, waiter))
        request.assignments = []  # taken from the leader, or of no use; the wait may be long
        return await waiter

    def heartbeat(self, request: HeartbeatRequest, client: ClientInfo) -> HeartbeatResponse:
        if not request.group_id:
            return HeartbeatResponse(error_code=ErrorCode.INVALID_GROUP_ID)
        try:
            shard = self.runtime.shard_of(request.group_id)
        except CoordinatorError as refused:
            # While a group is loaded its members' sessions have not begun: all is well.
            loading = refused.code == ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
            return HeartbeatResponse(error_code=ErrorCode.NONE if loading else refused.code)
        group = shard.groups.get(request.group_id)
        if group is None:
            return HeartbeatResponse(error_code=ErrorCode.UNKNOWN_MEMBER_ID)
        error = self.runtime.run(shard, group, partial(heartbeat, group, request))
        return HeartbeatResponse(error_code=error)

    async def leave_group(self, request: LeaveGroupRequest, client: ClientInfo) -> LeaveGroupResponse:
        """`request.members` says who (version 3 on), else `request.member_id`; the response always lists members."""
        if not request.group_id:
            return LeaveGroupResponse(error_code=ErrorCode.INVALID_GROUP_ID)
        leaving = request.members if client.api_version >= 3 else [MemberIdentity(member_id=request.member_id)]
        try:
            shard = self.runtime.shard_of(request.group_id)
        except CoordinatorError as refused:
            return LeaveGroupResponse(error_code=refused.code)
        group = shard.groups.get(request.group_id)
        if group is None:
            return LeaveGroupResponse(
                members=[
                    MemberResponse(
                        member_id=each.member_id,
                        group_instance_id=each.group_instance_id,
                        error_code=ErrorCode.UNKNOWN_MEMBER_ID,
                    )
                    for each in leaving
                ]
            )
        if group.state is GroupState.DEAD:
            return LeaveGroupResponse(error_code=ErrorCode.COORDINATOR_NOT_AVAILABLE)
        was_empty = group.state is GroupState.EMPTY
        responses = self.runtime.run(shard, group, partial(leave, group, leaving))
        if group.state is GroupState.EMPTY and not was_empty:
            # Once the last one has its answer, a restart of ours must not bring members back.
            try:
                await self.runtime.settle(shard)
            except CoordinatorError:
                pass  # it has left all the same; at worst its ghost has to time out once more
        return LeaveGroupResponse(members=responses)

    def _join_error(self, request: JoinGroupRequest) -> int:
        if not request.group_id or is_too_long(request.group_id):
            return ErrorCode.INVALID_GROUP_ID
        if is_too_long(request.group_instance_id):
            return ErrorCode.INVALID_REQUEST
        if len(request.protocols) > _PROTOCOLS_MAX:
            return ErrorCode.INCONSISTENT_GROUP_PROTOCOL
        if is_too_long(request.protocol_type) or any(is_too_long(protocol.name) for protocol in request.protocols):
            return ErrorCode.INCONSISTENT_GROUP_PROTOCOL
        lowest, highest = self.config.group_min_session_timeout_ms, self.config.group_max_session_timeout_ms
        if not lowest <= request.session_timeout_ms <= highest:
            return ErrorCode.INVALID_SESSION_TIMEOUT
        return ErrorCode.NONE

    def _new_member_id(self, prefix: str) -> str:
        """`prefix` and a version-4 UUID: users recognise their client in it, and nobody guesses it."""
        prefix = prefix[:_MEMBER_PREFIX_MAX]
        raw = self._prng.getrandbits(128) & ~(0xF << 76) & ~(0x3 << 62) | 4 << 76 | 2 << 62
        text = f"{raw:032x}"
        return f"{prefix}-{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    # Looking at groups, deleting them

    async def describe_groups(self, request: DescribeGroupsRequest, client: ClientInfo) -> DescribeGroupsResponse:
        """Each group once: naming one of a thousand members thousands of times would ask for gigabytes."""
        named = list(dict.fromkeys(request.groups))
        return DescribeGroupsResponse(groups=await map_in_turns(lambda name: self._describe(name, client.api_version), named))

    def _describe(self, group_id: str, api_version: int) -> DescribedGroup:
        try:
            group: Group | None = self.runtime.shard_of(group_id).groups.get(group_id)
        except CoordinatorError as refused:
            return DescribedGroup(group_id=group_id, error_code=refused.code, error_message=name_of(refused.code))
        return describe_unknown(group_id, api_version) if group is None else describe_group(group)

    async def list_groups(self, request: ListGroupsRequest, client: ClientInfo) -> ListGroupsResponse:
        if self.runtime.loading:
            return ListGroupsResponse(error_code=ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)
        return ListGroupsResponse(
            groups=[
                list_group(group)
                for shard in self.runtime.shards.values()
                for group in shard.groups.values()
                if matches(group, request)
            ]
        )

    async def delete_groups(self, request: DeleteGroupsRequest, client: ClientInfo) -> DeleteGroupsResponse:
        results: list[DeletableGroupResult] = []
        async for names in pieces(dict.fromkeys(request.groups_names)):
            results += await asyncio.gather(*map(self._offsets.delete_group, names))
        return DeleteGroupsResponse(results=results)

    # Offsets

    async def offset_commit(self, request: OffsetCommitRequest, client: ClientInfo) -> OffsetCommitResponse:
        """Topics are named and their partitions exist; `topic_id` is set where known. The answer leaves when committed."""
        return await self._offsets.commit(request, client.api_version)

    async def offset_fetch(self, request: OffsetFetchRequest, client: ClientInfo) -> OffsetFetchResponse:
        """By `request.groups`, the form of version 8 on."""
        fetch = partial(self._offsets.fetch, require_stable=request.require_stable)
        return OffsetFetchResponse(groups=await await_in_turns(fetch, request.groups, _GROUPS_A_TURN))

    async def offset_delete(self, request: OffsetDeleteRequest, client: ClientInfo) -> OffsetDeleteResponse:
        return await self._offsets.delete(request)

    async def on_topics_deleted(self, names: list[str]) -> None:
        """Forget what groups committed for topics that are no more."""
        await self._offsets.forget_topics(frozenset(names))

    async def expire_offsets(self) -> int:
        """Let go of what has been kept long enough, now; how many offsets that were."""
        return await self._offsets.expire()
