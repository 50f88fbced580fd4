"""What the metadata decides is carried out: partitions open, change and go; after a restart, too, and after a crash between."""

from __future__ import annotations

import asyncio
import errno

import pytest
from broker_rooms import Rooms, put, rooms, tell
from hypothesis import given
from hypothesis import strategies as st

from odradek.aio.faults import Fault
from odradek.aio.storage import Operation
from odradek.broker.topics import BrokerStops, PartitionGone
from odradek.coordinator.config import ClientInfo
from odradek.metadata.configs import Resource
from odradek.metadata.image import BrokerImage, TopicImage, TopicRemoval
from odradek.metadata.topics import NewPartitions, NewTopic
from odradek.wire.errors import ErrorCode
from odradek.wire.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
)
from odradek.wire.messages.offset_fetch import OffsetFetchRequest, OffsetFetchRequestGroup, OffsetFetchRequestTopics

TOPIC, BROKER = 2, 4


async def set_on(opened: Rooms, kind: int, name: str, **configs: str) -> None:
    """AlterConfigs: this, and nothing else."""
    given: list[tuple[str, str | None]] = [(key.replace("_", "."), value) for key, value in configs.items()]
    assert await opened.state.controller.alter_configs([(Resource(kind, name), given)]) == [None]


# Made


def test_a_topic_can_be_served_when_it_is_answered_as_made() -> None:
    async def story(opened: Rooms) -> None:
        topic = await opened.make("t", 3, max_message_bytes="5000")
        assert opened.served() == [("t", 0), ("t", 1), ("t", 2)]
        assert await opened.directories() == ["t-0", "t-1", "t-2"]
        for index in range(3):
            partition = opened.partition("t", index)
            assert (partition.topic_id, partition.leader_epoch) == (topic.topic_id, 0)
            assert partition.log.config.max_message_bytes == 5000

    tell(story)


def test_only_partitions_that_this_broker_leads_are_opened() -> None:
    async def story(opened: Rooms) -> None:
        await opened.state.controller.register_broker(BrokerImage(2, {}))
        placed = [(0, [1]), (1, [2]), (2, [2])]
        [made] = await opened.state.controller.create_topics([NewTopic("t", -1, -1, placed)])
        assert isinstance(made, TopicImage)
        assert opened.served() == [("t", 0)]

    tell(story)


def test_more_partitions_open_beside_those_that_are_there() -> None:
    async def story(opened: Rooms) -> None:
        await opened.make("t", 1, retention_ms="1000")
        await put(opened.partition("t"), b"kept")
        before = opened.partition("t")
        await opened.state.controller.create_partitions([NewPartitions("t", 3)])
        assert opened.served() == [("t", 0), ("t", 1), ("t", 2)]
        assert opened.partition("t") is before and before.log.log_end_offset == 1
        assert opened.partition("t", 2).log.config.retention_ms == 1000

    tell(story)


def test_a_partition_whose_disk_fails_is_offline_and_has_a_reason() -> None:
    async def story(opened: Rooms) -> None:
        opened.disk.faults.add(Fault(Operation.OPEN, errno.EIO, path="*/t-1/*", times=None))
        await opened.make("t", 3)
        assert opened.served() == [("t", 0), ("t", 1), ("t", 2)], "clients hear KAFKA_STORAGE_ERROR, not that it is unknown"
        assert "Input/output error" in str(opened.partition("t", 1).log.offline_reason)

    tell(story)


# Changed


def test_a_topics_configuration_reaches_its_open_logs() -> None:
    async def story(opened: Rooms) -> None:
        await opened.make("t", 2)
        await opened.make("other")
        await set_on(opened, TOPIC, "t", max_message_bytes="7000", min_insync_replicas="1")
        assert [opened.partition("t", index).log.config.max_message_bytes for index in range(2)] == [7000, 7000]
        default = opened.partition("other").log.config.max_message_bytes
        await set_on(opened, TOPIC, "t")
        assert opened.partition("t").log.config.max_message_bytes == default != 7000

    tell(story)


