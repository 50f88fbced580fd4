"""Tells the story of one group from a script: commands in, the state machine's actions out.

Time is virtual, waiters are names, member ids are `id-1`, `id-2`, ... in the order in which they were needed. An
append stays under way until the script says `stored`. Commands (arguments are `name=value`, durations like `10s` or
`500ms`):

    config group_max_size=2                       change a setting
    join j1 protocols=range:T1+T2,sticky:X [id=] [instance=] [version=9] [type=consumer] [session=10s] [rebalance=60s] [reason=]
    sync s1 id=id-1 gen=1 [assign=id-1:A,id-2:B] [instance=] [type=] [protocol=]
    heartbeat id=id-1 gen=1 [instance=]
    leave id=id-1 [instance=] [reason=]           `leave instance=a` is what an administrator does
    stored [error=NOT_LEADER_OR_FOLLOWER]         the oldest append ends
    advance 3s                                    time passes, timers go off
    restart                                       the group comes back from its last stored record
    state                                         what the group looks like
"""

from __future__ import annotations

import shlex
import struct
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

from odradek.base.clock import ManualClock
from odradek.coordinator import actions
from odradek.coordinator.actions import Step, Timer
from odradek.coordinator.config import ClientInfo, CoordinatorConfig
from odradek.coordinator.errors import told_to_clients
from odradek.coordinator.group import Group
from odradek.coordinator.group_records import read_group, read_group_key
from odradek.coordinator.join import join
from odradek.coordinator.membership import heartbeat, keep_session, leave, on_session_timer
from odradek.coordinator.rebalance import on_join_timer
from odradek.coordinator.static_join import on_static_member_stored
from odradek.coordinator.subscription import MalformedSubscriptionError, subscribed_topics
from odradek.coordinator.sync import on_assignment_stored, on_sync_timer, sync
from odradek.coordinator.timers import ManualTimers
from odradek.wire.errors import ErrorCode, name_of
from odradek.wire.messages.heartbeat import HeartbeatRequest
from odradek.wire.messages.join_group import JoinGroupRequest, JoinGroupRequestProtocol, JoinGroupResponse
from odradek.wire.messages.leave_group import MemberIdentity
from odradek.wire.messages.sync_group import SyncGroupRequest, SyncGroupRequestAssignment, SyncGroupResponse

Arguments = dict[str, str]
T = TypeVar("T")


