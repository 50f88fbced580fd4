"""The image as the store has it, and the stores that are none of ours."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from odradek.metadata import codec
from odradek.metadata.errors import StoreError
from odradek.metadata.image import ConfigChange, PartitionImage, TopicChange, TopicImage
from odradek.metadata.loading import load, load_broker_configs
from odradek.metadata.memory_store import MemoryStore
from odradek.metadata.store import Put

TOPIC = TopicImage("t", b"\1" * 16, (PartitionImage((1,), (1,), 1, 3),), {"retention.ms": "5"})


def tell(story: Callable[[MemoryStore], Awaitable[None]]) -> None:
    asyncio.run(story(MemoryStore()))  # type: ignore[arg-type]


def test_a_new_store_is_empty_and_marked_as_this_clusters() -> None:
    async def story(store: MemoryStore) -> None:
        writer = await load(store, "ours", 1)
        assert (writer.image.topics, writer.removed) == ({}, set())
        assert (writer.image.cluster_id, writer.image.controller_id) == ("ours", 1)
        with pytest.raises(StoreError, match=r"belongs to the cluster 'ours', the data directory.* to 'theirs'"):
            await load(store, "theirs", 1)

    tell(story)


def test_everything_is_there_again_and_may_be_changed() -> None:
    async def story(store: MemoryStore) -> None:
        first = await load(store, "ours", 1)
        await first.commit(
            [TopicChange(None, TOPIC), ConfigChange("broker", "", {"a": "1"}), ConfigChange("group", "g", {"b": "2"})]
        )
        second = await load(store, "ours", 1)
        assert second.image.topics == {"t": TOPIC} and second.image.topic_by_id(TOPIC.topic_id) == TOPIC
        assert second.image.broker_configs == {"": {"a": "1"}} and second.image.group_configs == {"g": {"b": "2"}}
        changed = TOPIC._replace(configs={})
        await second.commit([TopicChange(TOPIC, changed)])
        assert (await load(store, "ours", 1)).image.topics == {"t": changed}

    tell(story)


def test_what_was_set_for_brokers_can_be_had_before_there_is_an_image() -> None:
    async def story(store: MemoryStore) -> None:
        assert await load_broker_configs(store) == {}
        writer = await load(store, "ours", 1)
        await writer.commit([ConfigChange("broker", "", {"a": "1"}), ConfigChange("broker", "1", {"b": "2"})])
        await writer.commit([ConfigChange("group", "1", {"c": "3"})])
        assert await load_broker_configs(store) == {"": {"a": "1"}, "1": {"b": "2"}}

    tell(story)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("topics/t", b"{"),
        ("topics/t", b'{"v": 99}'),
        ("configs/broker/", b"[]"),
        ("removed/not-an-id", b'{"v": 1, "name": "t"}'),
    ],
)
def test_a_value_that_cannot_be_read_is_named_and_nothing_is_guessed(key: str, value: bytes) -> None:
    async def story(store: MemoryStore) -> None:
        await store.transaction([], [Put(codec.CLUSTER_KEY, codec.encode(cluster_id="ours")), Put(key, value)])
        with pytest.raises(StoreError, match=key):
            await load(store, "ours", 1)

    tell(story)
