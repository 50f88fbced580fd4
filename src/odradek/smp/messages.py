"""What a record in a ring says.

A record is a list of messages in `marshal`'s format: one call in C for a whole batch, a tenth of a microsecond per
message. Both ends run the same interpreter (shards are forked or started from one executable), and nobody else can
write to the memory, which are marshal's two conditions. What can cross is plain: None, bool, int, float, str, bytes
(memoryviews and bytearrays arrive as bytes), tuples, lists, dicts, sets. No object of ours crosses, so no shard can
hold another's.

    (service, call id, arguments, place)     a request; call id 0 wants no answer; place is (offset, size) of a payload,
    or None (ANSWER, call id, value, place) (FAILURE, call id, (type, message, trace), None) (CANCEL, call id, None,
    None)            the caller doesn't wait any more (RELEASE, offset, None, None)            a block of the receiver's
    arena is free again (SPILL, offset, size, None)              a record that was too large for the ring lies in the
    sender's arena
"""

from __future__ import annotations

import marshal
from typing import Any, Final, TypeAlias

ANSWER: Final = 0
FAILURE: Final = 1
CANCEL: Final = 2
RELEASE: Final = 3
SPILL: Final = 4

Place: TypeAlias = tuple[int, int]
Message: TypeAlias = tuple[Any, int, Any, Any]


def encode(messages: list[Message]) -> bytes:
    """One record. Raises `ValueError` when a value is not plain."""
    return marshal.dumps(messages)


def decode(record: memoryview) -> list[Message]:
    """The messages of a record; they share no memory with it."""
    messages: list[Message] = marshal.loads(record)
    return messages
