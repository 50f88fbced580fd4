"""What smp raises.

A call to another shard ends in one of three ways: its value, the failure of its handler (`RemoteError`), or
`ShardDiedError` when the shard that should have answered is gone. Nothing hangs.
"""

from __future__ import annotations

import traceback

from odradek.base.errors import OdradekError

_TEXT_MAX = 16 * 1024
"""Characters of a failure's message, and of its traceback, that cross to the caller."""


class SmpError(OdradekError):
    """A failure that smp names itself."""


class ShardDiedError(SmpError):
    """The shard that was asked is not there (any more): whether it had begun with the work is unknown."""

    def __init__(self, shard: int, why: str) -> None:
        self.shard = shard
        super().__init__(f"shard {shard} {why}")


class RemoteError(SmpError):
    """A handler raised; `type_name` and `trace` are what it raised, as text. Also on the caller's own shard."""

    def __init__(self, shard: int, service: str, type_name: str, message: str, trace: str) -> None:
        self.shard = shard
        self.service = service
        self.type_name = type_name
        self.trace = trace
        super().__init__(f"{service} on shard {shard} failed: {type_name}: {message}")


class CallCancelledError(SmpError):
    """A handler ended by cancellation, though its caller had not gone. (Callers see it as `RemoteError.type_name`.)"""


class UnknownServiceError(SmpError):
    """A message names a service that the shard has not got: shards run different programs, or it was called too early."""


class QueueFullError(SmpError):
    """More one-way messages wait for a shard than its queue may hold."""


class MessageTooLargeError(SmpError):
    """A message or a payload is larger than any that may cross."""


class NotPlainError(SmpError):
    """A message holds something other than None, numbers, text, bytes, and tuples, lists, dicts and sets of them."""


class RingCorruptError(SmpError):
    """A queue in shared memory holds what no shard writes: some process wrote where it must not."""


class ServiceOrderError(SmpError):
    """A handler did what shards could wait for each other in a circle by (`groups.py`)."""


class PlacementError(SmpError):
    """Shards can't be placed as asked on this machine or in this process."""


def in_words(error: BaseException) -> tuple[str, str, str]:
    """Type, message and traceback of a failure, bounded; errors that can't be shown are no reason to fail again."""
    try:
        message = str(error)
        trace = "".join(traceback.format_exception(error))
    except Exception as second:
        message = trace = f"(its message can't be had: {type(second).__name__})"
    return type(error).__name__, message[:_TEXT_MAX], trace[-_TEXT_MAX:]
