"""`odradek serve` on a full disk: what cannot be written is refused with Kafka's error, all else goes on, what was
acknowledged stays, and with room again everything is as before, without a restart.

The limited disk of those who may not mount one stops only the partition that grows; there the rest has to go on.
"""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from broker_under_test import MIB, BrokerUnderTest, GoodClient, call
from refusals import refusal
from small_disks import KINDS, LimitedDisk, MountedDisk, failing, may_fail

from odradek.wire.errors import ErrorCode
from odradek.wire.messages import create_topics, find_coordinator, incremental_alter_configs, offset_commit, offset_fetch

Disk = MountedDisk | LimitedDisk
Start = Callable[..., BrokerUnderTest]
LARGE = 300_000
OFFLINE = ErrorCode.KAFKA_STORAGE_ERROR


@pytest.fixture(params=KINDS)
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    with KINDS[request.param](tmp_path / "data") as made:
        yield made


@pytest.fixture
def start(disk: Disk) -> Iterator[Start]:
    """Start a broker on the disk; it ends before the disk goes."""
    with ExitStack() as stack:
        yield lambda *settings: stack.enter_context(BrokerUnderTest(disk.path, settings))


def fill_partition(client: GoodClient) -> None:
    """Produce large records until one is refused."""
    codes = [client.produce(LARGE)]
    while codes[-1] == ErrorCode.NONE and len(codes) < 100:
        codes.append(client.produce(LARGE))
    assert codes[-1] == OFFLINE


def until(deed: Callable[[], bool], what: str) -> None:
    """Upkeep looks for room every second."""
    deadline = time.monotonic() + 30
    while not deed():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def shows_offline(broker: BrokerUnderTest) -> bool:
    with urllib.request.urlopen(broker.metrics_url) as answer:
        return 'odradek_partition_offline{partition="0",reason="appending at position' in answer.read().decode()