def test_a_brokers_configuration_reaches_the_topics_that_have_none_of_their_own() -> None:
    async def story(opened: Rooms) -> None:
        await opened.make("own", max_message_bytes="7000")
        await opened.make("follows")
        await set_on(opened, BROKER, "", message_max_bytes="9000")
        assert opened.partition("own").log.config.max_message_bytes == 7000
        assert opened.partition("follows").log.config.max_message_bytes == 9000
        await set_on(opened, BROKER, "1", message_max_bytes="9500")
        assert opened.partition("follows").log.config.max_message_bytes == 9500, "this broker's is nearer than all brokers'"
        await set_on(opened, BROKER, "1")
        assert opened.partition("follows").log.config.max_message_bytes == 9000

    tell(story)


def test_how_long_acks_all_waits_may_change_while_it_runs() -> None:
    async def story(opened: Rooms) -> None:
        await opened.make("t")
        assert opened.partition("t").fsync_all
        await set_on(opened, BROKER, "", odradek_acks_all_fsync="false")
        assert not opened.partition("t").fsync_all
        await opened.make("later")
        assert not opened.partition("later").fsync_all

    tell(story)


def test_a_new_leader_epoch_reaches_the_partition() -> None:
    async def story(opened: Rooms) -> None:
        await opened.make("t", 2)
        await opened.state.controller.bump_leader_epochs({("t", 1): 6})
        assert [opened.partition("t", index).leader_epoch for index in range(2)] == [0, 7]

    tell(story)


# Gone


def test_a_deleted_topic_is_gone_from_table_and_disk_and_may_come_back_empty() -> None:
    async def story(opened: Rooms) -> None:
        first = await opened.make("t", 2)
        await opened.make("stays")
        await put(opened.partition("t"), b"old")
        await opened.delete(first)
        assert opened.served() == [("stays", 0)] and await opened.directories() == ["stays-0"]
        assert opened.state.partitions.name_of(first.topic_id) is None
        second = await opened.make("t", 1)
        assert second.topic_id != first.topic_id and opened.partition("t").log.log_end_offset == 0

    tell(story)


def test_whoever_waits_for_a_partition_that_goes_is_told_so() -> None:
    async def story(opened: Rooms) -> None:
        topic = await opened.make("t")
        await put(opened.partition("t"), b"unflushed")
        waiting = opened.partition("t").commit(1)
        assert waiting is not None
        await opened.keeper.on_change(TopicRemoval(topic))
        with pytest.raises(PartitionGone) as gone:
            await waiting
        assert gone.value.code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION

    tell(story)


def test_offsets_that_groups_have_committed_go_with_their_topic() -> None:
    async def story(opened: Rooms) -> None:
        await opened.state.internal_topics.ensure_offsets_topic()
        doomed = await opened.make("doomed")
        await opened.make("stays")
        client = ClientInfo("tester", "/127.0.0.1", 8)
        topics = [
            OffsetCommitRequestTopic(name, partitions=[OffsetCommitRequestPartition(0, 5)]) for name in ("doomed", "stays")
        ]
        await opened.state.groups.offset_commit(OffsetCommitRequest("g", topics=topics), client)
        await opened.delete(doomed)
        await opened.make("doomed")
        asked = [OffsetFetchRequestTopics(name, partition_indexes=[0]) for name in ("doomed", "stays")]
        request = OffsetFetchRequest(groups=[OffsetFetchRequestGroup("g", topics=asked)])
        [answer] = (await opened.state.groups.offset_fetch(request, client)).groups
        assert [topic.partitions[0].committed_offset for topic in answer.topics] == [-1, 5]

    tell(story, offsets_topic_num_partitions="1")


