"""Every broker setting that Kafka lets change at run time: it acts on the running broker, or the log says why it does not.

Topics inherit some; `INHERITED` sets each for all brokers and looks at an open log. The others have a probe each: something to
look at that is another one afterwards. What is in neither table is taken, as Kafka's tools expect,
with a warning.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from odradek.base.config import ConfigKey, Update
from odradek.broker.node import Node
from odradek.log import manager, opening
from odradek.metadata.broker_config import why_without_effect
from odradek.metadata.broker_keys import BROKER_CONFIG
from odradek.metadata.config_file import load_broker_config
from odradek.metadata.configs import Alteration, Operation, Resource, ResourceType
from odradek.metadata.errors import MetadataError
from odradek.metadata.topic_keys import TOPIC_CONFIG
from odradek.metadata.topics import NewTopic

DYNAMIC = [key for key in BROKER_CONFIG if key.update is not Update.READ_ONLY]
ALL, ONE = Resource(ResourceType.BROKER, ""), Resource(ResourceType.BROKER, "1")

INHERITED = {
    "compression.gzip.level": "5",
    "compression.lz4.level": "5",
    "compression.type": "zstd",
    "compression.zstd.level": "5",
    "log.cleanup.policy": "compact",
    "log.cleaner.delete.retention.ms": "5",
    "log.cleaner.max.compaction.lag.ms": "5",
    "log.cleaner.min.cleanable.ratio": "0.1",
    "log.cleaner.min.compaction.lag.ms": "5",
    "log.flush.interval.messages": "5",
    "log.flush.interval.ms": "5",
    "log.index.interval.bytes": "5",
    "log.index.size.max.bytes": "5000",
    "log.message.timestamp.after.max.ms": "5",
    "log.message.timestamp.before.max.ms": "5",
    "log.message.timestamp.type": "LogAppendTime",
    "log.preallocate": "true",
    "log.retention.bytes": "5",
    "log.retention.ms": "5",
    "log.roll.jitter.ms": "5",
    "log.roll.ms": "5",
    "log.segment.bytes": "2000000",
    "log.segment.delete.delay.ms": "5",
    "message.max.bytes": "5",
    "min.insync.replicas": "5",
}
# These are told of a topic, and nothing here has a use for them: no copy lags while there is one, nothing is tiered.
ONLY_SHOWN = {
    "log.local.retention.bytes": ("local.retention.bytes", "-1"),
    "log.local.retention.ms": ("local.retention.ms", "-1"),
    "unclean.leader.election.enable": ("unclean.leader.election.enable", "true"),
}


def _partitions_max(node: Node) -> object:
    async def too_many() -> object:
        (outcome,) = await node.state.controller.create_topics([NewTopic("many", 5)], validate_only=True)
        return type(outcome)

    return too_many()


PROBES: dict[str, tuple[str, Callable[[Node], object]]] = {
    "max.connection.creation.rate": ("0", lambda node: node.server._refusal("PLAINTEXT")),
    "max.connections": ("0", lambda node: node.server._refusal("PLAINTEXT")),
    "max.connections.per.ip": ("5", lambda node: node.server._per_ip_limit("127.0.0.1")),
    "max.connections.per.ip.overrides": ("127.0.0.1:5", lambda node: node.server._per_ip_limit("127.0.0.1")),
    "num.recovery.threads.per.data.dir": ("5", lambda node: node.state.log_manager.settings.recovery_concurrency),
    "odradek.acks.all.fsync": ("false", lambda node: [partition.fsync_all for partition in node.state.partitions]),
    "odradek.partitions.max": ("4", _partitions_max),
    "producer.id.expiration.ms": (
        "5", lambda node: node.state.log_manager.housekeeping.settings.producer_id_expiration_ms,
    ),
}  # fmt: skip
AT_THE_NEXT_START = {"listeners"}


@asynccontextmanager
async def a_node(directory: Path | None = None, **texts: str) -> AsyncIterator[Node]:
    """A broker with one topic; a temporary one where no directory is given."""
    with TemporaryDirectory() as passing:
        given = {"listeners": "PLAINTEXT://127.0.0.1:0", "log.dirs": str(directory or passing), **texts}
        node = await Node.start(load_broker_config(None, given).config, temporary=directory is None)
        try:
            await node.state.controller.create_topics([NewTopic("t", 1)])
            yield node
        finally:
            await node.stop()


async def set_to(node: Node, key: ConfigKey, value: str | None) -> MetadataError | None:
    """Set for all brokers, or for this one where it can only be that; None takes it back."""
    resource = ONE if key.update is Update.PER_BROKER else ALL
    alteration = Alteration(key.name, Operation.SET if value is not None else Operation.DELETE, value)
    (outcome,) = await node.state.controller.alter_configs_incrementally([(resource, [alteration])])
    return outcome


async def seen(probe: object) -> object:
    return await probe if asyncio.iscoroutine(probe) else probe


def test_the_tables_name_what_topics_inherit() -> None:
    synonyms = {synonym for key in TOPIC_CONFIG for synonym in key.synonyms}
    assert {key.name for key in DYNAMIC if key.name in synonyms} == INHERITED.keys() | ONLY_SHOWN.keys()


def test_each_acts_while_the_broker_runs_or_is_warned_of(tmp_path: Path) -> None:
    async def story() -> None:
        async with a_node(tmp_path) as node:
            (partition,) = node.state.partitions
            inert: list[str] = []
            for key in DYNAMIC:
                if key.name in INHERITED:
                    before = partition.log.config
                    assert await set_to(node, key, INHERITED[key.name]) is None, key.name
                    assert partition.log.config != before, f"{key.name} has not reached the log"
                    assert await set_to(node, key, None) is None
                    assert partition.log.config == before
                elif key.name in PROBES:
                    value, probe = PROBES[key.name]
                    earlier = await seen(probe(node))
                    assert await set_to(node, key, value) is None, key.name
                    assert await seen(probe(node)) != earlier, f"{key.name} has not reached anybody"
                    assert await set_to(node, key, None) is None
                    assert await seen(probe(node)) == earlier
                elif key.name not in ONLY_SHOWN.keys() | AT_THE_NEXT_START:
                    assert why_without_effect(key.name), f"{key.name} acts, or should: it wants a probe"
                    inert.append(key.name)
                    assert await set_to(node, key, key.default_text or "x") is None, key.name
                    assert await set_to(node, key, None) is None

    asyncio.run(story())


@pytest.mark.parametrize("name", sorted(ONLY_SHOWN))
def test_what_is_only_shown_is_shown_of_the_topic(name: str) -> None:
    async def story() -> None:
        async with a_node() as node:
            of_topic, value = ONLY_SHOWN[name]
            assert await set_to(node, BROKER_CONFIG.key(name), value) is None
            topic = node.state.image.topics["t"]
            key = TOPIC_CONFIG.key(of_topic)
            assert node.state.controller.topic_config(topic)[of_topic] == key.parse(value)

    asyncio.run(story())


def test_the_number_of_recoveries_holds_from_the_next_start_on(tmp_path: Path) -> None:
    async def story() -> None:
        async with a_node(tmp_path) as node:
            assert node.state.log_manager.settings.recovery_concurrency == 2
            assert await set_to(node, BROKER_CONFIG.key("num.recovery.threads.per.data.dir"), "7") is None
        asked: list[int] = []
        load_all = opening.load_all

        async def noted(*given: Any, concurrency: int, **options: Any) -> Any:
            asked.append(concurrency)
            return await load_all(*given, concurrency=concurrency, **options)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(opening, "load_all", noted)
            async with a_node(tmp_path):
                assert asked == [7 * manager._AT_ONCE_PER_SCAN]

    asyncio.run(story())


def test_listeners_hold_from_the_next_start_on(tmp_path: Path) -> None:
    async def story() -> None:
        async with a_node(tmp_path) as node:
            listeners = "PLAINTEXT://127.0.0.1:0,SECOND://127.0.0.1:0"
            assert await set_to(node, BROKER_CONFIG.key("listeners"), listeners) is None
            assert len(node.state.endpoints) == 1
        async with a_node(tmp_path) as node:
            assert set(node.state.endpoints) == {"PLAINTEXT", "SECOND"}

    asyncio.run(story())


def test_what_has_no_effect_is_said_once_it_is_set(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        async with a_node() as node:
            assert await set_to(node, BROKER_CONFIG.key("num.io.threads"), "16") is None

    asyncio.run(story())
    (warned,) = [record.fields for record in caplog.records if record.message == "a setting has no effect"]
    assert warned["setting"] == "num.io.threads" and "one event loop" in warned["reason"]
