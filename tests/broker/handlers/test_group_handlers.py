"""The group APIs from a request's bytes to an answer's, in every version."""

import asyncio
import inspect
from importlib import import_module
from types import SimpleNamespace

import pytest

from odradek.base.clock import SystemClock
from odradek.base.ids import ZERO_UUID
from odradek.base.prng import seeded
from odradek.coordinator.config import CoordinatorConfig
from odradek.coordinator.group_coordinator import GroupCoordinator
from odradek.metadata.image import Image, PartitionImage, TopicChange, TopicImage
from odradek.wire.errors import ErrorCode
from odradek.wire.messages import (
    delete_groups,
    describe_groups,
    heartbeat,
    join_group,
    leave_group,
    list_groups,
    offset_commit,
    offset_delete,
    offset_fetch,
    sync_group,
)

TOPIC, TOPIC_ID, UNKNOWN_ID = "orders", b"i" * 16, b"u" * 16


class Log:
    def __init__(self):
        self.records = []

    async def append(self, partition, records):
        self.records += records

    async def load(self, partition):
        for record in ():
            yield record


class Broker:
    """As much of a broker as these handlers see: an image with one topic of two partitions, and a coordinator."""

    def __init__(self):
        self.image = Image("cluster", 1)
        partitions = tuple(PartitionImage((1,), (1,), 1) for _ in range(2))
        self.image.apply(TopicChange(None, TopicImage(TOPIC, TOPIC_ID, partitions)))
        config = CoordinatorConfig(offsets_topic_num_partitions=1, group_initial_rebalance_delay_ms=0)
        self.groups = GroupCoordinator(Log(), SystemClock(), seeded(1), config)

    async def ask(self, messages, version, request):
        """Through the codecs of `version`, both ways."""
        name = messages.__name__.rpartition(".")[2]
        raw = bytearray()
        messages.ENCODE_REQUEST[version](request, raw)
        decoded, end = messages.DECODE_REQUEST[version](bytes(raw), 0)
        assert end == len(raw)
        context = SimpleNamespace(broker=self, version=version, client_id="tester", client_host="10.1.2.3")
        answer = import_module(f"odradek.broker.handlers.{name}").handle(decoded, context)
        if inspect.isawaitable(answer):
            answer = await answer
        raw = bytearray()
        messages.ENCODE_RESPONSE[version](answer, raw)
        decoded, end = messages.DECODE_RESPONSE[version](bytes(raw), 0)
        assert end == len(raw)
        return decoded


def in_a_broker(scenario):
    async def main():
        broker = Broker()
        await broker.groups.load(0)
        try:
            return await scenario(broker)
        finally:
            await broker.groups.close()

    return asyncio.run(main())


def versions(messages):
    return pytest.mark.parametrize("version", sorted(messages.DECODE_REQUEST))


def join_request(member="", instance=None):
    return join_group.JoinGroupRequest(
        group_id="g",
        member_id=member,
        session_timeout_ms=10_000,
        rebalance_timeout_ms=20_000,
        group_instance_id=instance,
        protocol_type="consumer",
        protocols=[join_group.JoinGroupRequestProtocol(name="range", metadata=b"m")],
    )


async def joined(broker, version=9):
    """A member that has joined, the only one; its id."""
    response = await broker.ask(join_group, version, join_request())
    if response.error_code == ErrorCode.MEMBER_ID_REQUIRED:
        response = await broker.ask(join_group, version, join_request(response.member_id))
    assert response.error_code == ErrorCode.NONE
    return response.member_id


async def stable(broker):
    """The same, with its assignment."""
    member = await joined(broker)
    mine = [sync_group.SyncGroupRequestAssignment(member_id=member, assignment=b"mine")]
    request = sync_group.SyncGroupRequest(group_id="g", member_id=member, generation_id=1, assignments=mine)
    await broker.ask(sync_group, 4, request)
    return member


@versions(join_group)
def test_join_group(version):
    async def scenario(broker):
        first = await broker.ask(join_group, version, join_request())
        assert (first.error_code == ErrorCode.MEMBER_ID_REQUIRED) == (version >= 4)
        assert first.error_code or first.protocol_name == "range"
        member = first.member_id if version >= 4 else ""
        again = await broker.ask(join_group, version, join_request(member)) if version >= 4 else first
        assert (again.generation_id, again.leader, len(again.members)) == (1, again.member_id, 1)
        assert again.protocol_type == ("consumer" if version >= 7 else None)
        unknown = await broker.ask(join_group, version, join_request("nobody"))
        assert unknown.error_code == ErrorCode.UNKNOWN_MEMBER_ID
        assert unknown.protocol_name == (None if version >= 7 else "")

    in_a_broker(scenario)


@versions(sync_group)
def test_sync_group(version):
    async def scenario(broker):
        member = await joined(broker)
        mine = [sync_group.SyncGroupRequestAssignment(member_id=member, assignment=b"mine")]
        request = sync_group.SyncGroupRequest(
            group_id="g", member_id=member, generation_id=1, assignments=mine, protocol_type="consumer", protocol_name="range"
        )
        response = await broker.ask(sync_group, version, request)
        assert (response.error_code, response.assignment) == (ErrorCode.NONE, b"mine")
        assert response.protocol_name == ("range" if version >= 5 else None)

    in_a_broker(scenario)


