"""A request costs no more than it may: few bytes that would become many objects, long work, or a long answer.

What has more elements than one request may is closed with the reason; what has as many as that is borne. The broker's memory
grows by no more than a bound, and a well-behaved client is served: where the work takes long, while it is done.
"""

from __future__ import annotations

import select
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from broker_under_test import MIB, BrokerUnderTest, GoodClient, call, eventually, frame, is_closed, metric, read_exactly

from odradek.wire.errors import ErrorCode
from odradek.wire.headers import decode_response_header
from odradek.wire.messages import (
    create_topics,
    delete_groups,
    describe_configs,
    describe_groups,
    fetch,
    find_coordinator,
    incremental_alter_configs,
    join_group,
    list_offsets,
    metadata,
    offset_commit,
    offset_fetch,
    produce,
    sync_group,
)

LIMIT = 100_000  # odradek.request.elements.max
NAMES = [f"{number:x}" for number in range(LIMIT)]
TOPIC, BROKER, GROUP = 2, 4, 32
Made = tuple[Any, int, Any]  # API, version, request


@pytest.fixture
def broker(start: Any) -> Iterator[BrokerUnderTest]:
    broker = start("odradek.metrics.port=0", "group.initial.rebalance.delay.ms=0")
    yield broker
    assert "Traceback" not in broker.log()


def named(names: list[str]) -> Made:
    return metadata, 9, metadata.MetadataRequest([metadata.MetadataRequestTopic(name=name) for name in names], False)


def offsets_of(partitions: int) -> Made:
    topic = offset_fetch.OffsetFetchRequestTopics("good", partition_indexes=list(range(partitions)))
    return offset_fetch, 8, offset_fetch.OffsetFetchRequest(groups=[offset_fetch.OffsetFetchRequestGroup("g", topics=[topic])])


def whole_groups(count: int) -> Made:
    return (
        offset_fetch,
        8,
        offset_fetch.OffsetFetchRequest(groups=[offset_fetch.OffsetFetchRequestGroup("g", topics=None)] * count),
    )


def described(kind: int, names: list[str]) -> Made:
    wanted = [describe_configs.DescribeConfigsResource(kind, name, None) for name in names]
    return describe_configs, 4, describe_configs.DescribeConfigsRequest(wanted, True, True)


def joining(count: int) -> Made:
    listed = [join_group.JoinGroupRequestProtocol("", b"")] * count
    return join_group, 6, join_group.JoinGroupRequest("crowded", 10_000, 10_000, "", None, "consumer", listed)


def syncing(count: int) -> Made:
    given = [sync_group.SyncGroupRequestAssignment("", b"")] * count
    return sync_group, 4, sync_group.SyncGroupRequest("crowded", 1, "nobody", assignments=given)


def produced(topics: int, partitions: int) -> Made:
    data = [produce.PartitionProduceData(0, b"")] * partitions
    given = [produce.TopicProduceData(name, partition_data=data) for name in NAMES[:topics]]
    return produce, 9, produce.ProduceRequest(None, 1, 1000, given)


def validated(count: int) -> Made:
    new = [create_topics.CreatableTopic(f"new-{name}", 1, 1) for name in NAMES[:count]]
    return create_topics, 7, create_topics.CreateTopicsRequest(new, 5000, True)


def placed(topics: int, partitions: int) -> Made:
    places = [create_topics.CreatableReplicaAssignment(index, [0]) for index in range(partitions)]
    new = [create_topics.CreatableTopic(name, -1, -1, places) for name in NAMES[:topics]]
    return create_topics, 7, create_topics.CreateTopicsRequest(new, 5000, True)


def altered(count: int) -> Made:
    given = [incremental_alter_configs.AlterConfigsResource(TOPIC, name) for name in NAMES[:count]]
    return incremental_alter_configs, 1, incremental_alter_configs.IncrementalAlterConfigsRequest(given)


def fetched(partitions: list[int]) -> Made:
    parts = [fetch.FetchPartition(index, fetch_offset=0, partition_max_bytes=MIB) for index in partitions]
    topics = [fetch.FetchTopic("good", partitions=parts)]
    return fetch, 11, fetch.FetchRequest(max_wait_ms=0, min_bytes=0, max_bytes=MIB, topics=topics)


def listed(topics: int, partitions: int) -> Made:
    parts = [list_offsets.ListOffsetsPartition(index, -1, -1) for index in range(partitions)]
    return list_offsets, 6, list_offsets.ListOffsetsRequest(-1, 0, [list_offsets.ListOffsetsTopic("good", parts)] * topics)


def committed(partitions: int) -> Made:
    parts = [offset_commit.OffsetCommitRequestPartition(index, 1) for index in range(partitions)]
    topics = [offset_commit.OffsetCommitRequestTopic("good", partitions=parts)]
    return offset_commit, 8, offset_commit.OffsetCommitRequest("g", topics=topics)


def answered(sock: socket.socket, made: Made) -> Any:
    (size,) = struct.unpack(">i", read_exactly(sock, 4))
    body = read_exactly(sock, size)
    _, position = decode_response_header(body, made[0].API_KEY, made[1])
    return made[0].DECODE_RESPONSE[made[1]](body, position)[0]


def growth(broker: BrokerUnderTest, during: Callable[[], None]) -> int:
    """By how many bytes the broker was larger, at most, than before."""
    Path(f"/proc/{broker.process.pid}/clear_refs").write_text("5")  # the peak is now (man proc)
    before = broker.memory()
    during()
    return broker.memory("VmHWM") - before


