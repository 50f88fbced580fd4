"""Requests about offsets, and the housekeeping that deletes them: decide, append, apply when committed, answer.

A group that is deleted is taken out of memory when its tombstones are submitted, not when they are committed: a
member that joins in between finds no group and makes a new one, whose records come after the tombstones in the log.
If the append fails the old group is put back, unless a new one has taken its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from odradek.coordinator.actions import Record
from odradek.coordinator.errors import CoordinatorError
from odradek.coordinator.expiry import expired_offsets
from odradek.coordinator.group import Group
from odradek.coordinator.group_records import group_tombstone
from odradek.coordinator.membership import keep_session
from odradek.coordinator.names import is_too_long
from odradek.coordinator.offset_commit import Commit, commit_error, failed_commit, plan_commit
from odradek.coordinator.offset_fetch import delete_error, fetch_offsets, plan_delete
from odradek.coordinator.offset_records import offset_record, offset_tombstone
from odradek.coordinator.offset_store import Topics
from odradek.coordinator.runtime import Runtime
from odradek.coordinator.shard import Shard
from odradek.coordinator.states import GroupState
from odradek.coordinator.timers import Timers
from odradek.coordinator.unload import dissolve
from odradek.sync.turns import pieces
from odradek.wire.errors import ErrorCode
from odradek.wire.messages.delete_groups import DeletableGroupResult
from odradek.wire.messages.offset_commit import OffsetCommitRequest, OffsetCommitResponse
from odradek.wire.messages.offset_delete import OffsetDeleteRequest, OffsetDeleteResponse
from odradek.wire.messages.offset_fetch import OffsetFetchRequestGroup, OffsetFetchResponseGroup

# Tombstones need not go together, so large deletions are cut into appends well below max.message.bytes.
TOMBSTONES_PER_APPEND = 1_000
# Groups whose expiry is decided in one go, and whose tombstones can share an append.
GROUPS_PER_TURN = 200
_EXPIRY = "offsets expiry"

OffsetName = tuple[str, int]  # topic, partition


class OffsetService:
    """One coordinator's offsets; touched from its loop only."""

    def __init__(self, runtime: Runtime, timers: Timers) -> None:
        self._runtime, self._timers = runtime, timers
        self._expiring: asyncio.Task[int] | None = None
        self._doomed: set[str] = set()
        self._forgetting: asyncio.Task[None] | None = None

    async def commit(self, request: OffsetCommitRequest, api_version: int) -> OffsetCommitResponse:
        try:
            if is_too_long(request.group_id):
                return failed_commit(request, ErrorCode.INVALID_GROUP_ID)
            shard = self._runtime.shard_of(request.group_id)
            group = shard.groups.get(request.group_id)
            error = commit_error(group, request, api_version)
            if error != ErrorCode.NONE:
                return failed_commit(request, error)
            if group is not None:
                self._keep_session(shard, group, request.member_id)
            return await self._write_commit(shard, request)
        except CoordinatorError as refused:
            return failed_commit(request, refused.code)

    async def _write_commit(self, shard: Shard, request: OffsetCommitRequest) -> OffsetCommitResponse:
        now_ms = self._runtime.clock.now_ms()
        group_id = request.group_id
        commits, response = plan_commit(request, now_ms, self._runtime.config)
        if commits:
            records = [offset_record(group_id, *commit) for commit in commits]
            await self._runtime.write(shard, records, partial(self._apply, shard, group_id, commits, now_ms))
        return response

    def _apply(self, shard: Shard, group_id: str, commits: list[Commit], now_ms: int) -> None:
        self._runtime.metrics.commits.value += len(commits)
        for topic, partition, committed in commits:
            shard.put_offset(group_id, topic, partition, committed, now_ms)

    def _keep_session(self, shard: Shard, group: Group, member_id: str) -> None:
        member = group.members.get(member_id)
        if member is not None and group.state in (GroupState.STABLE, GroupState.PREPARING_REBALANCE):
            self._runtime.run(shard, group, partial(keep_session, group, member))

    async def fetch(self, request: OffsetFetchRequestGroup, *, require_stable: bool) -> OffsetFetchResponseGroup:
        """`require_stable` waits for commits that are under way (KIP-447; there are no transactional ones yet)."""
        try:
            shard = self._runtime.shard_of(request.group_id)
            if require_stable:
                await self._runtime.settle(shard)
        except CoordinatorError as refused:
            return OffsetFetchResponseGroup(group_id=request.group_id, error_code=refused.code)
        known = request.group_id in shard.groups
        return fetch_offsets(request, shard.offsets.topics_of(request.group_id) if known else {})

    async def delete(self, request: OffsetDeleteRequest) -> OffsetDeleteResponse:
        group_id = request.group_id
        if not group_id:
            return OffsetDeleteResponse(error_code=ErrorCode.INVALID_GROUP_ID)
        try:
            shard = self._runtime.shard_of(group_id)
            group = shard.groups.get(group_id)
            error = delete_error(group)
            if group is None or error != ErrorCode.NONE:
                return OffsetDeleteResponse(error_code=error)
            gone, response = plan_delete(group, request, shard.offsets.topics_of(group_id))
            await self._bury(shard, group_id, gone)
        except CoordinatorError as refused:
            return OffsetDeleteResponse(error_code=refused.code)
        self._runtime.metrics.deletions.value += len(gone)
        return response

    async def delete_group(self, group_id: str) -> DeletableGroupResult:
        """Delete a group without members, and its offsets."""
        try:
            shard = self._runtime.shard_of(group_id)
            group = shard.groups.get(group_id)
            if group is None or group.state is GroupState.DEAD:
                return DeletableGroupResult(group_id=group_id, error_code=ErrorCode.GROUP_ID_NOT_FOUND)
            if group.state is not GroupState.EMPTY:
                return DeletableGroupResult(group_id=group_id, error_code=ErrorCode.NON_EMPTY_GROUP)
            gone = list(shard.offsets.keys_of(group_id))
            await self._bury_group(shard, group, gone)
        except CoordinatorError as refused:
            return DeletableGroupResult(group_id=group_id, error_code=refused.code)
        self._runtime.metrics.deletions.value += len(gone)
        self._runtime.logger.info("group deleted", group=group_id, offsets=len(gone))
        return DeletableGroupResult(group_id=group_id)

    async def forget_topics(self, names: frozenset[str]) -> None:
        """Delete what groups committed for topics that are no more; those that go at one time share a pass over the groups."""
        self._doomed |= names
        if self._forgetting is None:
            self._forgetting = asyncio.get_running_loop().create_task(self._forget_doomed(), name="offsets of deleted topics")
        await asyncio.shield(self._forgetting)

    async def _forget_doomed(self) -> None:
        try:
            while self._doomed:
                names, self._doomed = frozenset(self._doomed), set()
                for shard in list(self._runtime.shards.values()):
                    await self._forget_in(shard, names)
        finally:
            self._forgetting = None

    async def _forget_in(self, shard: Shard, names: frozenset[str]) -> None:
        try:
            await self._runtime.settle(shard)  # what is being committed is not among the shard's offsets yet
        except CoordinatorError:
            pass  # then it will not be
        async for turn in pieces(shard.offsets.groups(), GROUPS_PER_TURN):
            doomed = [(group_id, shard.offsets.topics_of(group_id)) for group_id in turn]
            await asyncio.gather(
                *(
                    self._forget_of(shard, group_id, topics, found)
                    for group_id, topics in doomed
                    if (found := topics.keys() & names)
                )
            )

    async def _forget_of(self, shard: Shard, group_id: str, topics: Topics, names: set[str]) -> None:
        try:
            await self._bury(shard, group_id, [(name, partition) for name in names for partition in topics[name]])
        except CoordinatorError as failed:
            self._runtime.logger.error(
                "offsets of deleted topics remain", group=group_id, topics=sorted(names), error=str(failed)
            )

    # Expiry

    def schedule_expiry(self) -> None:
        self._timers.set(_EXPIRY, self._runtime.config.offsets_retention_check_interval_ms, self._begin_expiry)

    def _begin_expiry(self) -> None:
        self._expiring = asyncio.get_running_loop().create_task(self._expire_on_schedule(), name=_EXPIRY)

    async def _expire_on_schedule(self) -> int:
        try:
            return await self.expire()
        finally:
            self.schedule_expiry()

    async def close(self) -> None:
        under_way = [task for task in (self._expiring, self._forgetting) if task is not None]
        await asyncio.gather(*under_way, return_exceptions=True)
        self._timers.cancel(_EXPIRY)

    async def expire(self) -> int:
        """One round over all groups; the number of offsets that expired."""
        count = 0
        for shard in list(self._runtime.shards.values()):
            groups = list(shard.groups.values())
            for start in range(0, len(groups), GROUPS_PER_TURN):
                turn = groups[start : start + GROUPS_PER_TURN]
                count += sum(await asyncio.gather(*(self._expire_group(shard, group) for group in turn)))
        self._runtime.metrics.expired.value += count
        if count:
            self._runtime.logger.info("offsets expired", offsets=count)
        return count

    async def _expire_group(self, shard: Shard, group: Group) -> int:
        try:
            return await self._bury_expired(shard, group)
        except CoordinatorError as failed:
            self._runtime.logger.warning("expired offsets remain", group=group.group_id, error=str(failed))
            return 0

    async def _bury_expired(self, shard: Shard, group: Group) -> int:
        config = self._runtime.config
        topics = shard.offsets.topics_of(group.group_id)
        gone = expired_offsets(group, topics, self._runtime.clock.now_ms(), config.offsets_retention_ms)
        nothing_left = len(gone) == sum(map(len, topics.values()))
        if nothing_left and group.state is GroupState.EMPTY and not group.pending_joins:
            await self._bury_group(shard, group, gone)
        else:
            await self._bury(shard, group.group_id, gone)
        return len(gone)

    # Tombstones

    async def _bury_group(self, shard: Shard, group: Group, gone: Sequence[OffsetName]) -> None:
        group_id = group.group_id
        since_ms = group.state_since_ms
        self._runtime.run(shard, group, partial(dissolve, group, ErrorCode.COORDINATOR_NOT_AVAILABLE))
        del shard.groups[group_id]
        try:
            await self._bury(shard, group_id, gone, and_finally=[group_tombstone(group_id)])
        except CoordinatorError:
            shard.groups.setdefault(
                group_id,
                Group(
                    group_id,
                    since_ms,
                    generation=group.generation,
                    protocol_type=group.protocol_type,
                ),
            )
            raise

    async def _bury(self, shard: Shard, group_id: str, gone: Sequence[OffsetName], and_finally: Sequence[Record] = ()) -> None:
        """Write tombstones for offsets and, as they are committed, forget them; `and_finally` goes with the last of them."""
        last_start = max(len(gone) - 1, 0) // TOMBSTONES_PER_APPEND * TOMBSTONES_PER_APPEND
        for start in range(0, last_start + 1, TOMBSTONES_PER_APPEND):
            part = gone[start : start + TOMBSTONES_PER_APPEND]
            records = [offset_tombstone(group_id, topic, partition) for topic, partition in part]
            if start == last_start:
                records += and_finally
            if records:
                await self._runtime.write(shard, records, partial(_forget, shard, group_id, part))


def _forget(shard: Shard, group_id: str, gone: Sequence[OffsetName]) -> None:
    for topic, partition in gone:
        shard.offsets.remove(group_id, topic, partition)
