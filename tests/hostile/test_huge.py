"""Too much of everything, through the socket: what unpacks to gigabytes, holds a million records, names a million
topics, joins by the thousand. Each is refused with Kafka's error or borne; memory stays bounded, others are served
meanwhile, the logs are what they were, and `odradek log verify` finds nothing.
"""

from __future__ import annotations

import hashlib
import resource
import select
import socket
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import lz4.frame
import pytest
import zstandard
from broker_under_test import MIB, NOW, BrokerUnderTest, GoodClient, call, frame, is_closed, read_exactly

from odradek.records.compression import Codec
from odradek.records.record import NewRecord, build_batch, with_block
from odradek.wire.errors import ErrorCode
from odradek.wire.headers import decode_response_header
from odradek.wire.messages import (
    alter_configs,
    create_partitions,
    create_topics,
    find_coordinator,
    incremental_alter_configs,
    join_group,
    metadata,
    offset_commit,
    produce,
    sync_group,
)

TOPICS = {"compacted": ("cleanup.policy", "compact"), "packed": ("compression.type", "uncompressed")}
ZEROS = bytes(MIB)


@pytest.fixture
def broker(start: Any) -> Iterator[BrokerUnderTest]:
    """With a topic of each kind that has its records looked at; afterwards its logs are sound."""
    broker = start("group.initial.rebalance.delay.ms=0")
    with broker.connect() as admin:
        for topic, (name, value) in TOPICS.items():
            made = create_topics.CreatableTopic(topic, 1, 1, configs=[create_topics.CreatableTopicConfig(name, value)])
            asked = create_topics.CreateTopicsRequest([made], 5000)
            assert call(admin, create_topics, 7, asked).topics[0].error_code == 0
    yield broker
    assert broker.stop() == 0
    assert "Traceback" not in broker.log()
    verify(broker.data)


