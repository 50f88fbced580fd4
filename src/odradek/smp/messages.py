"""What a record in a ring says.

A record is a list of messages in `marshal`'s format: one call in C for a whole batch, a tenth of a microsecond per
message. Both ends run the same interpreter (shards are forked or started from one executable), and nobody else can
write to the memory, which are marshal's two conditions. What can cross is plain: None, bool, int, float, str, bytes
(memoryviews and bytearrays arrive as bytes), tuples, lists, dicts, sets. No object of ours crosses, so no shard can
hold another's.

A message is one of::

    (service, call id, arguments, payload)       a request; call id 0 wants no answer
    (ANSWER, call id, value, payload)
    (FAILURE, call id, (type, message, trace), None)
    (CANCEL, call id, None, None)                the caller doesn't wait any more
    (RELEASE, offset, None, None)                a block of the receiver's arena is free again
    (FRAGMENT, 1 if it is the last, bytes, None) a piece of a record that was too large for the ring
    (GOODBYE, 0, None, None)                     the sender closes: nothing comes after this, and nothing is read

A payload is None, or (offset, size) in the sender's arena, or bytes.
"""

from __future__ import annotations

import marshal
from typing import Any, Final, TypeAlias

ANSWER: Final = 0
FAILURE: Final = 1
CANCEL: Final = 2
RELEASE: Final = 3
FRAGMENT: Final = 4
GOODBYE: Final = 5

FRAME_BYTES_MAX: Final = 64
"""More than the encoding of a fragment takes beside its bytes."""

Place: TypeAlias = tuple[int, int]
Payload: TypeAlias = Place | bytes | None
Message: TypeAlias = tuple[Any, int, Any, Payload]


def encode(messages: list[Message]) -> bytes:
    """One record. Raises `ValueError` when a value is not plain."""
    return marshal.dumps(messages)


def decode(record: memoryview | bytes) -> list[Message]:
    """The messages of a record; they share no memory with it."""
    messages: list[Message] = marshal.loads(record)
    return messages


def fragments(record: bytes, record_bytes_max: int) -> list[bytes]:
    """A record in pieces, each a record that fits the ring."""
    step = record_bytes_max - FRAME_BYTES_MAX
    starts = range(0, len(record), step)
    return [encode([(FRAGMENT, int(start == starts[-1]), record[start : start + step], None)]) for start in starts]
