"""The admin calls of aiokafka, which stays on old protocol versions: that they go on working is the point."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from drivers import Record, driver
from members import read


def with_client(bootstrap: str, story: Callable[[AIOKafkaAdminClient], Awaitable[Any]]) -> Any:
    """Run `story` with a started admin client."""

    async def main() -> Any:
        client = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        await client.start()
        try:
            return await story(client)
        finally:
            await client.close()

    return asyncio.run(main())


def test_topics_are_made_grown_and_deleted(bootstrap: str, unique: str) -> None:
    async def story(client: AIOKafkaAdminClient) -> None:
        made = await client.create_topics([NewTopic(unique, 2, 1, topic_configs={"retention.ms": "5000"})])
        assert [error[1] for error in made.topic_errors] == [0]
        assert unique in await client.list_topics()
        grown = await client.create_partitions({unique: NewPartitions(3)})
        assert [error[1] for error in grown.topic_errors] == [0]
        (described,) = await client.describe_topics([unique])
        assert len(described["partitions"]) == 3
        gone = await client.delete_topics([unique])
        assert [error[1] for error in gone.topic_error_codes] == [0]

    with_client(bootstrap, story)


def test_settings_are_changed_the_old_way(bootstrap: str, topic: str) -> None:
    async def story(client: AIOKafkaAdminClient) -> None:
        change = ConfigResource(ConfigResourceType.TOPIC, topic, configs={"retention.ms": "777"})
        (altered,) = await client.alter_configs([change])
        assert altered.resources[0][0] == 0
        asked = ConfigResource(ConfigResourceType.TOPIC, topic, configs={"retention.ms": None})
        (found,) = await client.describe_configs([asked])
        (entry,) = found.resources[0][4]
        assert entry[:2] == ("retention.ms", "777")

    with_client(bootstrap, story)


def test_groups_and_their_offsets_are_listed(bootstrap: str, topic: str, unique: str) -> None:
    it = driver("aio")
    it.produce(bootstrap, topic, [Record(b"x") for _ in range(5)])
    member = it.member(bootstrap, unique, topic)
    read(member, 5)
    member.commit()

    async def story(client: AIOKafkaAdminClient) -> None:
        assert unique in {name for name, _kind in await client.list_consumer_groups()}
        offsets = await client.list_consumer_group_offsets(unique)
        assert offsets[TopicPartition(topic, 0)].offset == 5
        (answer,) = await client.describe_consumer_groups([unique])
        assert answer.groups[0][1] == unique

    try:
        with_client(bootstrap, story)
    finally:
        member.close()


def test_records_are_deleted(bootstrap: str, topic: str) -> None:
    driver("aio").produce(bootstrap, topic, [Record(b"x") for _ in range(5)])

    async def story(client: AIOKafkaAdminClient) -> None:
        part = TopicPartition(topic, 0)
        assert await client.delete_records({part: RecordsToDelete(before_offset=2)}) == {part: 2}

    with_client(bootstrap, story)
    reader = driver("aio").reader(bootstrap, topic)
    try:
        assert reader.bounds(topic, 0) == (2, 5)
    finally:
        reader.close()
