"""SIGTERM while answers wait for a slow disk: what it can do within the time is answered, the rest is told in the log."""

from __future__ import annotations

import signal
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from broker_under_test import NOW, STOP_SECONDS_MAX, BrokerUnderTest, GoodClient, call, eventually, frame, metric, read_exactly

from odradek.records.record import NewRecord, build_batch
from odradek.wire.errors import ErrorCode
from odradek.wire.headers import decode_response_header
from odradek.wire.messages import find_coordinator, offset_commit, offset_fetch, produce

pytestmark = pytest.mark.conformance  # each takes the five seconds of a stop
LATE = b"late"


class SlowDisk:
    """A broker's disk; `takes` seconds for each fdatasync from then on."""

    def __init__(self, path: Path) -> None:
        self._told_in = path / "seconds"
        program = (str(Path(__file__).with_name("slow_disk.py")), str(self._told_in))
        self.broker = BrokerUnderTest(path / "data", ("odradek.metrics.port=0",), program=program)

    def takes(self, seconds: float) -> None:
        self._told_in.write_text(str(seconds))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SlowDisk]:
    slow = SlowDisk(tmp_path)
    with slow.broker:
        yield slow


def late_record() -> bytes:
    data = produce.PartitionProduceData(0, build_batch([NewRecord(b"k", LATE, NOW)]))
    return frame(
        produce, 9, produce.ProduceRequest(None, -1, 30_000, [produce.TopicProduceData("good", partition_data=[data])])
    )


def commit_of(offset: int) -> offset_commit.OffsetCommitRequest:
    partition = offset_commit.OffsetCommitRequestPartition(0, committed_offset=offset)
    topics = [offset_commit.OffsetCommitRequestTopic("good", partitions=[partition])]
    return offset_commit.OffsetCommitRequest("group", topics=topics)


def committed(sock: Any) -> int:
    """The group's offset, -1 where it has none, -2 where that cannot be told yet."""
    topics = [offset_fetch.OffsetFetchRequestTopic("good", [0])]
    answer = call(sock, offset_fetch, 5, offset_fetch.OffsetFetchRequest("group", topics=topics))
    return int(answer.topics[0].partitions[0].committed_offset) if answer.error_code == ErrorCode.NONE else -2


def answer_of(sock: Any, api: Any, version: int) -> Any:
    (size,) = struct.unpack(">i", read_exactly(sock, 4))
    body = read_exactly(sock, size)
    return api.DECODE_RESPONSE[version](body, decode_response_header(body, api.API_KEY, version)[1])[0]


def coordinate(sock: Any) -> None:
    """Until the group's partition is there and loaded."""
    eventually(lambda: call(sock, find_coordinator, 2, find_coordinator.FindCoordinatorRequest("group")).error_code == 0)
    eventually(lambda: committed(sock) >= -1)


def test_what_waits_for_a_sync_of_three_seconds_is_answered_and_there(disk: SlowDisk, start: Any) -> None:
    broker = disk.broker
    good = GoodClient(broker)
    assert good.produce() == 0
    with closing(broker.connect()) as producer, closing(broker.connect()) as committer:
        coordinate(committer)
        assert call(committer, offset_commit, 7, commit_of(1)).topics[0].partitions[0].error_code == 0
        disk.takes(3)
        producer.sendall(late_record())
        committer.sendall(frame(offset_commit, 7, commit_of(2)))
        eventually(lambda: metric(broker, 'odradek_requests_total{api="Produce"}') == 2)
        eventually(lambda: metric(broker, 'odradek_requests_total{api="OffsetCommit"}') >= 2)
        broker.process.send_signal(signal.SIGTERM)
        told = answer_of(producer, produce, 9).responses[0].partition_responses[0]
        assert (told.error_code, told.base_offset) == (ErrorCode.NONE, 1)
        assert answer_of(committer, offset_commit, 7).topics[0].partitions[0].error_code == ErrorCode.NONE
        broker.process.wait(STOP_SECONDS_MAX)
    assert "before their answers" not in broker.log()
    again = start()
    with closing(again.connect()) as sock:
        coordinate(sock)
        assert committed(sock) == 2
    assert GoodClient(again, acknowledged=[*good.acknowledged, LATE]).stored() == [*good.acknowledged, LATE]


def test_what_takes_longer_ends_without_an_answer_and_the_log_says_how_many(disk: SlowDisk) -> None:
    broker = disk.broker
    assert GoodClient(broker).produce() == 0
    disk.takes(600)
    with closing(broker.connect()) as one, closing(broker.connect()) as two:
        one.sendall(late_record() * 2)
        two.sendall(late_record())
        eventually(lambda: metric(broker, 'odradek_requests_total{api="Produce"}') == 4)
        broker.process.send_signal(signal.SIGTERM)
        assert one.recv(1) == two.recv(1) == b""
        assert broker.process.wait(STOP_SECONDS_MAX) == 1, "it could not be stopped in order"
    assert "connections closed before their answers" in broker.log()
    assert "count=2" in broker.log() and "requests=3" in broker.log()
