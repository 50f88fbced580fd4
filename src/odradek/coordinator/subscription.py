"""Which topics a consumer subscribes to: the one thing that the coordinator reads in a member's metadata.

Groups are protocol-agnostic: metadata and assignment are bytes that members exchange through us. For the protocol
type "consumer" the bytes are a ConsumerProtocolSubscription, every version of which begins with version (int16) and
topics (array of strings); the coordinator looks no further. It wants to know so that offsets of topics nobody
subscribes to can expire or be deleted while the group is busy with others.
"""

from __future__ import annotations

import struct

from odradek.base.errors import OdradekError

CONSUMER = "consumer"
_INT16 = struct.Struct(">h")
_INT32 = struct.Struct(">i")


class MalformedSubscriptionError(OdradekError):
    """A member's metadata that is no consumer subscription."""


def subscribed_topics(metadata: bytes) -> frozenset[str]:
    """The topics named at the start of a ConsumerProtocolSubscription; raises `MalformedSubscriptionError`."""
    try:
        (count,) = _INT32.unpack_from(metadata, 2)  # after the version
        if count > len(metadata):
            raise MalformedSubscriptionError(f"a subscription of {len(metadata)} bytes claims {count} topics")
        position, topics = 6, []
        for _ in range(count):
            (length,) = _INT16.unpack_from(metadata, position)
            position += 2 + length
            if length < 0 or position > len(metadata):
                raise MalformedSubscriptionError(f"a topic's name of {length} bytes ends beyond the {len(metadata)} there are")
            topics.append(metadata[position - length : position].decode())
    except (struct.error, UnicodeDecodeError) as error:
        raise MalformedSubscriptionError(f"not a consumer subscription: {error}") from error
    return frozenset(topics)