def verify(data: Path) -> None:
    """`odradek log verify` finds nothing wrong."""
    command = [sys.executable, "-m", "odradek", "log", "verify", str(data)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def commit(client: GoodClient, offset: int, topic: str = "good") -> int:
    partition = offset_commit.OffsetCommitRequestPartition(0, offset)
    asked = offset_commit.OffsetCommitRequest(
        "readers", topics=[offset_commit.OffsetCommitRequestTopic(topic, partitions=[partition])]
    )
    return int(call(client.socket, offset_commit, 8, asked).topics[0].partitions[0].error_code)


def committed(client: GoodClient, topic: str = "good") -> int:
    topics = [offset_fetch.OffsetFetchRequestTopic(topic, [0])]
    got = call(client.socket, offset_fetch, 7, offset_fetch.OffsetFetchRequest("readers", topics))
    assert got.error_code == 0
    return int(got.topics[0].partitions[0].committed_offset)


def find_group(client: GoodClient) -> None:
    """The first asker makes `__consumer_offsets`."""
    assert call(client.socket, find_coordinator, 3, find_coordinator.FindCoordinatorRequest("readers")).error_code == 0


def create(client: GoodClient, topic: str, partitions: int) -> int:
    made = create_topics.CreateTopicsRequest([create_topics.CreatableTopic(topic, partitions, 1)], 5000)
    return int(call(client.socket, create_topics, 7, made).topics[0].error_code)


def test_one_partition_is_offline_with_the_reason_and_comes_back_by_itself(disk: Disk, start: Start) -> None:
    broker = start("odradek.metrics.port=0")
    full, other = GoodClient(broker, "full"), GoodClient(broker, "other")
    assert (full.produce(), other.produce()) == (0, 0)
    disk.fill(broker, leave=MIB)
    fill_partition(full)
    assert full.produce(LARGE) == OFFLINE
    assert other.produce() == 0
    assert full.stored() == full.acknowledged
    said = [line for line in broker.log().splitlines() if "partition offline" in line and "partition=full-0" in line]
    assert said and "appending at position" in said[0]
    # A limited disk seems to have room: the partition comes back every second, until its next record.
    until(lambda: full.produce(LARGE) == OFFLINE and shows_offline(broker), "no metric tells it")
    disk.give_room(broker)
    until(lambda: full.produce() == 0, "there is room, and the partition is still offline")
    assert "partition online again" in broker.log()
    for client in (full, other):
        client.check_intact()
    broker.kill()
    broker = start()
    for client in (full, other):
        client.socket = broker.connect()
        client.check_intact()
    assert broker.stop() == 0
    assert "Traceback" not in broker.log()
    verify(disk.path)


def test_a_roll_without_room(disk: Disk, start: Start) -> None:
    broker = start(f"log.segment.bytes={MIB}")
    client = GoodClient(broker)
    for _ in range(3):
        client.produce(LARGE)
    disk.fill(broker, leave=0)
    fill_partition(client)
    disk.give_room(broker)
    until(lambda: client.produce(LARGE) == 0, "there is room, and the partition is still offline")
    for _ in range(8):
        client.produce(LARGE)
    client.check_intact()
    assert len(list((disk.path / "good-0").glob("*.log"))) > 2
    assert broker.stop() == 0
    assert "Traceback" not in broker.log()
    verify(disk.path)


def test_an_offset_commit_without_room_is_refused_and_the_last_one_holds(disk: Disk, start: Start) -> None:
    broker = start()
    client = GoodClient(broker)
    find_group(client)
    assert commit(client, 1) == 0
    disk.fill(broker)
    codes = [commit(client, offset) for offset in range(2, 200)]
    refused = codes.index(ErrorCode.NOT_COORDINATOR) if disk.is_whole else len(codes)  # as in Kafka for a storage error
    assert set(codes[:refused]) == {0} and set(codes[refused:]) <= {ErrorCode.NOT_COORDINATOR}
    assert committed(client) == 1 + refused
    disk.give_room(broker)
    until(lambda: commit(client, 300) == 0, "there is room, and no commit is taken")
    broker.kill()
    client.socket = start().connect()
    assert committed(client) == 300
    assert "Traceback" not in broker.log()


def test_a_topic_made_without_room_serves_once_there_is_some(disk: Disk, start: Start) -> None:
    broker = start()
    client = GoodClient(broker)
    disk.fill(broker, leave=150_000)
    assert create(client, "new", 100) == 0
    offline = broker.log().count("making the partition: No space left")
    assert bool(offline) is disk.is_whole
    disk.fill(broker)
    if disk.is_whole:
        assert create(client, "never", 1) == OFFLINE
        assert create(client, "never", 1) == OFFLINE  # it has not become a topic half way
    disk.give_room(broker)
    until(lambda: broker.log().count("partition online again") >= offline, "partitions are still offline")
    client.check_intact()
    client.topic, client.acknowledged = "new", []
    client.check_intact()
    assert broker.stop() == 0
    assert "Traceback" not in broker.log()
    assert len(list(disk.path.glob("new-*/partition.metadata"))) == 100


def test_the_first_group_on_a_disk_without_room(disk: Disk, start: Start) -> None:
    broker = start()
    client = GoodClient(broker)
    disk.fill(broker, leave=100_000)
    find_group(client)
    disk.fill(broker)
    assert commit(client, 1) in ((ErrorCode.NOT_COORDINATOR,) if disk.is_whole else (0,))
    disk.give_room(broker)
    until(lambda: commit(client, 2) == 0, "there is room, and no commit is taken")
    assert committed(client) == 2
    assert "Traceback" not in broker.log()


def test_a_shorter_retention_frees_a_full_disk(disk: Disk, start: Start) -> None:
    broker = start(
        f"log.segment.bytes={MIB}", "log.retention.check.interval.ms=300", "log.segment.delete.delay.ms=0",
    )  # fmt: skip
    client = GoodClient(broker)
    for _ in range(80):
        client.produce(LARGE)
    disk.fill(broker, leave=3 * MIB // 2)
    fill_partition(client)
    config = incremental_alter_configs.AlterableConfig("retention.bytes", 0, str(MIB))
    asked = incremental_alter_configs.IncrementalAlterConfigsRequest(
        [incremental_alter_configs.AlterConfigsResource(2, "good", [config])]
    )
    assert call(client.socket, incremental_alter_configs, 1, asked).responses[0].error_code == 0
    if disk.is_whole:
        until(lambda: client.produce() == 0, "retention has made room, and the partition is still offline")
    else:
        until(lambda: "deleting segments" in broker.log(), "nothing is deleted")
    assert broker.stop() == 0
    assert "Traceback" not in broker.log()


@pytest.mark.parametrize("last_act", ["a clean stop", "kill -9"])
def test_end_and_start_without_room(disk: Disk, start: Start, last_act: str) -> None:
    broker = start()
    client = GoodClient(broker)
    for _ in range(3):
        client.produce(LARGE)
    disk.fill(broker)
    fill_partition(client)
    if last_act == "kill -9":
        broker.kill()
    else:
        assert broker.stop() == 0
    disk.fill(None)
    if disk.is_whole:
        assert "is full" in refusal(disk.path, heard=0)
    disk.give_room(None)
    broker = start()
    client.socket = broker.connect()
    client.check_intact()
    assert "Traceback" not in broker.log()


if may_fail():  # elsewhere tests/crash/test_disk_faults.py alone tells what a failing fdatasync does

    def test_a_failing_device_ends_the_broker_with_the_reason_and_keeps_what_was_acknowledged(tmp_path: Path) -> None:
        with failing(tmp_path) as disk, BrokerUnderTest(disk.path) as broker:
            client, other = GoodClient(broker), GoodClient(broker, "other")
            assert other.produce() == 0
            codes = [client.produce(LARGE)]
            while codes[-1] == ErrorCode.NONE:
                codes.append(client.produce(LARGE))
            assert codes[-1] == OFFLINE and len(codes) > 10
            assert broker.process.wait(20) == 1
            assert "Input/output error" in broker.log().splitlines()[-3]
            assert "the data directory failed; stopping" in broker.log()
            assert "Traceback" not in broker.log()
            disk.mend()
            with BrokerUnderTest(disk.path) as again:
                for each in (client, other):
                    each.socket = again.connect()
                    each.check_intact()
                assert again.stop() == 0
