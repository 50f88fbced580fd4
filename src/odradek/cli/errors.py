"""Exit codes, and the one place where failures become them.

A script branches on the code, a person reads the line, so both are part of the interface (`docs/cli.md` lists them):

    0  done                                   5  conflict: it exists already, or is in use
    1  failed                                 6  damaged: the files hold something wrong
    2  usage: the command line is wrong     130  interrupted (Ctrl-C)
    3  cannot reach the broker              141  whoever read our output went away
    4  not found: topic, partition,       143  ended by SIGTERM, in order
       group, file

Kafka's error codes are translated by `from_kafka`; nothing else in the room looks at them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from odradek.base.errors import OdradekError

if TYPE_CHECKING:
    from confluent_kafka import KafkaError

OK = 0
FAILED = 1
USAGE = 2
UNREACHABLE = 3
NOT_FOUND = 4
CONFLICT = 5
DAMAGED = 6
INTERRUPTED = 130
BROKEN_PIPE = 141
TERMINATED = 143

_UNREACHABLE_NAMES = frozenset(
    {"_TRANSPORT", "_ALL_BROKERS_DOWN", "_TIMED_OUT", "_RESOLVE", "_TIMED_OUT_QUEUE", "_MSG_TIMED_OUT"}
)
_NOT_FOUND_NAMES = frozenset(
    {
        "UNKNOWN_TOPIC_OR_PART",
        "UNKNOWN_TOPIC_ID",
        "GROUP_ID_NOT_FOUND",
        "RESOURCE_NOT_FOUND",
        "_UNKNOWN_TOPIC",
        "_UNKNOWN_PARTITION",
        "_UNKNOWN_GROUP",
    }
)
_CONFLICT_NAMES = frozenset({"TOPIC_ALREADY_EXISTS", "NON_EMPTY_GROUP", "GROUP_SUBSCRIBED_TO_TOPIC"})


class CliError(OdradekError):
    """A failure that ends the command: one line for the person, `exit_code` for the script."""

    exit_code = FAILED

    def __init__(self, message: str, exit_code: int | None = None) -> None:
        super().__init__(message)
        if exit_code is not None:
            self.exit_code = exit_code


class UsageProblem(CliError):
    exit_code = USAGE


class Unreachable(CliError):
    exit_code = UNREACHABLE


class NotFound(CliError):
    exit_code = NOT_FOUND


class Conflict(CliError):
    exit_code = CONFLICT


class Damaged(CliError):
    exit_code = DAMAGED


def exit_code_of(kafka_name: str) -> int:
    """The exit code for a Kafka error by its name (librdkafka's spelling, local errors with a leading underscore)."""
    if kafka_name in _UNREACHABLE_NAMES:
        return UNREACHABLE
    if kafka_name in _NOT_FOUND_NAMES:
        return NOT_FOUND
    return CONFLICT if kafka_name in _CONFLICT_NAMES else FAILED


def from_kafka(error: KafkaError, doing: str) -> CliError:
    """What to raise for `error` met while `doing` (for example "topic 'orders'")."""
    return CliError(f"{doing}: {reason_text(error)}", exit_code_of(error.name()))


def reason_text(error: KafkaError) -> str:
    """The error in words and by name, without librdkafka's prefix for who found it."""
    reason = error.str().removeprefix("Broker: ").removeprefix("Local: ").rstrip(". ")
    return f"{reason} ({error.name().lstrip('_')})"
