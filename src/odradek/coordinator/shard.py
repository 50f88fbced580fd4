"""One partition of `__consumer_offsets` in memory: its groups and their offsets, built by replaying the log.

Loading keeps the last value of each key first and decodes afterwards: the topic is compacted, so the last one holds,
and a log of a million commits costs a dictionary entry each and the decoding of what is alive. Both passes give way
to the loop every so often.

Records that we can't read are counted and named in the log, and do not keep the others from being served. Those of
newer group protocols (key versions above 2) are none of ours yet.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from odradek.base.logging import Logger
from odradek.coordinator.group import Group
from odradek.coordinator.group_records import read_group, read_group_key
from odradek.coordinator.offset_records import (
    GROUP_KEY,
    OFFSET_KEYS,
    MalformedRecordError,
    key_version,
    read_offset_key,
    read_offset_value,
)
from odradek.coordinator.offset_store import CommittedOffset, OffsetStore
from odradek.coordinator.writer import PartitionWriter

RECORDS_PER_TURN = 1_000  # a millisecond or two of the loop


class Shard:
    """A partition of the topic that this broker coordinates; lives from load to unload, touched from its loop only."""

    __slots__ = ("groups", "offsets", "partition", "writer")

    def __init__(self, partition: int, writer: PartitionWriter) -> None:
        self.partition = partition
        self.writer = writer
        self.groups: dict[str, Group] = {}
        self.offsets = OffsetStore()

    def ensure_group(self, group_id: str, now_ms: int) -> Group:
        """The group, made as an empty one if there is none."""
        group = self.groups.get(group_id)
        if group is None:
            group = self.groups[group_id] = Group(group_id, now_ms)
        return group

    def put_offset(self, group_id: str, topic: str, partition: int, committed: CommittedOffset, now_ms: int) -> None:
        """Apply a committed offset; who commits without being a group becomes a simple one."""
        self.ensure_group(group_id, now_ms)
        self.offsets.put(group_id, topic, partition, committed)

    def replay(self, key: bytes, value: bytes, now_ms: int) -> bool:
        """Apply one live record; False for one of a kind that is not ours. Raises `MalformedRecordError`."""
        version = key_version(key)
        if version in OFFSET_KEYS:
            self.put_offset(*read_offset_key(key), read_offset_value(value), now_ms)
        elif version == GROUP_KEY:
            group_id = read_group_key(key)
            self.groups[group_id] = read_group(group_id, value)
        else:
            return False
        return True


async def load_into(shard: Shard, log: AsyncIterator[tuple[bytes, bytes | None]], now_ms: int, logger: Logger) -> int:
    """Replay a partition's log into an empty shard; how many records were read."""
    count, live = await _last_values(log)
    foreign = 0
    for done, key in enumerate(live):
        if done % RECORDS_PER_TURN == 0:
            await asyncio.sleep(0)
        try:
            foreign += not shard.replay(key, live[key], now_ms)
        except MalformedRecordError as error:
            logger.error(
                "unreadable record is left out",
                topic="__consumer_offsets",
                partition=shard.partition,
                key=key.hex(),
                error=str(error),
            )
    if foreign:
        logger.warning("records of other group protocols are left alone", partition=shard.partition, records=foreign)
    return count


async def _last_values(log: AsyncIterator[tuple[bytes, bytes | None]]) -> tuple[int, dict[bytes, bytes]]:
    live: dict[bytes, bytes] = {}
    count = 0
    async for key, value in log:
        count += 1
        if value is None:
            live.pop(key, None)
        else:
            live[key] = value
        if count % RECORDS_PER_TURN == 0:
            await asyncio.sleep(0)
    return count, live