def verify(data: Path) -> None:
    command = [sys.executable, "-m", "odradek", "log", "verify", str(data)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def content(data: Path, topic: str) -> str:
    """What the topic's segments hold."""
    digest = hashlib.sha256()
    for path in sorted(data.glob(f"{topic}-*/*.log")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def produce_request(topic: str, batch: bytes | bytearray) -> produce.ProduceRequest:
    data = produce.PartitionProduceData(0, batch)
    return produce.ProduceRequest(None, -1, 30_000, [produce.TopicProduceData(topic, partition_data=[data])])


def produced(sock: socket.socket, topic: str, batch: bytes | bytearray) -> Any:
    return call(sock, produce, 9, produce_request(topic, batch)).responses[0].partition_responses[0]


def counted(batch: bytearray, count: int) -> bytearray:
    """The batch's header says that it has `count` records."""
    struct.pack_into(">i", batch, 23, count - 1)
    struct.pack_into(">i", batch, 57, count)
    return batch


def batch_of(block: bytes, codec: int = Codec.NONE, count: int = 1) -> bytearray:
    return with_block(counted(build_batch([NewRecord(b"k", b"v", NOW)]), count), block, codec)


def gzip_bomb(mebibytes: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(ZEROS) for _ in range(mebibytes)) + packer.flush()


def zstd_bomb(mebibytes: int) -> bytes:
    packer = zstandard.ZstdCompressor(level=1).compressobj()
    return b"".join(packer.compress(ZEROS) for _ in range(mebibytes)) + packer.flush()


def lz4_bomb(mebibytes: int) -> bytes:
    with lz4.frame.LZ4FrameCompressor(block_size=lz4.frame.BLOCKSIZE_MAX4MB) as packer:
        return packer.begin() + b"".join(packer.compress(ZEROS) for _ in range(mebibytes)) + packer.flush()


SNAPPY_LIE = b"\xff\xff\xff\xff\x0f" + bytes(1000)  # a raw block that says it is 4 GiB
SNAPPY_XERIAL_LIE = b"\x82SNAPPY\x00" + struct.pack(">iii", 1, 1, len(SNAPPY_LIE)) + SNAPPY_LIE
BOMBS = {
    "gzip": (Codec.GZIP, lambda: gzip_bomb(900)),
    "zstd": (Codec.ZSTD, lambda: zstd_bomb(2000)),
    "zstd, many frames": (Codec.ZSTD, lambda: zstd_bomb(30) * 100),
    "lz4": (Codec.LZ4, lambda: lz4_bomb(220)),
    "snappy": (Codec.SNAPPY, lambda: SNAPPY_LIE),
    "snappy, framed": (Codec.SNAPPY, lambda: SNAPPY_XERIAL_LIE),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_decompression_bomb(broker: BrokerUnderTest, name: str) -> None:
    codec, make = BOMBS[name]
    batch = batch_of(make(), codec)
    assert len(batch) < MIB
    good = GoodClient(broker)
    with ExitStack() as stack:
        warm = stack.enter_context(broker.connect())
        for topic in TOPICS:
            assert produced(warm, topic, build_batch([NewRecord(b"k", b"v", NOW)], codec=codec)).error_code == 0
        before, stored = broker.memory(), {topic: content(broker.data, topic) for topic in TOPICS}
        senders = [(stack.enter_context(broker.connect()), topic) for topic in (*TOPICS, *TOPICS)]
        for sender, topic in senders:
            sender.sendall(frame(produce, 9, produce_request(topic, batch)))
        assert good.produce() == 0
        for sender, _ in senders:
            answer = answered(sender, produce, 9).responses[0].partition_responses[0]
            assert answer.error_code == ErrorCode.MESSAGE_TOO_LARGE, answer.error_message
    assert broker.memory("VmHWM") - before < 250 * MIB
    assert {topic: content(broker.data, topic) for topic in TOPICS} == stored
    good.check_intact()


def answered(sock: socket.socket, api: Any, version: int) -> Any:
    (size,) = struct.unpack(">i", read_exactly(sock, 4))
    body = read_exactly(sock, size)
    _, position = decode_response_header(body, api.API_KEY, version)
    return api.DECODE_RESPONSE[version](body, position)[0]


def many_records(count: int, *, key: bytes = b"\x00") -> bytes:
    """The smallest records there are: an empty key (or none, "\\x01"), an empty value, no headers."""
    parts = []
    for index in range(count):
        body = b"\x00\x00" + varint(index) + key + b"\x00\x00"
        parts.append(varint(len(body)) + body)
    return b"".join(parts)


def varint(number: int) -> bytes:
    number = number << 1 if number >= 0 else (-number << 1) - 1
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


@pytest.mark.parametrize(("key", "code"), [(b"\x00", ErrorCode.NONE), (b"\x01", ErrorCode.INVALID_RECORD)])
def test_a_million_records_in_one_batch_hold_nobody_up(broker: BrokerUnderTest, key: bytes, code: int) -> None:
    count = 1_000_000
    batch = batch_of(zstandard.ZstdCompressor().compress(many_records(count, key=key)), Codec.ZSTD, count)
    good = GoodClient(broker)
    before = broker.memory()
    with broker.connect() as sender:
        sender.settimeout(120)
        sender.sendall(frame(produce, 9, produce_request("compacted", batch)))
        meanwhile = 0
        while not select.select([sender], [], [], 0)[0]:
            assert good.produce() == 0
            meanwhile += 1
        answer = answered(sender, produce, 9).responses[0].partition_responses[0]
    assert answer.error_code == code
    assert meanwhile > 0
    assert broker.memory("VmHWM") - before < 250 * MIB
    good.check_intact()


ENDLESS = b"\xff" * 11
LYING_RECORDS = {
    "longer than the batch": varint(1 << 30) + bytes(100),
    "a negative length": varint(-5) + bytes(100),
    "an endless number": ENDLESS + bytes(100),
    "a key longer than its record": varint(10) + b"\x00\x00\x00" + varint(1 << 29) + bytes(100),
    "a key of negative length": varint(10) + b"\x00\x00\x00" + varint(-7) + bytes(100),
    "a value longer than its record": varint(10) + b"\x00\x00\x00\x02k" + varint(1 << 29) + bytes(100),
    "two billion headers": varint(10) + b"\x00\x00\x00\x02k\x00" + varint((1 << 31) - 1) + bytes(3),
    "minus one header": varint(10) + b"\x00\x00\x00\x02k\x00" + varint(-1) + bytes(3),
    "an endless header": varint(20) + b"\x00\x00\x00\x02k\x00\x02" + ENDLESS + bytes(3),
    "nothing at all": b"",
    "half a record": varint(50) + b"\x00\x00\x00",
    "two records instead of one": many_records(2),
}


def test_records_whose_lengths_lie(broker: BrokerUnderTest) -> None:
    good = GoodClient(broker)
    stored = {topic: content(broker.data, topic) for topic in TOPICS}
    with broker.connect() as sender:
        for name, block in LYING_RECORDS.items():
            for codec, packed in (
                (Codec.NONE, block), (Codec.GZIP, zlib.compress(block, 9, 31)), (Codec.ZSTD, zstandard.compress(block)),
            ):  # fmt: skip
                topics = ("compacted", "packed") if codec else ("compacted",)
                codes = {produced(sender, topic, batch_of(packed, codec)).error_code for topic in topics}
                assert codes == {ErrorCode.INVALID_RECORD}, (name, codec)
        for count in (2, 1_000, (1 << 31) - 1):
            assert produced(sender, "compacted", batch_of(many_records(1), count=count)).error_code == ErrorCode.INVALID_RECORD
        assert good.produce() == 0
    assert {topic: content(broker.data, topic) for topic in TOPICS} == stored
    good.check_intact()


def test_a_record_of_hundred_thousand_headers(broker: BrokerUnderTest) -> None:
    good = GoodClient(broker)
    headers = tuple((f"{index}", b"") for index in range(100_000))
    batch = build_batch([NewRecord(b"k", b"v", NOW, headers), NewRecord(b"k", b"v", NOW, (("x" * 300_000, b""),))])
    with broker.connect() as sender:
        assert produced(sender, "compacted", batch).error_code == 0
        assert produced(sender, "compacted", build_batch([NewRecord(b"k", b"v" * MIB, NOW)])).error_code == 10
    good.check_intact()


def test_a_million_topic_names(broker: BrokerUnderTest) -> None:
    good = GoodClient(broker)
    before = broker.memory()
    names = [metadata.MetadataRequestTopic(name=f"{number:07}") for number in range(1_000_000)]
    with broker.connect() as sender:
        sender.sendall(frame(metadata, 9, metadata.MetadataRequest(names, False)))
        assert is_closed(sender)
    assert "odradek.request.other.max.bytes" in broker.log()
    with broker.connect() as sender:
        sender.sendall(frame(metadata, 9, metadata.MetadataRequest(names[:100_000], False)))
        assert good.produce() == 0
        got = answered(sender, metadata, 9)
        assert {topic.error_code for topic in got.topics} == {ErrorCode.UNKNOWN_TOPIC_OR_PARTITION}
    assert broker.memory("VmHWM") - before < 300 * MIB
    good.check_intact()


def test_administration_of_a_hundred_thousand_things_that_are_named_twice(broker: BrokerUnderTest) -> None:
    """Whether a name comes twice is found out in one pass: comparing each with all took minutes."""
    good = GoodClient(broker)
    names = [f"{number:05}" for number in range(45_000)] * 2
    twice = create_topics.CreateTopicsRequest([create_topics.CreatableTopic(name, 1, 1) for name in names], 5000, True)
    more = create_partitions.CreatePartitionsRequest([create_partitions.CreatePartitionsTopic(name, 2) for name in names])
    altered = [incremental_alter_configs.AlterConfigsResource(2, name) for name in names]
    alter = incremental_alter_configs.IncrementalAlterConfigsRequest(altered)
    old = alter_configs.AlterConfigsRequest([alter_configs.AlterConfigsResource(2, name) for name in names])
    for api, version, asked in (
        (create_topics, 7, twice), (create_partitions, 3, more), (incremental_alter_configs, 1, alter), (alter_configs, 2, old),
    ):  # fmt: skip
        with broker.connect() as sender:
            sender.sendall(frame(api, version, asked))
            assert good.produce() == 0
            answer = answered(sender, api, version)
        given = getattr(answer, "topics", None) or getattr(answer, "results", None) or answer.responses
        assert {each.error_code for each in given} == {ErrorCode.INVALID_REQUEST}
    good.check_intact()


def test_many_topics_made_by_asking_for_them(broker: BrokerUnderTest) -> None:
    good = GoodClient(broker)
    names = [metadata.MetadataRequestTopic(name=f"made-{number}") for number in range(1000)]
    with broker.connect() as sender:
        sender.settimeout(120)
        sender.sendall(frame(metadata, 9, metadata.MetadataRequest(names, True)))
        assert good.produce() == 0
        assert {topic.error_code for topic in answered(sender, metadata, 9).topics} == {0}
    good.check_intact()


def test_names_of_groups_clients_and_members_as_long_as_they_may_be(broker: BrokerUnderTest) -> None:
    good = GoodClient(broker)
    before = broker.memory()
    assert call(good.socket, find_coordinator, 3, find_coordinator.FindCoordinatorRequest("g")).error_code == 0
    for size in (32_767, 32_768, 1_500_000):
        group = "g" * size
        with broker.connect() as sender:
            partition = offset_commit.OffsetCommitRequestPartition(0, 1)
            topics = [offset_commit.OffsetCommitRequestTopic("good", partitions=[partition])]
            got = call(sender, offset_commit, 8, offset_commit.OffsetCommitRequest(group, topics=topics))
            assert (got.topics[0].partitions[0].error_code == 0) is (size == 32_767)
            protocol = join_group.JoinGroupRequestProtocol("range", b"m" * 100)
            asked = join_group.JoinGroupRequest(group, 10_000, 10_000, "", None, "consumer", [protocol])
            assert call(sender, join_group, 6, asked).error_code in (79, ErrorCode.INVALID_GROUP_ID)
        assert good.produce() == 0
    client_id = b'\n\x1b[31m "evil\n2026-01-01 error' * 1000
    with broker.connect() as sender:
        head = struct.pack(">hhih", 3, 1, 1, len(client_id)) + client_id + struct.pack(">i", 2**31 - 1)
        sender.sendall(struct.pack(">i", len(head)) + head)
        assert is_closed(sender)
    assert not any(line.startswith(("2026-01-01", "\x1b")) for line in broker.log().splitlines())
    assert max(map(len, broker.log().splitlines())) < 100_000
    assert broker.memory("VmHWM") - before < 200 * MIB
    good.check_intact()


def test_metadata_of_offsets_and_members(broker: BrokerUnderTest) -> None:
    good = GoodClient(broker)
    before = broker.memory()
    assert call(good.socket, find_coordinator, 3, find_coordinator.FindCoordinatorRequest("g")).error_code == 0
    with broker.connect() as sender:
        for size, code in (
            (4096, 0),
            (4097, ErrorCode.OFFSET_METADATA_TOO_LARGE),
            (30_000, ErrorCode.OFFSET_METADATA_TOO_LARGE),
        ):
            partition = offset_commit.OffsetCommitRequestPartition(0, 1, committed_metadata="m" * size)
            topics = [offset_commit.OffsetCommitRequestTopic("good", partitions=[partition])]
            got = call(sender, offset_commit, 8, offset_commit.OffsetCommitRequest("simple", topics=topics))
            assert got.topics[0].partitions[0].error_code == code
        member = joined(sender, "huge", b"m" * (19 * MIB // 10))
        assert member.error_code == 0
        assignment = sync_group.SyncGroupRequestAssignment(member.member_id, b"a" * (19 * MIB // 10))
        asked = sync_group.SyncGroupRequest("huge", member.generation_id, member.member_id, assignments=[assignment])
        assert (
            call(sender, sync_group, 3, asked).error_code == ErrorCode.UNKNOWN_SERVER_ERROR
        )  # too large for the log, as in Kafka
    assert good.produce() == 0
    assert broker.memory("VmHWM") - before < 200 * MIB
    good.check_intact()


def joined(sender: socket.socket, group: str, member_metadata: bytes) -> Any:
    """Join under version 3: without the round for a member id."""
    return call(sender, join_group, 3, join_request(group, member_metadata))


def join_request(group: str, member_metadata: bytes) -> join_group.JoinGroupRequest:
    protocol = join_group.JoinGroupRequestProtocol("range", member_metadata)
    return join_group.JoinGroupRequest(group, 60_000, 60_000, "", None, "consumer", [protocol])


def test_thousands_of_members_in_one_group(start: Any) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2000 if hard == resource.RLIM_INFINITY else min(2000, hard // 2 - 100)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        check_crowd(start("group.initial.rebalance.delay.ms=500"), wanted)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def check_crowd(broker: BrokerUnderTest, count: int) -> None:
    good = GoodClient(broker)
    assert call(good.socket, find_coordinator, 3, find_coordinator.FindCoordinatorRequest("g")).error_code == 0
    before = broker.memory()
    with ExitStack() as stack:
        crowd = []
        for number in range(count):
            crowd.append(stack.enter_context(broker.connect()))
            if number % 40 == 0:  # let them be accepted: beyond the backlog a connection waits for a second
                assert good.produce() == 0
        request = frame(join_group, 3, join_request("crowd", b"m" * 200))
        for member in crowd:
            member.settimeout(120)
            member.sendall(request)
        assert good.produce() == 0
        answers = [answered(member, join_group, 3) for member in crowd]
        assert {answer.error_code for answer in answers} == {0}
        newest = max(answer.generation_id for answer in answers)
        leader, told = next(
            (sock, a) for sock, a in zip(crowd, answers, strict=True) if a.members and a.generation_id == newest
        )
        assert len(told.members) <= count
        assignments = [sync_group.SyncGroupRequestAssignment(each.member_id, b"a" * 50) for each in told.members]
        asked = sync_group.SyncGroupRequest("crowd", newest, told.leader, assignments=assignments)
        assert call(leader, sync_group, 3, asked).error_code in (0, ErrorCode.REBALANCE_IN_PROGRESS)
        assert good.produce() == 0
        assert broker.memory("VmHWM") - before < 300 * MIB
    good.check_intact()
    assert broker.stop() == 0
    assert "Traceback" not in broker.log()
