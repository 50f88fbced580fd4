"""Shards that share nothing and talk in messages.

A shard is an event loop with queues to and from every other shard. The same program runs with all shards in one loop
(`InlineMesh`) or each in a process of its own: nothing but messages crosses. `shard.py` is what a program uses;
`ring.py`, `poller.py` and `fence.py` are how a message gets across; `groups.py` says why shards never wait for each
other in a circle. Nothing is imported from above: the room can be used without the broker. Seastar's `smp` is the
model.
"""

from odradek.smp.arena import Block, Lease
from odradek.smp.errors import (
    CallCancelledError,
    MessageTooLargeError,
    NotPlainError,
    PlacementError,
    QueueFullError,
    RemoteError,
    RingCorruptError,
    ServiceOrderError,
    ShardDiedError,
    SmpError,
    UnknownServiceError,
)
from odradek.smp.groups import DEFAULT_GROUP, ServiceGroup
from odradek.smp.inline import InlineMesh
from odradek.smp.memory import MeshLayout
from odradek.smp.payload import Reply
from odradek.smp.shard import Shard

__all__ = [
    "DEFAULT_GROUP",
    "Block",
    "CallCancelledError",
    "InlineMesh",
    "Lease",
    "MeshLayout",
    "MessageTooLargeError",
    "NotPlainError",
    "PlacementError",
    "QueueFullError",
    "RemoteError",
    "Reply",
    "RingCorruptError",
    "ServiceGroup",
    "ServiceOrderError",
    "Shard",
    "ShardDiedError",
    "SmpError",
    "UnknownServiceError",
]