def test_a_broker_that_stops_lets_nobody_wait() -> None:
    async def story(opened: Rooms) -> None:
        await opened.make("t")
        await put(opened.partition("t"), b"unflushed")
        waiting = opened.partition("t").commit(1)
        assert waiting is not None
        opened.keeper.retire_all()
        with pytest.raises(BrokerStops) as stops:
            await waiting
        assert stops.value.code == ErrorCode.NOT_LEADER_OR_FOLLOWER, "clients look for the leader, and so for the next start"

    tell(story)


# The next start


def test_a_restart_opens_what_there_is_with_all_that_was_set() -> None:
    async def story() -> None:
        async with rooms() as opened:
            topic = await opened.make("t", 2, max_message_bytes="5000")
            await opened.delete(await opened.make("gone"))
            await put(opened.partition("t", 1), b"a", b"b")
            await set_on(opened, BROKER, "", log_retention_ms="1234")
        async with rooms(opened.disk, opened.store) as again:
            assert again.served() == [("t", 0), ("t", 1)]
            found = again.partition("t", 1)
            assert (found.topic_id, found.log.log_end_offset) == (topic.topic_id, 2)
            assert (found.log.config.max_message_bytes, found.log.config.retention_ms) == (5000, 1234)

    asyncio.run(story())


def test_a_crash_between_decision_and_deed_is_mended_by_the_next_start() -> None:
    async def story() -> None:
        async with rooms() as opened:
            opened.state.controller.listeners.clear()  # the decision is stored; the broker dies before anything is done
            await opened.make("t", 2)
            assert opened.served() == [] and await opened.directories() == []
        async with rooms(opened.disk, opened.store) as again:
            assert again.served() == [("t", 0), ("t", 1)] and await again.directories() == ["t-0", "t-1"]

    asyncio.run(story())


_steps = st.lists(
    st.one_of(
        st.tuples(st.just("make"), st.sampled_from("ab"), st.integers(1, 3)),
        st.tuples(st.just("widen"), st.sampled_from("ab"), st.integers(2, 4)),
        st.tuples(st.just("set"), st.sampled_from("ab"), st.integers(1000, 9000)),
        st.tuples(st.just("all"), st.just(""), st.integers(1000, 9000)),
        st.tuples(st.just("delete"), st.sampled_from("ab"), st.just(0)),
    ),
    max_size=10,
)


@given(_steps, st.integers(0, 99))
def test_table_and_logs_are_what_the_image_says_before_and_after_a_restart(
    steps: list[tuple[str, str, int]], seed: int
) -> None:
    """Whatever is asked for, in any order, all at once or one after the other; refusals change nothing."""

    async def one(opened: Rooms, what: str, name: str, number: int) -> None:
        controller, topic = opened.state.controller, opened.state.image.topic(name)
        if what == "make":
            await controller.create_topics([NewTopic(name, number, 1)])
        elif what == "widen":
            await controller.create_partitions([NewPartitions(name, number)])
        elif what == "delete" and topic is not None:
            await controller.delete_topics([topic.topic_id])
        elif what in ("set", "all"):
            kind, key = (TOPIC, "max.message.bytes") if what == "set" else (BROKER, "message.max.bytes")
            await controller.alter_configs([(Resource(kind, name), [(key, str(number))])])

    def check(opened: Rooms) -> None:
        image = opened.state.image
        assert opened.served() == sorted((each.name, i) for each in image.topics.values() for i in range(len(each.partitions)))
        for partition in opened.state.partitions:
            topic = image.topics[partition.topic]
            inherited = opened.state.config.get_int("message.max.bytes")
            assert partition.topic_id == topic.topic_id
            assert partition.log.config.max_message_bytes == int(topic.configs.get("max.message.bytes", inherited))

    async def story() -> None:
        async with rooms() as opened:
            half = len(steps) // 2
            for step in steps[:half]:
                await one(opened, *step)
                check(opened)
            await asyncio.gather(*(one(opened, *step) for step in steps[half:]))
            check(opened)
        async with rooms(opened.disk.process_kill() if seed % 2 else opened.disk, opened.store) as again:
            assert again.state.image.topics == opened.state.image.topics
            check(again)

    asyncio.run(story())
