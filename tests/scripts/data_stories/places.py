"""Who is where: ApiVersions, Metadata, FindCoordinator, DescribeCluster, DescribeLogDirs."""

from __future__ import annotations

import struct
from typing import Any

from odradek.broker.apis import RANGES
from odradek.wire.messages import api_versions, describe_cluster, describe_log_dirs, find_coordinator, metadata, produce

from .asking import NIL_ID, UNKNOWN_ID, batch, produced
from .conversation import Conversation

METADATA, COORDINATORS, LOG_DIRS = range(14), range(7), range(1, 6)


def tell(talk: Conversation) -> None:
    versions(talk)
    topics(talk)
    coordinators(talk)
    log_dirs(talk)
    for version in range(3):
        for kind in (1, 2, 3):
            request = describe_cluster.DescribeClusterRequest(True, kind, include_fenced_brokers=True)
            talk.ask(f"the cluster, endpoints {kind}, v{version}", describe_cluster, version, request)


def versions(talk: Conversation) -> None:
    def served(response: Any) -> Any:
        """Only what we serve: Kafka has more."""
        response.api_keys = sorted((api for api in response.api_keys if api.api_key in RANGES), key=lambda api: api.api_key)
        return response

    for version in range(5):
        asked = api_versions.ApiVersionsRequest("a-client", "1.2")
        talk.keep(f"versions, v{version}", served(talk.quietly(api_versions, version, asked)))
    for name, number in (("", "1"), ("a b", "1"), ("a", ""), ("-a", "1"), ("a.b-C9", "1.0-x"), ("a_b", "1"), ("a", "1\n")):
        asked = api_versions.ApiVersionsRequest(name, number)
        talk.keep(f"versions for {name!r} {number!r}", served(talk.quietly(api_versions, 4, asked)))
    for version in (5, 99, 32767):
        frame = struct.pack(">hhih6s", api_versions.API_KEY, version, 7, 6, b"tester") + b"\0\0"
        _unknown_version(talk, f"versions, v{version}", frame, served)
    for key, version in ((3, 14), (3, -1), (10, 7), (999, 0), (-1, 0), (4, 0), (52, 0)):
        talk.frame(f"API {key}, v{version}", struct.pack(">hhih6s", key, version, 7, 6, b"tester") + b"\0\0\0\0\0")


def _unknown_version(talk: Conversation, label: str, frame: bytes, served: Any) -> None:
    from contextlib import closing

    from .conversation import Connection

    with closing(Connection(talk.address)) as connection:
        connection.send_frame(frame)
        talk.keep(label, served(connection.receive(api_versions, 0)))


def topics(talk: Conversation) -> None:
    topic, other = talk.topic("somewhere", 3), talk.topic("elsewhere")
    named = metadata.MetadataRequestTopic

    def asked(*topics: Any, create: bool = False, operations: bool = False) -> Any:
        return metadata.MetadataRequest(list(topics), create, operations, operations)

    def only_ours(response: Any) -> Any:
        response.topics = [each for each in response.topics if (each.name or "").startswith(talk.prefix)]
        response.topics = sorted(response.topics, key=lambda each: each.name)
        return response

    for version in METADATA:
        operations = 8 <= version <= 10

        def ask(label: str, *topics: Any, operations: bool = operations, version: int = version) -> None:
            request = asked(*topics, operations=operations)
            if version < 4:
                request.allow_auto_topic_creation = True  # these versions have no say
            response = talk.quietly(metadata, version, request)
            if response is not None:
                _sort(response)
            talk.keep(f"{label}, v{version}", response)

        ask("two topics", named(name=topic), named(name=other))
        ask("one topic twice", named(name=topic), named(name=topic))
        ask("a name that cannot be", named(name="no such!"), named(name=topic))
        if version >= 1:
            ask("no topics", operations=False)
        if version >= 4:
            ask("an unknown topic", named(name=f"{talk.prefix}nosuch"))
        if version >= 10:
            ask("a topic by id", named(talk.topic_ids[topic], None))
            ask("an unknown id", named(UNKNOWN_ID, None))
            ask("neither name nor id", named(NIL_ID, None))
            ask("name and id", named(talk.topic_ids[topic], other))
            ask("the same by name and id", named(talk.topic_ids[topic], None), named(name=topic))
    for version in METADATA:
        request = metadata.MetadataRequest([] if version == 0 else None, False)
        talk.keep(f"all topics, v{version}", only_ours(talk.quietly(metadata, version, request)))
    talk.ask("an empty name", metadata, 9, asked(named(name="")))


def _sort(response: Any) -> None:
    """Kafka answers in no order that anybody could count on."""
    response.topics.sort(key=lambda topic: (topic.name or "", topic.topic_id))
    for topic in response.topics:
        topic.partitions.sort(key=lambda partition: partition.partition_index)


def coordinators(talk: Conversation) -> None:
    def asked(version: int, kind: int, *keys: str) -> Any:
        if version < 4:
            return find_coordinator.FindCoordinatorRequest(keys[0], kind)
        return find_coordinator.FindCoordinatorRequest(key_type=kind, coordinator_keys=list(keys))

    talk.groups_topic()
    for version in COORDINATORS:
        talk.ask(f"a group's, v{version}", find_coordinator, version, asked(version, 0, "a-group"))
        talk.ask(f"of no name, v{version}", find_coordinator, version, asked(version, 0, ""))
        if version >= 1:
            talk.ask(f"of an unknown kind, v{version}", find_coordinator, version, asked(version, 7, "x"))
    talk.ask("many", find_coordinator, 5, asked(5, 0, "a", "b", "a", ""))
    talk.ask("none", find_coordinator, 5, asked(5, 0))


def log_dirs(talk: Conversation) -> None:
    topic = talk.topic("kept", 2)
    talk.quietly(produce, 9, produced(topic, (1, batch(b"x" * 100))))
    named = describe_log_dirs.DescribableLogDirTopic
    for version in LOG_DIRS:
        for label, topics in {
            "of two partitions": [named(topic, [0, 1])], "of one that is not there": [named(topic, [1, 9])],
            "of no topic": [named("nosuch", [0])], "of nothing": [], "of no partition": [named(topic, [])],
            "twice": [named(topic, [0]), named(topic, [0, 1])],
        }.items():  # fmt: skip
            response = talk.quietly(describe_log_dirs, version, describe_log_dirs.DescribeLogDirsRequest(topics))
            for result in response.results:
                for each in result.topics:
                    each.partitions.sort(key=lambda partition: partition.partition_index)
            talk.keep(f"directories {label}, v{version}", response)