def test_sync_group_must_name_the_protocol_from_version_5_on():
    async def scenario(broker):
        member = await stable(broker)
        request = sync_group.SyncGroupRequest(group_id="g", member_id=member, generation_id=1)
        assert (await broker.ask(sync_group, 4, request)).error_code == ErrorCode.NONE
        assert (await broker.ask(sync_group, 5, request)).error_code == ErrorCode.INCONSISTENT_GROUP_PROTOCOL

    in_a_broker(scenario)


@versions(heartbeat)
def test_heartbeat(version):
    async def scenario(broker):
        member = await stable(broker)
        for generation, error in ((1, ErrorCode.NONE), (2, ErrorCode.ILLEGAL_GENERATION)):
            request = heartbeat.HeartbeatRequest(group_id="g", member_id=member, generation_id=generation)
            assert (await broker.ask(heartbeat, version, request)).error_code == error

    in_a_broker(scenario)


@versions(leave_group)
def test_leave_group(version):
    async def scenario(broker):
        member = await stable(broker)
        if version >= 3:
            leaving = [leave_group.MemberIdentity(member_id=id) for id in (member, "nobody")]
            request = leave_group.LeaveGroupRequest(group_id="g", members=leaving)
            response = await broker.ask(leave_group, version, request)
            assert response.error_code == ErrorCode.NONE
            assert [each.error_code for each in response.members] == [ErrorCode.NONE, ErrorCode.UNKNOWN_MEMBER_ID]
        else:
            request = leave_group.LeaveGroupRequest(group_id="g", member_id=member)
            assert (await broker.ask(leave_group, version, request)).error_code == ErrorCode.NONE
            assert (await broker.ask(leave_group, version, request)).error_code == ErrorCode.UNKNOWN_MEMBER_ID

    in_a_broker(scenario)


def commit_request(partitions, topic=TOPIC, topic_id=ZERO_UUID, metadata="note"):
    return offset_commit.OffsetCommitRequest(
        group_id="simple",
        topics=[
            offset_commit.OffsetCommitRequestTopic(
                name=topic,
                topic_id=topic_id,
                partitions=[
                    offset_commit.OffsetCommitRequestPartition(
                        partition_index=index,
                        committed_offset=40 + index,
                        committed_leader_epoch=3,
                        committed_metadata=metadata,
                    )
                    for index in partitions
                ],
            )
        ],
    )


def outcomes(response):
    return {each.partition_index: each.error_code for topic in response.topics for each in topic.partitions}


@versions(offset_commit)
def test_offset_commit(version):
    async def scenario(broker):
        topic_id = TOPIC_ID if version >= 10 else ZERO_UUID
        request = commit_request([0, 1, 2, -1], TOPIC if version < 10 else "", topic_id)
        missing = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        response = await broker.ask(offset_commit, version, request)
        assert outcomes(response) == {0: ErrorCode.NONE, 1: ErrorCode.NONE, 2: missing, -1: missing}
        assert [topic.topic_id for topic in response.topics] == [topic_id]
        assert len(broker.groups.runtime.shards[0].offsets.topics_of("simple")[TOPIC]) == 2
        stored = broker.groups.runtime.shards[0].offsets.get("simple", TOPIC, 1)
        assert (stored.offset, stored.metadata, stored.topic_id) == (41, "note", TOPIC_ID)
        assert stored.leader_epoch == (3 if version >= 6 else -1)

    in_a_broker(scenario)


@versions(offset_commit)
def test_offset_commit_to_a_topic_that_does_not_exist(version):
    async def scenario(broker):
        response = await broker.ask(offset_commit, version, commit_request([0], "nosuch", UNKNOWN_ID))
        expected = ErrorCode.UNKNOWN_TOPIC_ID if version >= 10 else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        assert outcomes(response) == {0: expected}
        assert broker.groups.runtime.shards[0].groups == {}

    in_a_broker(scenario)


def single_fetch(topics, group="simple"):
    asked = (
        None
        if topics is None
        else [offset_fetch.OffsetFetchRequestTopic(name=name, partition_indexes=partitions) for name, partitions in topics]
    )
    return offset_fetch.OffsetFetchRequest(group_id=group, topics=asked)


def group_fetch(topics, group="simple"):
    asked = (
        None
        if topics is None
        else [
            offset_fetch.OffsetFetchRequestTopics(name=name, topic_id=topic_id, partition_indexes=partitions)
            for name, topic_id, partitions in topics
        ]
    )
    return offset_fetch.OffsetFetchRequestGroup(group_id=group, topics=asked)


def offsets(topics):
    return {each.partition_index: each.committed_offset for topic in topics for each in topic.partitions}