def test_more_elements_than_a_request_may_have_close_the_connection(broker: BrokerUnderTest) -> None:
    """Before anything is made of them."""
    good = GoodClient(broker)
    too_many = (
        named([*NAMES, "one more"]), named([""] * 400_000), offsets_of(LIMIT), whole_groups(300_000), joining(400_000),
        described(TOPIC, [""] * 300_000), syncing(400_000), placed(2, 33_334), produced(500, 1000), produced(1, LIMIT),
    )  # fmt: skip

    def attack() -> None:
        for made in too_many:
            with broker.connect() as sender:
                sender.sendall(frame(*made))
                assert is_closed(sender), made[0].__name__
            assert good.produce() == 0

    assert growth(broker, attack) < 60 * MIB
    assert broker.log().count("odradek.request.elements.max") == len(too_many)
    assert metric(broker, 'odradek_connections_closed_total{reason="bad request"}') == len(too_many)
    good.check_intact()


@pytest.mark.conformance  # some seconds of work
def test_as_many_elements_as_there_may_be_are_borne(broker: BrokerUnderTest) -> None:
    good = GoodClient(broker)
    assert call(good.socket, find_coordinator, 3, find_coordinator.FindCoordinatorRequest("g")).error_code == 0
    just_enough = (
        named(NAMES), named(["good"] * LIMIT), offsets_of(LIMIT - 2), whole_groups(LIMIT), described(TOPIC, NAMES),
        described(TOPIC, ["good"] * LIMIT), described(GROUP, ["g"] * LIMIT), joining(LIMIT), syncing(LIMIT), produced(500, 199),
        altered(LIMIT), fetched(list(range(60_000))), fetched([0] * 60_000), listed(1, LIMIT - 1), listed(LIMIT // 2, 1),
        committed(5_000), (describe_groups, 5, describe_groups.DescribeGroupsRequest(["g"] * LIMIT)),
        (delete_groups, 2, delete_groups.DeleteGroupsRequest(NAMES)),
    )  # fmt: skip

    def attack() -> None:
        for made in just_enough:
            with broker.connect() as sender:
                sender.settimeout(120)
                sender.sendall(frame(*made))
                answered(sender, made)
            assert good.produce() == 0

    assert growth(broker, attack) < 150 * MIB
    eventually(lambda: metric(broker, "odradek_request_memory_decoded_bytes") == 0)
    good.check_intact()


@pytest.mark.parametrize(
    ("made", "answers"),
    [
        (named(["good"] * LIMIT), lambda answer: answer.topics),
        (described(TOPIC, ["good"] * LIMIT), lambda answer: answer.results),
        (described(BROKER, [""] * LIMIT), lambda answer: answer.results),
        (whole_groups(LIMIT), lambda answer: answer.groups),
        (listed(LIMIT // 2, 1), lambda answer: answer.topics),
        (fetched([0] * 60_000), lambda answer: answer.responses[0].partitions),
        ((describe_groups, 5, describe_groups.DescribeGroupsRequest(["g"] * LIMIT)), lambda answer: answer.groups),
    ],
    ids=["metadata", "topics' settings", "brokers' settings", "offsets", "list of offsets", "fetch", "groups"],
)
def test_the_same_question_is_answered_once(
    broker: BrokerUnderTest, made: Made, answers: Callable[[Any], list[object]]
) -> None:
    good = GoodClient(broker)
    assert call(good.socket, find_coordinator, 3, find_coordinator.FindCoordinatorRequest("g")).error_code == 0
    assert len(answers(call(good.socket, *made))) == 1


@pytest.mark.parametrize("made", [validated(15_000), described(GROUP, NAMES[:5_000])], ids=["new topics", "groups' settings"])
def test_long_work_and_a_long_answer_let_others_be_served(broker: BrokerUnderTest, made: Made) -> None:
    good = GoodClient(broker)
    meanwhile = 0

    def ask() -> None:
        nonlocal meanwhile
        with broker.connect() as sender:
            sender.settimeout(120)
            sender.sendall(frame(*made))
            while not select.select([sender], [], [], 0)[0]:
                assert good.produce() == 0
                meanwhile += 1
            answer = answered(sender, made)
        outcomes = answer.topics if made[0] is create_topics else answer.results
        assert {each.error_code for each in outcomes} == {ErrorCode.NONE}

    assert growth(broker, ask) < 80 * MIB
    assert meanwhile > 0
    good.check_intact()


@pytest.mark.conformance  # some seconds of work
def test_clients_at_once_hold_no_more_than_the_memory_for_requests(start: Any) -> None:
    """The controller has one request in hand at a time; the others wait outside, as bytes."""
    broker = start("odradek.metrics.port=0", "odradek.memory.inflight.bytes=8388608")
    good, made, crowd = GoodClient(broker), altered(20_000), 20

    def attack() -> None:
        with ExitStack() as stack:
            senders = [stack.enter_context(broker.connect()) for _ in range(crowd)]
            for sender in senders:
                sender.settimeout(120)
                sender.sendall(frame(*made))
            assert good.produce() == 0
            for sender in senders:
                found = answered(sender, made).responses
                assert {each.error_code for each in found} == {ErrorCode.UNKNOWN_TOPIC_OR_PARTITION}

    assert growth(broker, attack) < 80 * MIB
    eventually(lambda: metric(broker, "odradek_request_memory_decoded_bytes") == 0)
    assert metric(broker, "odradek_request_memory_bytes") == 0
    good.check_intact()


def test_a_longer_list_is_allowed_where_the_limit_is_set_higher(start: Any) -> None:
    broker = start("odradek.request.elements.max=150000")
    good = GoodClient(broker)
    with broker.connect() as sender:
        assert len(call(sender, *named([f"{number:x}" for number in range(150_000)])).topics) == 150_000
    assert good.produce() == 0
