"""How many topics and partitions a Produce request holds, counted without making an object for each.

A Produce request may be a hundred megabytes of records, and must be. The same bytes can hold fifteen million empty
topics: decoded, that is four gigabytes and half a minute. So a large one is walked first, from length to length, and
refused when it has more elements than anybody needs. A walk over a few partitions costs a few microseconds; it gives up
at the limit.
"""

from __future__ import annotations

from struct import Struct, error
from typing import Final

from odradek.wire.errors import WireError
from odradek.wire.primitives import Buffer, read_uvarint, skip_tags

FLEXIBLE_SINCE: Final = 9
TOPIC_IDS_SINCE: Final = 13
_int16: Final = Struct(">h").unpack_from
_int32: Final = Struct(">i").unpack_from
_AFTER_TRANSACTIONAL_ID: Final = 6  # acks int16, timeout int32


def check_elements(buf: Buffer, pos: int, version: int, limit: int) -> None:
    """Raise `WireError` when the request at `pos` holds more than `limit` topics and partitions together.

    A request that is cut or senseless passes: its decoder says what is wrong with it.
    """
    try:
        count = (_count_flexible if version >= FLEXIBLE_SINCE else _count)(buf, pos, version, limit)
    except (error, IndexError, WireError):
        return
    if count > limit:
        raise WireError(f"Produce with more than {limit} topics and partitions in {len(buf)} bytes")


def _count(buf: Buffer, pos: int, version: int, limit: int) -> int:
    pos += 2 + max(_int16(buf, pos)[0], 0) + _AFTER_TRANSACTIONAL_ID
    found = topics = _int32(buf, pos)[0]
    pos += 4
    while topics > 0 and found <= limit:
        topics -= 1
        pos += 2 + max(_int16(buf, pos)[0], 0)
        partitions = _int32(buf, pos)[0]
        pos += 4
        found += max(partitions, 0)
        while partitions > 0 and found <= limit:
            partitions -= 1
            pos += 8 + max(_int32(buf, pos + 4)[0], 0)
    return int(found)


def _count_flexible(buf: Buffer, pos: int, version: int, limit: int) -> int:
    length, pos = read_uvarint(buf, pos)
    pos += max(length - 1, 0) + _AFTER_TRANSACTIONAL_ID
    topics, pos = read_uvarint(buf, pos)
    topics -= 1
    found = topics
    while topics > 0 and found <= limit:
        topics -= 1
        if version >= TOPIC_IDS_SINCE:
            pos += 16
        else:
            length, pos = read_uvarint(buf, pos)
            pos += max(length - 1, 0)
        partitions, pos = read_uvarint(buf, pos)
        partitions -= 1
        found += max(partitions, 0)
        while partitions > 0 and found <= limit:
            partitions -= 1
            length, pos = read_uvarint(buf, pos + 4)
            pos = skip_tags(buf, pos + max(length - 1, 0) + 1, buf[pos + max(length - 1, 0)])
        if found <= limit:
            pos = skip_tags(buf, pos + 1, buf[pos])
    return found