@pytest.mark.parametrize("version", [version for version in sorted(offset_fetch.DECODE_REQUEST) if version < 8])
def test_offset_fetch_of_one_group(version):
    async def scenario(broker):
        await broker.ask(offset_commit, 9, commit_request([0, 1]))
        response = await broker.ask(offset_fetch, version, single_fetch([(TOPIC, [1, 7]), ("nosuch", [0])]))
        assert response.error_code == ErrorCode.NONE
        assert [offsets([topic]) for topic in response.topics] == [{1: 41, 7: -1}, {0: -1}]
        if version >= 2:
            assert offsets((await broker.ask(offset_fetch, version, single_fetch(None))).topics) == {0: 40, 1: 41}
        await broker.groups.unload(0)
        response = await broker.ask(offset_fetch, version, single_fetch([(TOPIC, [1])]))
        in_partitions = [each.error_code for topic in response.topics for each in topic.partitions]
        assert (response.error_code, in_partitions) == (
            (ErrorCode.NOT_COORDINATOR, []) if version >= 2 else (ErrorCode.NONE, [ErrorCode.NOT_COORDINATOR])
        )

    in_a_broker(scenario)


@pytest.mark.parametrize("version", [version for version in sorted(offset_fetch.DECODE_REQUEST) if version >= 8])
def test_offset_fetch_of_several_groups(version):
    async def scenario(broker):
        await broker.ask(offset_commit, 9, commit_request([0, 1]))
        named, refused = (TOPIC, TOPIC_ID, [1, 7]), ("nosuch", UNKNOWN_ID, [0])
        request = offset_fetch.OffsetFetchRequest(
            groups=[group_fetch([named, refused]), group_fetch(None), group_fetch(None, "other")], require_stable=True
        )
        response = await broker.ask(offset_fetch, version, request)
        first, everything, other = response.groups
        assert [offsets([topic]) for topic in first.topics] == [{1: 41, 7: -1}, {0: -1}]
        assert first.topics[1].partitions[0].error_code == (ErrorCode.UNKNOWN_TOPIC_ID if version >= 10 else ErrorCode.NONE)
        assert offsets(everything.topics) == {0: 40, 1: 41}
        assert everything.topics[0].topic_id == (TOPIC_ID if version >= 10 else ZERO_UUID)
        assert other.topics == []

    in_a_broker(scenario)


@versions(describe_groups)
def test_describe_groups(version):
    async def scenario(broker):
        member = await stable(broker)
        request = describe_groups.DescribeGroupsRequest(groups=["g", "nosuch"], include_authorized_operations=version >= 3)
        found, missing = (await broker.ask(describe_groups, version, request)).groups
        assert (found.group_state, found.protocol_type, found.protocol_data) == ("Stable", "consumer", "range")
        assert [(each.member_id, each.client_host, each.member_assignment) for each in found.members] == [
            (member, "/10.1.2.3", b"mine")
        ]
        assert found.authorized_operations == (3400 if version >= 3 else -(2**31))
        assert missing.group_state == "Dead"
        assert missing.error_code == (ErrorCode.GROUP_ID_NOT_FOUND if version >= 6 else ErrorCode.NONE)

    in_a_broker(scenario)


@versions(list_groups)
def test_list_groups(version):
    async def scenario(broker):
        await stable(broker)
        await broker.ask(offset_commit, 9, commit_request([0]))
        request = list_groups.ListGroupsRequest(states_filter=["Stable"] if version >= 4 else [])
        listed = (await broker.ask(list_groups, version, request)).groups
        assert [each.group_id for each in listed] == (["g"] if version >= 4 else ["g", "simple"])

    in_a_broker(scenario)


@versions(delete_groups)
def test_delete_groups(version):
    async def scenario(broker):
        await stable(broker)
        await broker.ask(offset_commit, 9, commit_request([0]))
        request = delete_groups.DeleteGroupsRequest(groups_names=["g", "simple", "nosuch"])
        results = (await broker.ask(delete_groups, version, request)).results
        assert {each.group_id: each.error_code for each in results} == {
            "g": ErrorCode.NON_EMPTY_GROUP,
            "simple": ErrorCode.NONE,
            "nosuch": ErrorCode.GROUP_ID_NOT_FOUND,
        }

    in_a_broker(scenario)


@versions(offset_delete)
def test_offset_delete(version):
    async def scenario(broker):
        await broker.ask(offset_commit, 9, commit_request([0, 1]))
        request = offset_delete.OffsetDeleteRequest(
            group_id="simple",
            topics=[
                offset_delete.OffsetDeleteRequestTopic(
                    name=name,
                    partitions=[offset_delete.OffsetDeleteRequestPartition(partition_index=index) for index in partitions],
                )
                for name, partitions in ((TOPIC, [0, 9]), ("nosuch", [0]))
            ],
        )
        response = await broker.ask(offset_delete, version, request)
        assert [outcomes(SimpleNamespace(topics=[topic])) for topic in response.topics] == [
            {0: ErrorCode.NONE, 9: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION},
            {0: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION},
        ]
        assert broker.groups.runtime.shards[0].offsets.topics_of("simple").keys() == {TOPIC}
        request.group_id = "nosuch"
        assert (await broker.ask(offset_delete, version, request)).error_code == ErrorCode.GROUP_ID_NOT_FOUND

    in_a_broker(scenario)
