"""What smp raises.

A call to another shard ends in one of three ways: its value, the failure of its handler (`RemoteError`, or the very
exception where its type was registered with `carry`), or `ShardDiedError` when the shard that should have answered is
gone. Nothing hangs.
"""

from __future__ import annotations

from odradek.base.errors import OdradekError


class SmpError(OdradekError):
    """A failure that smp names itself."""


class ShardDiedError(SmpError):
    """The shard that was asked is not there (any more): whether it had begun with the work is unknown."""

    def __init__(self, shard: int, why: str) -> None:
        self.shard = shard
        super().__init__(f"shard {shard} {why}")


class RemoteError(SmpError):
    """A handler on another shard raised; `type_name` and `trace` are what it raised, as text."""

    def __init__(self, shard: int, service: str, type_name: str, message: str, trace: str) -> None:
        self.shard = shard
        self.service = service
        self.type_name = type_name
        self.trace = trace
        super().__init__(f"{service} on shard {shard} failed: {type_name}: {message}")


class CallCancelledError(SmpError):
    """A handler ended by cancellation, its caller's or its own shard's."""


class UnknownServiceError(SmpError):
    """A message names a service that the shard has not got: shards run different programs, or it was called too early."""


class QueueFullError(SmpError):
    """More one-way messages wait for a shard than its queue may hold."""


class MessageTooLargeError(SmpError):
    """A message does not fit, not even into the arena."""


class RingCorruptError(SmpError):
    """A queue in shared memory holds what no shard writes: some process wrote where it must not."""


class ServiceOrderError(SmpError):
    """A handler called into its own service group or an earlier one: shards could wait for each other in a circle."""


class PlacementError(SmpError):
    """Shards can't be placed as asked on this machine or in this process."""