class GroupStory:
    """One group, its virtual time, and its log."""

    def __init__(self) -> None:
        self.clock = ManualClock(1_000_000)
        self.timers = ManualTimers(self.clock)
        self.set_timers: set[Timer] = set()
        self.config = CoordinatorConfig(group_initial_rebalance_delay_ms=3_000)
        self.group = Group("g", self.clock.now_ms())
        self.appends: deque[actions.Append] = deque()
        self.stored_record: actions.Record | None = None
        self.ids = 0
        self.out: list[str] = []

    def tell(self, line: str) -> str:
        """Carry out one command; what happened, a line each."""
        self.out = []
        command, *rest = shlex.split(line)
        waiter = rest.pop(0) if rest and "=" not in rest[0] else ""
        arguments = dict(word.split("=", 1) for word in rest)
        getattr(self, f"do_{command}")(waiter, arguments)
        return "\n".join(self.out) or "ok"

    # Commands

    def do_config(self, _: str, arguments: Arguments) -> None:
        for name, value in arguments.items():
            setattr(self.config, name, int(value))

    def do_join(self, waiter: str, arguments: Arguments) -> None:
        member_id = arguments.get("id", "")
        request = JoinGroupRequest(
            group_id="g",
            member_id=member_id,
            group_instance_id=arguments.get("instance"),
            reason=arguments.get("reason"),
            protocol_type=arguments.get("type", "consumer"),
            protocols=list(_protocols(arguments["protocols"])),
            session_timeout_ms=_ms(arguments.get("session", "10s")),
            rebalance_timeout_ms=_ms(arguments.get("rebalance", "60s")),
        )
        client = ClientInfo("client", "/10.0.0.1", int(arguments.get("version", "9")))
        new_id = f"id-{self.ids + 1}"
        self._step(lambda step: join(self.group, request, client, new_id, waiter, step))
        used = {new_id} & {*self.group.members, *self.group.pending_joins}
        self.ids += bool(used)

    def do_sync(self, waiter: str, arguments: Arguments) -> None:
        assignments = [each.split(":") for each in filter(None, arguments.get("assign", "").split(","))]
        request = SyncGroupRequest(
            group_id="g",
            member_id=arguments["id"],
            generation_id=int(arguments["gen"]),
            group_instance_id=arguments.get("instance"),
            protocol_type=arguments.get("type"),
            protocol_name=arguments.get("protocol"),
            assignments=[SyncGroupRequestAssignment(member_id=id, assignment=what.encode()) for id, what in assignments],
        )
        self._step(lambda step: sync(self.group, request, waiter, step))

    def do_heartbeat(self, _: str, arguments: Arguments) -> None:
        request = HeartbeatRequest(
            group_id="g",
            member_id=arguments["id"],
            generation_id=int(arguments["gen"]),
            group_instance_id=arguments.get("instance"),
        )
        self.out.append(name_of(self._step(lambda step: heartbeat(self.group, request, step))))

    def do_leave(self, _: str, arguments: Arguments) -> None:
        identity = MemberIdentity(
            member_id=arguments.get("id", ""), group_instance_id=arguments.get("instance"), reason=arguments.get("reason")
        )
        for response in self._step(lambda step: leave(self.group, [identity], step)):
            self.out.append(name_of(response.error_code))

    def do_stored(self, _: str, arguments: Arguments) -> None:
        record, purpose = self.appends.popleft()
        code = int(getattr(ErrorCode, arguments.get("error", "NONE")))
        if code == ErrorCode.NONE:
            self.stored_record = record
        told = told_to_clients(code)
        if isinstance(purpose, actions.StoreAssignment):
            assigned = purpose
            self._step(lambda step: on_assignment_stored(self.group, assigned, told, step))
        elif isinstance(purpose, actions.StoreStaticMember):
            renamed = purpose
            self._step(lambda step: on_static_member_stored(self.group, renamed, told, step))

    def do_advance(self, duration: str, _: Arguments) -> None:
        self.timers.advance(_ms(duration))

    def do_restart(self, _: str, __: Arguments) -> None:
        assert self.stored_record is not None and self.stored_record[1] is not None
        self.timers, self.set_timers = ManualTimers(self.clock), set()
        self.appends.clear()
        self.group = read_group(read_group_key(self.stored_record[0]), self.stored_record[1])
        for member in list(self.group.members.values()):
            self._step(partial(keep_session, self.group, member))
        self.do_state("", {})

    def do_state(self, _: str, __: Arguments) -> None:
        group = self.group
        self.out.append(f"{group.state} generation={group.generation} protocol={group.protocol_name} leader={group.leader_id}")
        for member in group.members.values():
            waits = "joining" if member.join_waiter else "syncing" if member.sync_waiter else "idle"
            instance = f" instance={member.instance_id}" if member.instance_id else ""
            self.out.append(f"  {member.member_id}{instance} {waits} assignment={member.assignment.decode() or '-'}")
        if group.pending_joins:
            self.out.append(f"  pending {' '.join(group.pending_joins)}")

    # Carrying out actions

    def _step(self, decide: Callable[[Step], T]) -> T:
        step = Step(self.clock.now_ms(), self.config)
        decision = decide(step)
        for action in step:
            self._carry_out(action)
        return decision

    def _carry_out(self, action: actions.Action) -> None:
        match action:
            case actions.Respond(waiter, response):
                self.out.append(f"{waiter} <- {_shown(response)}")
            case actions.SetTimer(timer, delay_ms):
                self.set_timers.add(timer)
                self.timers.set(timer, delay_ms, lambda: self._on_timer(timer))
                self.out.append(f"timer {_timer(timer)} in {_duration(delay_ms)}")
            case actions.CancelTimer(timer):
                if timer in self.set_timers:
                    self.set_timers.discard(timer)
                    self.timers.cancel(timer)
                    self.out.append(f"cancel {_timer(timer)}")
            case actions.Append(record, _):
                self.appends.append(action)
                assert record[1] is not None
                group = read_group("g", record[1])
                members = " ".join(f"{id}={each.assignment.decode() or '-'}" for id, each in group.members.items())
                self.out.append(f"append {group.state} generation={group.generation} {members}".rstrip())
            case actions.Rebalance(cause, _):
                self.out.append(f"rebalance ({cause.kind}): {cause.reason}")
            case actions.Note(event, _):
                self.out.append(f"note: {event}")

    def _on_timer(self, timer: Timer) -> None:
        self.set_timers.discard(timer)
        self.out.append(f"at {self.clock.now_ms() - 1_000_000} ms: {_timer(timer)} goes off")
        if timer.kind == actions.SESSION:
            self._step(lambda step: on_session_timer(self.group, timer.member_id, step))
        else:
            self._step(partial(on_join_timer if timer.kind == actions.JOIN else on_sync_timer, self.group))


def _protocols(text: str) -> Iterator[JoinGroupRequestProtocol]:
    """`range:T1+T2` is a protocol with a subscription to two topics."""
    for each in text.split(","):
        name, _, topics = each.partition(":")
        names = [topic.encode() for topic in topics.split("+")] if topics else []
        metadata = struct.pack(">hi", 0, len(names)) + b"".join(struct.pack(">h", len(n)) + n for n in names)
        yield JoinGroupRequestProtocol(name=name, metadata=metadata)


def _shown(response: object) -> str:
    if isinstance(response, SyncGroupResponse):
        return f"SyncGroup {name_of(response.error_code)} {response.assignment.decode()}".rstrip()
    assert isinstance(response, JoinGroupResponse)
    if response.error_code:
        return f"JoinGroup {name_of(response.error_code)} member={response.member_id or '-'}"
    members = ",".join(f"{each.member_id}:{_topics(each.metadata)}" for each in response.members)
    skip = " skip-assignment" if response.skip_assignment else ""
    return (
        f"JoinGroup NONE member={response.member_id} generation={response.generation_id} protocol={response.protocol_name} "
        f"leader={response.leader}{f' members={members}' if members else ''}{skip}"
    )


def _topics(metadata: bytes) -> str:
    try:
        return "+".join(sorted(subscribed_topics(metadata)))
    except MalformedSubscriptionError:
        return metadata.hex()


def _timer(timer: Timer) -> str:
    return f"{timer.kind} {timer.member_id}".strip()


def _ms(text: str) -> int:
    return int(text[:-2]) if text.endswith("ms") else int(float(text[:-1]) * 1000)


def _duration(ms: int) -> str:
    return f"{ms // 1000}s" if ms % 1000 == 0 else f"{ms}ms"
