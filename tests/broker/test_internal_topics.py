"""The broker's own topics: made when they are needed, once, and taken as they are where they exist."""

from __future__ import annotations

import asyncio

import pytest
from broker_rooms import Rooms, rooms, tell

from odradek.metadata.configs import Resource
from odradek.metadata.errors import MetadataError
from odradek.metadata.image import TopicImage
from odradek.metadata.topics import NewPartitions

NAME = "__consumer_offsets"


def test_nothing_is_made_before_it_is_needed() -> None:
    async def story(opened: Rooms) -> None:
        assert opened.state.image.topics == {} and await opened.directories() == []

    tell(story)


def test_it_is_made_as_configured_and_its_groups_are_loaded() -> None:
    async def story(opened: Rooms) -> None:
        made = await opened.state.internal_topics.ensure_offsets_topic()
        assert (made.name, made.is_internal, len(made.partitions), made.replication_factor) == (NAME, True, 3, 1)
        assert made.configs == {"cleanup.policy": "compact", "compression.type": "producer", "segment.bytes": "1048576"}
        assert opened.served() == [(NAME, 0), (NAME, 1), (NAME, 2)]
        assert sorted(opened.state.groups.runtime.shards) == [0, 1, 2], "who is told of it may join at once"

    tell(story, offsets_topic_num_partitions="3", offsets_topic_segment_bytes="1048576")


def test_many_who_need_it_at_once_get_the_same() -> None:
    async def story(opened: Rooms) -> None:
        found = await asyncio.gather(*(opened.state.internal_topics.ensure_offsets_topic() for _ in range(10)))
        assert all(topic is opened.state.image.topics[NAME] for topic in found)
        assert await opened.state.internal_topics.ensure_offsets_topic() is found[0]

    tell(story, offsets_topic_num_partitions="2")


def test_it_has_no_more_copies_than_there_are_brokers() -> None:
    async def story(opened: Rooms) -> None:
        assert (await opened.state.internal_topics.ensure_offsets_topic()).replication_factor == 1

    tell(story, offsets_topic_num_partitions="1", offsets_topic_replication_factor="3")


def test_one_that_somebody_has_made_is_taken_as_it_is() -> None:
    async def story(opened: Rooms) -> None:
        made = await opened.make(NAME, 2)
        assert opened.state.groups.partition_count == 2, "not the 50 that are configured"
        assert await opened.state.internal_topics.ensure_offsets_topic() is made
        assert {opened.state.groups.partition_for(f"group-{number}") for number in range(50)} == {0, 1}

    tell(story)


def test_groups_stay_where_they_are_when_it_is_widened_until_the_next_start() -> None:
    async def story() -> None:
        async with rooms(offsets_topic_num_partitions="2") as opened:
            await opened.state.internal_topics.ensure_offsets_topic()
            await opened.state.controller.create_partitions([NewPartitions(NAME, 5)])
            assert len(opened.served()) == 5 and opened.state.groups.partition_count == 2
        async with rooms(opened.disk, opened.store, offsets_topic_num_partitions="2") as again:
            assert again.state.groups.partition_count == 5, "what exists wins over what is configured"

    asyncio.run(story())


def test_after_it_was_deleted_it_is_made_anew() -> None:
    async def story(opened: Rooms) -> None:
        first = await opened.state.internal_topics.ensure_offsets_topic()
        await opened.delete(first)
        assert opened.served() == [] and opened.state.groups.runtime.shards == {}
        second = await opened.state.internal_topics.ensure_offsets_topic()
        assert second.topic_id != first.topic_id and sorted(opened.state.groups.runtime.shards) == [0, 1]

    tell(story, offsets_topic_num_partitions="2")


def test_why_it_cannot_be_made_is_told_and_the_next_one_tries_again() -> None:
    async def story(opened: Rooms) -> None:
        with pytest.raises(MetadataError, match=r"odradek\.partitions\.max"):
            await opened.state.internal_topics.ensure_offsets_topic()
        assert opened.state.image.topics == {}
        resource = Resource(4, "")
        [refused] = await opened.state.controller.alter_configs([(resource, [("odradek.partitions.max", "50")])])
        assert refused is None
        assert len((await opened.state.internal_topics.ensure_offsets_topic()).partitions) == 50

    tell(story, odradek_partitions_max="49")


def test_one_who_goes_away_does_not_leave_half_of_it() -> None:
    async def story(opened: Rooms) -> None:
        asking = asyncio.ensure_future(opened.state.internal_topics.ensure_offsets_topic())
        await asyncio.sleep(0)
        asking.cancel()
        made = await opened.state.internal_topics.ensure_offsets_topic()
        assert isinstance(made, TopicImage) and len(opened.served()) == len(made.partitions) == 4

    tell(story, offsets_topic_num_partitions="4")


def test_one_who_comes_second_takes_what_the_first_has_made() -> None:
    async def story(opened: Rooms) -> None:
        making = asyncio.ensure_future(opened.make(NAME, 3))
        await asyncio.sleep(0)
        assert opened.state.image.topic(NAME) is None, "it is on its way"
        found = await opened.state.internal_topics.ensure_offsets_topic()
        assert found is await making and len(found.partitions) == 3

    tell(story)
