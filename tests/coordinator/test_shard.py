"""A partition of `__consumer_offsets` comes back from its log."""

import asyncio

from odradek.base.logging import get_logger
from odradek.coordinator.group import Group
from odradek.coordinator.group_records import group_record, group_tombstone
from odradek.coordinator.offset_records import offset_record, offset_tombstone
from odradek.coordinator.offset_store import CommittedOffset
from odradek.coordinator.shard import Shard, load_into
from odradek.coordinator.states import GroupState


def load(records):
    async def log():
        for record in records:
            yield record

    shard = Shard(0, None)
    count = asyncio.run(load_into(shard, log(), 1000, get_logger("coordinator")))
    assert count == len(records)
    return shard


def test_the_last_record_of_a_key_holds():
    shard = load(
        [
            offset_record("g", "t", 0, CommittedOffset(1)),
            offset_record("g", "t", 1, CommittedOffset(5)),
            offset_record("g", "t", 0, CommittedOffset(2)),
            offset_tombstone("g", "t", 1),
        ]
    )
    assert shard.offsets.topics_of("g") == {"t": {0: CommittedOffset(2)}}
    assert shard.groups["g"].state is GroupState.EMPTY
    assert shard.groups["g"].protocol_type is None  # a simple group


def test_a_group_and_its_offsets_in_either_order():
    group = Group("g", 5, generation=3, protocol_type="consumer")
    offset = offset_record("g", "t", 0, CommittedOffset(1))
    for records in ([group_record(group, {}), offset], [offset, group_record(group, {})]):
        shard = load(records)
        assert shard.groups["g"].generation == 3
        assert shard.offsets.count == 1


def test_a_deleted_group_is_gone():
    shard = load([group_record(Group("g", 5), {}), group_tombstone("g")])
    assert shard.groups == {}


def test_what_is_unreadable_or_not_ours_does_not_keep_the_rest_from_loading():
    shard = load(
        [
            (b"", b"x"),
            (b"\x00\x01\x00", b"x"),
            (b"\x00\x01\x00\x01g\x00\x01t\x00\x00\x00\x00", b"\x00\x04"),
            (b"\x00\x03\x00\x01g", b"a consumer group of KIP-848"),
            (b"\x00\x0b\x00\x01g", b"a share group"),
            offset_record("h", "t", 0, CommittedOffset(1)),
        ]
    )
    assert list(shard.groups) == ["h"]


def test_loading_gives_way_to_the_loop():
    async def log():
        for number in range(5000):
            yield offset_record("g", "t", number, CommittedOffset(number))

    async def scenario():
        loading = asyncio.create_task(load_into(Shard(0, None), log(), 0, get_logger("coordinator")))
        turns = 0
        while not loading.done():
            turns += 1
            await asyncio.sleep(0)
        return turns

    assert asyncio.run(scenario()) >= 10
