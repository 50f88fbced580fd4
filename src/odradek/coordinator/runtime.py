"""Holds the shards, and carries out what the state machine asks for.

A partition goes from unknown to loading to loaded, and back when it moves away. Requests for one that isn't loaded
are refused with the code that makes a client wait (COORDINATOR_LOAD_IN_PROGRESS) or look elsewhere (NOT_COORDINATOR).

Actions are carried out in the order in which they were asked for, within one call: nobody sees a group between a step
and its actions. An append's outcome and a timer that goes off are new steps. Every rebalance is logged with its
cause.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from odradek.base.clock import Clock
from odradek.base.errors import check
from odradek.base.logging import Logger
from odradek.base.metrics import Registry
from odradek.coordinator import causes
from odradek.coordinator.actions import (
    JOIN,
    SESSION,
    SYNC,
    Append,
    CancelTimer,
    Cause,
    Note,
    Purpose,
    Rebalance,
    Record,
    Respond,
    SetTimer,
    Step,
    StoreAssignment,
    StoreStaticMember,
    Timer,
)
from odradek.coordinator.config import CoordinatorConfig
from odradek.coordinator.errors import CoordinatorError, told_to_clients
from odradek.coordinator.group import Group
from odradek.coordinator.hashing import partition_for
from odradek.coordinator.membership import keep_session, on_session_timer
from odradek.coordinator.metrics import GroupMetrics
from odradek.coordinator.rebalance import on_join_timer, prepare_rebalance
from odradek.coordinator.shard import Shard, load_into
from odradek.coordinator.states import GroupState
from odradek.coordinator.static_join import on_static_member_stored
from odradek.coordinator.sync import on_assignment_stored, on_sync_timer
from odradek.coordinator.timers import Timers
from odradek.coordinator.unload import dissolve
from odradek.coordinator.writer import CoordinatorLog, PartitionWriter
from odradek.wire.errors import ErrorCode, name_of

Decision = TypeVar("Decision")
SLOW_LOAD_MS = 1_000


class Runtime:
    """The shards of one broker; touched from its loop only."""

    def __init__(
        self, log: CoordinatorLog, clock: Clock, config: CoordinatorConfig, timers: Timers, registry: Registry, logger: Logger
    ) -> None:
        self.clock, self.config, self.logger = clock, config, logger
        self._log, self._timers = log, timers
        self.shards: dict[int, Shard] = {}
        self.loading: set[int] = set()
        self.metrics = GroupMetrics(registry, self.shards)
        self.partition_count = config.offsets_topic_num_partitions

    # Partitions

    def shard_of(self, group_id: str) -> Shard:
        """The shard that keeps `group_id`; raises `CoordinatorError` while it does not."""
        partition = partition_for(group_id, self.partition_count)
        shard = self.shards.get(partition)
        if shard is not None:
            return shard
        if partition in self.loading:
            raise CoordinatorError(
                ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, f"partition {partition} of __consumer_offsets is being loaded"
            )
        raise CoordinatorError(
            ErrorCode.NOT_COORDINATOR, f"partition {partition} of __consumer_offsets, which keeps group {group_id}, is not here"
        )

    async def load(self, partition: int) -> None:
        """Read the partition's log and open for its groups. Does nothing if it is loaded, or about to be."""
        if partition in self.shards or partition in self.loading:
            return
        self.loading.add(partition)
        try:
            writer = PartitionWriter(partition, self._log, self.config.append_bytes_max, self.logger)
            shard = Shard(partition, writer)
            started = self.clock.monotonic()
            count = await load_into(shard, self._log.load(partition), self.clock.now_ms(), self.logger)
            if partition not in self.loading:
                return  # moved away while it was being read
            self.shards[partition] = shard
        finally:
            self.loading.discard(partition)
        self._tell_loaded(shard, count, round((self.clock.monotonic() - started) * 1000))
        for group in list(shard.groups.values()):
            self.run(shard, group, partial(self._wake, group))

    async def unload(self, partition: int) -> None:
        """Close for the partition's groups: whoever waits is told to look elsewhere."""
        self.loading.discard(partition)
        shard = self.shards.pop(partition, None)
        if shard is not None:
            for group in shard.groups.values():
                self.run(shard, group, partial(dissolve, group, ErrorCode.NOT_COORDINATOR))
            await shard.writer.close(ErrorCode.NOT_COORDINATOR)

    def _tell_loaded(self, shard: Shard, count: int, ms: int) -> None:
        # Fifty partitions of a few records are nobody's concern; a load that clients had to wait for is.
        tell = self.logger.info if ms >= SLOW_LOAD_MS else self.logger.debug
        tell(
            "groups loaded",
            partition=shard.partition,
            records=count,
            groups=len(shard.groups),
            offsets=shard.offsets.count,
            ms=ms,
        )

    def _wake(self, group: Group, step: Step) -> None:
        """A loaded group's members have one session timeout to be heard of."""
        for member in group.members.values():
            keep_session(group, member, step)
        if len(group.members) > self.config.group_max_size:
            prepare_rebalance(group, causes.over_capacity(len(group.members), self.config.group_max_size), step)

    # Steps

    def run(self, shard: Shard, group: Group, decide: Callable[[Step], Decision]) -> Decision:
        """Take one step with `group`, carry out its actions, and pass on what it gives back."""
        step = Step(self.clock.now_ms(), self.config)
        decision = decide(step)
        for action in step:
            match action:
                case Respond(waiter, response):
                    _answer(waiter, response)
                case SetTimer(timer, delay_ms):
                    self._timers.set(timer, delay_ms, partial(self._on_timer, shard, timer))
                case CancelTimer(timer):
                    self._timers.cancel(timer)
                case Append(record, purpose):
                    shard.writer.submit([record], partial(self._on_stored, shard, group, purpose))
                case Rebalance(cause, old_generation):
                    self._tell_rebalance(group, cause, old_generation)
                case Note(event, fields):
                    self.logger.info(event, **fields)
        return decision

    def _on_timer(self, shard: Shard, timer: Timer) -> None:
        group = shard.groups.get(timer.group_id)
        if group is None:
            return
        if timer.kind == SESSION:
            self.run(shard, group, partial(on_session_timer, group, timer.member_id))
        elif timer.kind == JOIN:
            self.run(shard, group, partial(on_join_timer, group))
        else:
            check(timer.kind == SYNC, "a timer of a known kind", timer=timer)
            self.run(shard, group, partial(on_sync_timer, group))

    def _on_stored(self, shard: Shard, group: Group, purpose: Purpose, append_code: int) -> None:
        code = told_to_clients(append_code)
        if isinstance(purpose, StoreAssignment):
            self.run(shard, group, partial(on_assignment_stored, group, purpose, code))
            if group.state is GroupState.STABLE and code == ErrorCode.NONE:
                self.metrics.completed_rebalances.value += 1
        elif isinstance(purpose, StoreStaticMember):
            self.run(shard, group, partial(on_static_member_stored, group, purpose, code))
        elif code != ErrorCode.NONE:
            # The log still holds the last generation: after a restart its members come back, and time out.
            self.logger.warning(
                "empty group could not be stored",
                group=group.group_id,
                generation=purpose.generation,
                error=name_of(append_code),
            )

    def _tell_rebalance(self, group: Group, cause: Cause, old_generation: int) -> None:
        self.metrics.rebalances.labels(cause.kind).value += 1
        self.logger.info(
            "group rebalances",
            group=group.group_id,
            cause=cause.kind,
            reason=cause.reason,
            member=cause.member_id,
            client=cause.client_id,
            host=cause.client_host,
            generation=old_generation,
            members=len(group.members),
        )

    # Records that belong to no step

    async def write(self, shard: Shard, records: Sequence[Record], apply: Callable[[], None] | None = None) -> None:
        """Append and, once committed, `apply`; raises `CoordinatorError` when that fails or takes too long.

        After a time-out (`offsets.commit.timeout.ms`) the append may yet succeed, and is applied then.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[int] = loop.create_future()

        def outcome(code: int) -> None:
            if code == ErrorCode.NONE and apply is not None:
                apply()
            _settle(done, code)

        shard.writer.submit(records, outcome)
        timeout_ms = self.config.offsets_commit_timeout_ms
        timeout = loop.call_later(timeout_ms / 1000, _settle, done, ErrorCode.REQUEST_TIMED_OUT)
        try:
            code = await done
        finally:
            timeout.cancel()
        if code != ErrorCode.NONE:
            raise CoordinatorError(
                told_to_clients(code),
                f"{len(records)} records were not committed: {name_of(code)} (offsets.commit.timeout.ms={timeout_ms})",
            )

    async def settle(self, shard: Shard) -> None:
        """Wait for what is on its way to the shard's log, however that ends; raises `CoordinatorError` as `write` does."""
        if not shard.writer.is_idle:
            await self.write(shard, ())


def _settle(done: asyncio.Future[int], code: int) -> None:
    if not done.done():
        done.set_result(code)


def _answer(waiter: object, response: object) -> None:
    check(isinstance(waiter, asyncio.Future), "who waits in the runtime is a future", waiter=waiter)
    if isinstance(waiter, asyncio.Future) and not waiter.done():  # done: the client has gone
        waiter.set_result(response)
