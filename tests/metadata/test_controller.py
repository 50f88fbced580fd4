"""The controller end to end: durable, visible in the right order, one request at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from odradek.base.prng import seeded
from odradek.metadata.broker_config import BrokerConfig
from odradek.metadata.configs import Alteration, Resource
from odradek.metadata.controller import Controller
from odradek.metadata.errors import ConflictError, MetadataError, StoreError
from odradek.metadata.image import BrokerImage, Change, ConfigChange, TopicChange, TopicImage, TopicRemoval
from odradek.metadata.kafka_metadata import KafkaMetadata
from odradek.metadata.leaders import FoundTopic
from odradek.metadata.memory_store import MemoryStore
from odradek.metadata.sqlite_store import SqliteStore
from odradek.metadata.store import MetadataStore, Put
from odradek.metadata.topics import NewPartitions, NewTopic

Story = Callable[[Controller], Awaitable[None]]


async def open_controller(store: MetadataStore, cluster_id: str = "cluster", **settings: str) -> Controller:
    config = BrokerConfig({name.replace("_", "."): value for name, value in settings.items()})
    controller = await Controller.open(store, cluster_id=cluster_id, node_id=1, config=config, prng=seeded(1))
    await controller.register_broker(BrokerImage(1, {}))
    return controller


def tell(story: Story, **settings: str) -> None:
    async def run() -> None:
        controller = await open_controller(MemoryStore(), **settings)
        await asyncio.wait_for(story(controller), 20)
        await controller.close()

    asyncio.run(run())


def test_what_was_decided_is_there_after_a_restart(tmp_path: Path) -> None:
    async def story() -> None:
        path = str(tmp_path / "metadata.db")
        controller = await open_controller(await SqliteStore.open(path))
        await controller.create_topics([NewTopic("kept", 3, configs={"retention.ms": "5"}), NewTopic("gone")])
        await controller.create_partitions([NewPartitions("kept", 5)])
        await controller.delete_topics([controller.image.topics["gone"].topic_id])
        await controller.alter_configs([(Resource(4, ""), [("log.retention.ms", "7")])])
        await controller.bump_leader_epochs({("kept", 0): 4})
        before = controller.image.topics
        await controller.close()
        controller = await open_controller(await SqliteStore.open(path))
        assert controller.image.topics == before
        assert list(before) == ["kept"] and len(before["kept"].partitions) == 5
        assert before["kept"].partitions[0].leader_epoch == 5
        assert controller.config.get_int("log.retention.ms") == 7
        await controller.close()

    asyncio.run(story())


def test_each_topic_of_a_request_has_its_own_answer() -> None:
    async def story(controller: Controller) -> None:
        requests = [NewTopic("a"), NewTopic("a/b"), NewTopic("c"), NewTopic("a")]
        made, refused, other, twice = await controller.create_topics(requests)
        assert isinstance(made, TopicImage) and isinstance(other, TopicImage)
        assert isinstance(refused, MetadataError) and refused.code == 17
        assert isinstance(twice, MetadataError) and twice.code == 42
        assert controller.image.topics == {"a": made, "c": other}
        [deleted, unknown] = await controller.delete_topics([made.topic_id, b"\x07" * 16])
        assert deleted is made
        assert isinstance(unknown, MetadataError) and unknown.code == 100

    tell(story)


def test_validating_changes_nothing() -> None:
    async def story(controller: Controller) -> None:
        version = controller.image.version
        [topic] = await controller.create_topics([NewTopic("t", 2)], validate_only=True)
        assert isinstance(topic, TopicImage) and len(topic.partitions) == 2
        alteration = [(Resource(4, "1"), [Alteration("log.retention.ms", 0, "5")])]
        assert await controller.alter_configs_incrementally(alteration, validate_only=True) == [None]
        assert controller.image.version == version

    tell(story)


def test_a_topic_is_shown_after_its_logs_are_made_and_hidden_before_they_go() -> None:
    async def story(controller: Controller) -> None:
        seen: list[tuple[str, bool]] = []

        async def listener(change: Change) -> None:
            await asyncio.sleep(0)
            name = change.new.name if isinstance(change, TopicChange) else change.old.name  # type: ignore[union-attr]
            seen.append((type(change).__name__, name in controller.image.topics))

        controller.listeners.append(listener)
        [topic] = await controller.create_topics([NewTopic("t")])
        assert isinstance(topic, TopicImage)
        assert "t" in controller.image.topics
        await controller.delete_topics([topic.topic_id])
        assert seen == [("TopicChange", False), ("TopicRemoval", False)]

    tell(story)


def test_a_listener_that_fails_undoes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def story(controller: Controller) -> None:
        async def listener(change: Change) -> None:
            raise OSError("no space left")

        controller.listeners.append(listener)
        await controller.create_topics([NewTopic("t")])
        assert "t" in controller.image.topics

    tell(story)
    assert "a change could not be carried out" in caplog.text


def test_a_client_that_goes_away_does_not_stop_what_has_begun() -> None:
    async def story(controller: Controller) -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def listener(change: Change) -> None:
            begun.set()
            await go_on.wait()

        controller.listeners.append(listener)
        request = asyncio.ensure_future(controller.create_topics([NewTopic("t")]))
        await begun.wait()
        request.cancel()
        await asyncio.gather(request, return_exceptions=True)
        assert "t" not in controller.image.topics
        go_on.set()
        [second] = await controller.create_topics([NewTopic("t")])
        assert isinstance(second, MetadataError) and second.code == 36, "the first request has ended before the second began"

    tell(story)


def test_a_deleted_topic_whose_logs_outlived_a_crash_does_not_come_back() -> None:
    async def story() -> None:
        store = MemoryStore()
        controller = await open_controller(store)
        [topic] = await controller.create_topics([NewTopic("t")])
        assert isinstance(topic, TopicImage)

        async def crash(change: Change) -> None:
            raise OSError("the logs were never deleted")

        controller.listeners.append(crash)
        await controller.delete_topics([topic.topic_id])
        on_disk = [FoundTopic("t", topic.topic_id, {0: 0})]
        for _ in range(2):
            restarted = await open_controller(store)
            [stray] = await restarted.adopt(on_disk)
            assert stray.is_removed and restarted.image.topics == {}
        assert await restarted.adopt([]) == []
        assert await store.range("removed/") == [], "its logs are gone, so is the mark"

    asyncio.run(story())


def test_a_topic_deleted_in_peace_leaves_no_mark() -> None:
    async def story() -> None:
        store = MemoryStore()
        controller = await open_controller(store)
        [topic] = await controller.create_topics([NewTopic("t")])
        assert isinstance(topic, TopicImage)
        await controller.delete_topics([topic.topic_id])
        assert [entry.key for entry in await store.range("")] == ["cluster"]

    asyncio.run(story())


def test_requests_at_one_time_make_a_topic_once() -> None:
    async def story(controller: Controller) -> None:
        results = await asyncio.gather(*(controller.create_topics([NewTopic("t")]) for _ in range(5)))
        assert sum(isinstance(result, TopicImage) for [result] in results) == 1

    tell(story)


def test_a_store_that_somebody_else_writes_to_is_a_conflict() -> None:
    async def story(controller: Controller) -> None:
        await controller._writer.store.transaction([], [Put("topics/t", b"theirs")])
        made, refused = await controller.create_topics([NewTopic("t"), NewTopic("a/b")])
        assert isinstance(made, ConflictError) and "topics/t" in str(made) and made.code == 56
        assert isinstance(refused, MetadataError) and refused.code == 17
        assert "t" not in controller.image.topics

    tell(story)


def test_a_dynamic_configuration_holds_before_its_listeners_are_told() -> None:
    async def story(controller: Controller) -> None:
        [topic] = await controller.create_topics([NewTopic("t")])
        assert isinstance(topic, TopicImage)
        assert controller.topic_config(topic) is controller.topic_config(topic), "worked out once"
        heard: list[tuple[Change, int]] = []

        async def listener(change: Change) -> None:
            heard.append((change, controller.topic_config(topic).get_int("retention.ms")))

        controller.listeners.append(listener)
        await controller.alter_configs([(Resource(4, "1"), [("log.retention.ms", "5")])])
        assert heard == [(ConfigChange("broker", "1", {"log.retention.ms": "5"}), 5)]
        await controller.alter_configs([(Resource(4, "1"), [])])
        assert controller.topic_config(topic).get_int("retention.ms") == 604_800_000

    tell(story)


def test_topics_found_on_disk_are_adopted_once() -> None:
    async def story(controller: Controller) -> None:
        found = [FoundTopic("from-kafka", b"\x05" * 16, {0: 3, 1: 2})]
        assert await controller.adopt(found) == []
        assert [p.leader_epoch for p in controller.image.topics["from-kafka"].partitions] == [4, 3]
        version = controller.image.version
        assert await controller.adopt(found) == []
        assert controller.image.version == version
        [stray] = await controller.adopt([FoundTopic("from-kafka", b"\x06" * 16, {0: 0})])
        assert "another id" in stray.reason

    tell(story)


def test_what_was_set_for_all_brokers_under_kafka_is_taken_over_once() -> None:
    async def story(controller: Controller) -> None:
        asked = 0

        async def read() -> KafkaMetadata:
            nonlocal asked
            asked += 1
            metadata = KafkaMetadata()
            metadata.replay(b"\x01\x04\x00\x04\x01\x11log.retention.ms\x027\x00")
            return metadata

        found = [FoundTopic("from-kafka", b"\x05" * 16, {0: 3})]
        await controller.adopt(found, read)
        assert controller.config.get_int("log.retention.ms") == 7
        await controller.alter_configs([(Resource(4, ""), [])])
        await controller.adopt(found, read)
        assert asked == 1, "Kafka's metadata is read only where there is something to adopt"
        await controller.adopt([FoundTopic("another", b"\x06" * 16, {0: 3})], read)
        assert controller.image.broker_configs == {}, "what was set once may be taken back here"

    tell(story)


def test_deletion_may_be_switched_off() -> None:
    async def story(controller: Controller) -> None:
        [topic] = await controller.create_topics([NewTopic("t")])
        assert isinstance(topic, TopicImage)
        [refused] = await controller.delete_topics([topic.topic_id])
        assert isinstance(refused, MetadataError) and refused.code == 73

    tell(story, delete_topic_enable="false")


def test_another_clusters_store_is_refused() -> None:
    async def story() -> None:
        store = MemoryStore()
        await open_controller(store, "one")
        with pytest.raises(StoreError, match=r"belongs to the cluster 'one', the data directory .* to 'two'"):
            await open_controller(store, "two")

    asyncio.run(story())


def test_dynamic_configurations_that_a_new_file_contradicts_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        store = MemoryStore()
        controller = await open_controller(store)
        await controller.alter_configs([(Resource(4, ""), [("log.cleaner.max.compaction.lag.ms", "10")])])
        again = await open_controller(store, log_cleaner_min_compaction_lag_ms="20")
        assert again.config.get_int("log.cleaner.min.compaction.lag.ms") == 20

    asyncio.run(story())
    assert "they contradict the static ones" in caplog.text


def test_more_changes_than_a_store_takes_at_once_go_in_several() -> None:
    async def story() -> None:
        store = MemoryStore()
        store.max_operations = 7
        controller = await open_controller(store)
        await controller.create_topics([NewTopic(f"t{i}") for i in range(20)])
        reloaded = await open_controller(store)
        assert reloaded.image.topics.keys() == controller.image.topics.keys()

    asyncio.run(story())


def test_removals_are_kept_apart_in_the_image() -> None:
    async def story(controller: Controller) -> None:
        topics = [t for t in await controller.create_topics([NewTopic("a.b"), NewTopic("c")]) if isinstance(t, TopicImage)]
        removed: list[str] = []

        async def listener(change: Change) -> None:
            if isinstance(change, TopicRemoval):
                removed.append(change.old.name)

        controller.listeners.append(listener)
        await controller.delete_topics([topic.topic_id for topic in topics] * 2)
        assert removed == ["a.b", "c"], "each is removed once, however often it is named"
        [made] = await controller.create_topics([NewTopic("a_b")])
        assert isinstance(made, TopicImage), "a deleted topic collides with nobody"

    tell(story)
