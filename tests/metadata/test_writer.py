"""Changes made to last: the image is never ahead of the store nor behind it, and a listener sees either before or after."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.metadata.errors import ConflictError, StoreError
from odradek.metadata.image import (
    BrokerChange,
    BrokerImage,
    Change,
    ConfigChange,
    Image,
    PartitionImage,
    TopicChange,
    TopicImage,
    TopicRemoval,
)
from odradek.metadata.loading import load
from odradek.metadata.memory_store import MemoryStore
from odradek.metadata.store import Compare, Operation, Outcome, Put
from odradek.metadata.writer import ImageWriter


class FailingStore(MemoryStore):
    """Takes so many operations at once, and after some transactions none any more."""

    def __init__(self, max_operations: int = 10_000) -> None:
        super().__init__()
        self.max_operations = max_operations
        self.transactions_left = -1

    async def transaction(self, compares: Sequence[Compare], operations: Sequence[Operation]) -> Outcome:
        if self.transactions_left == 0:
            raise StoreError("the disk is full")
        self.transactions_left -= 1
        return await super().transaction(compares, operations)


def topic(number: int, partitions: int = 1, **configs: str) -> TopicImage:
    placed = tuple(PartitionImage((1,), (1,), 1) for _ in range(partitions))
    return TopicImage(f"t{number}", bytes([number]) * 16, placed, configs)


async def opened(store: MemoryStore) -> ImageWriter:
    return await load(store, "cluster", 1)


def content(image: Image) -> tuple[object, ...]:
    return dict(image.topics), dict(image.broker_configs), dict(image.group_configs), image.partition_count


def test_nothing_changes_that_could_not_be_written() -> None:
    async def story() -> None:
        store = FailingStore()
        writer = await opened(store)
        heard: list[Change] = []

        async def listener(change: Change) -> None:
            heard.append(change)

        writer.listeners.append(listener)
        await writer.commit([TopicChange(None, topic(1))])
        before, store.transactions_left = content(writer.image), 0
        for change in (TopicChange(None, topic(2)), TopicRemoval(topic(1)), ConfigChange("broker", "", {"a": "1"})):
            with pytest.raises(StoreError, match="the disk is full"):
                await writer.commit([change])
        assert content(writer.image) == before and len(heard) == 1 and writer.removed == set()
        store.transactions_left = -1
        await writer.commit([TopicChange(None, topic(2))])
        assert list(writer.image.topics) == ["t1", "t2"], "it may be tried again"

    asyncio.run(story())


def test_a_store_that_somebody_else_has_written_to_is_left_alone() -> None:
    async def story() -> None:
        store = MemoryStore()
        writer = await opened(store)
        await store.transaction([], [Put("topics/t1", b"somebody else's")])
        with pytest.raises(ConflictError, match="topics/t1"):
            await writer.commit([TopicChange(None, topic(1))])
        entry = await store.get("topics/t1")
        assert entry is not None and entry.value == b"somebody else's" and writer.image.topics == {}

    asyncio.run(story())


def test_brokers_are_known_while_they_live_and_never_written() -> None:
    async def story() -> None:
        store = MemoryStore()
        writer = await opened(store)
        await writer.commit([BrokerChange(BrokerImage(7, {}))])
        assert 7 in writer.image.brokers and (await opened(store)).image.brokers == {}

    asyncio.run(story())


def test_a_removal_is_remembered_until_every_listener_has_done_its_part() -> None:
    async def story() -> None:
        store = MemoryStore()
        writer = await opened(store)
        await writer.commit([TopicChange(None, topic(1)), TopicChange(None, topic(2))])

        async def listener(change: Change) -> None:
            if change == TopicRemoval(topic(1)):
                raise OSError("the directory will not go")

        writer.listeners.append(listener)
        await writer.commit([TopicRemoval(topic(1)), TopicRemoval(topic(2))])
        assert writer.image.topics == {} and writer.removed == {topic(1).topic_id}
        again = await opened(store)
        assert again.removed == {topic(1).topic_id}, "the next start knows that these logs are nobody's"
        await again.forget_removed({topic(1).topic_id})
        assert (await opened(store)).removed == set()

    asyncio.run(story())


def _resource(change: Change) -> tuple[str, str]:
    """What a change is about: a request names nothing twice."""
    if isinstance(change, ConfigChange):
        return change.kind, change.name
    assert isinstance(change, TopicChange | TopicRemoval)
    return "topic", (change.new if isinstance(change, TopicChange) else change.old).name


_changes = st.lists(
    st.one_of(
        st.builds(lambda n, p: TopicChange(None, topic(n, p)), st.integers(1, 3), st.integers(1, 4)),
        st.builds(lambda n, v: TopicChange(None, topic(n, 2, key=v)), st.integers(1, 3), st.text("ab", max_size=2)),
        st.builds(lambda n: TopicRemoval(topic(n)), st.integers(1, 3)),
        st.builds(
            ConfigChange,
            st.sampled_from(("broker", "group")), st.sampled_from(("", "1")),
            st.dictionaries(st.sampled_from("ab"), st.text("xy", max_size=1), max_size=2),
        ),
    ),
    min_size=1, max_size=4, unique_by=_resource,
)  # fmt: skip


@given(st.lists(_changes, max_size=6), st.integers(-1, 8), st.sampled_from((2, 4, 10_000)))
def test_whenever_the_broker_dies_the_next_one_loads_the_image(requests: list[list[Change]], left: int, at_once: int) -> None:
    """Whatever was asked for, in transactions however small, and wherever the disk gave out."""

    async def story() -> None:
        store = FailingStore(at_once)
        writer = await opened(store)
        store.transactions_left = left
        for changes in requests:
            there = writer.image.topics
            possible = [change for change in changes if not isinstance(change, TopicRemoval) or change.old.name in there]
            try:
                await writer.commit(possible)
            except StoreError:
                break
            store.transactions_left = left if left < 0 else max(0, store.transactions_left)
        store.transactions_left = -1
        again = await opened(store)
        assert content(again.image) == content(writer.image)
        assert again.removed == writer.removed

    asyncio.run(story())
