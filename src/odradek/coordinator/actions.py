"""One step of the group's state machine: when it happens, and what it asks of the world, in order.

A step never awaits, reads no clock and writes nothing: it collects actions, which the runtime carries out (and a test
reads). A waiter is whatever the caller gave with its request (a future in the runtime, a name in a test). What
follows an append is named by its `Purpose`, handed back by the runtime to the same machine once the record is
committed or has failed.
"""

from __future__ import annotations

from typing import NamedTuple

from odradek.coordinator.config import CoordinatorConfig

# Kinds of timers.
SESSION = "session"  # a member's heartbeat is overdue
JOIN = "join"  # the time to (re)join is over, or a slice of the initial delay
SYNC = "sync"  # members have not fetched their assignment in time


class Timer(NamedTuple):
    """Names one timer; setting it again moves it."""

    kind: str
    group_id: str
    member_id: str = ""


class Respond(NamedTuple):
    waiter: object
    response: object


class SetTimer(NamedTuple):
    timer: Timer
    delay_ms: int


class CancelTimer(NamedTuple):
    timer: Timer


class StoreAssignment(NamedTuple):
    """The leader's assignment for a generation, on its way to the log."""

    member_id: str
    generation: int
    assignments: dict[str, bytes]


class StoreStaticMember(NamedTuple):
    """A restarted static member's new id, on its way to the log; the rest is what to put back if that fails."""

    api_version: int
    instance_id: str
    member_id: str
    old_member_id: str
    old_leader_id: str | None
    old_protocols: tuple[tuple[str, bytes], ...]
    old_rebalance_timeout_ms: int
    old_session_timeout_ms: int


class StoreEmpty(NamedTuple):
    """The last member has left."""

    generation: int


Purpose = StoreAssignment | StoreStaticMember | StoreEmpty
Record = tuple[bytes, bytes | None]


class Append(NamedTuple):
    record: Record
    purpose: Purpose


class Cause(NamedTuple):
    """Why a rebalance begins: the answer to "why do my consumers stop?" (KIP-800 carries the client's own reason)."""

    kind: str  # of a closed set, for metrics: see causes.py
    reason: str
    member_id: str
    client_id: str = ""
    client_host: str = ""


class Rebalance(NamedTuple):
    cause: Cause
    old_generation: int


class Note(NamedTuple):
    """Something that an operator may want to read."""

    event: str
    fields: dict[str, object]


Action = Respond | SetTimer | CancelTimer | Append | Rebalance | Note


class Step(list[Action]):
    """The actions of one step, with a verb for each kind; `now_ms` is wall time, `config` the settings that hold now."""

    __slots__ = ("config", "now_ms")

    def __init__(self, now_ms: int, config: CoordinatorConfig) -> None:
        super().__init__()
        self.now_ms = now_ms
        self.config = config

    def respond(self, waiter: object, response: object) -> None:
        self.append(Respond(waiter, response))

    def set_timer(self, timer: Timer, delay_ms: int) -> None:
        self.append(SetTimer(timer, delay_ms))

    def cancel_timer(self, timer: Timer) -> None:
        self.append(CancelTimer(timer))

    def store(self, record: Record, purpose: Purpose) -> None:
        self.append(Append(record, purpose))

    def note(self, event: str, **fields: object) -> None:
        self.append(Note(event, fields))
