"""Fetch, request by request: what is given, when it is given, and what is refused."""

from __future__ import annotations

import threading
import time
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import odradek
from odradek.records.batch import scan
from odradek.records.record import NewRecord, build_batch, read_records
from odradek.wire.errors import ErrorCode
from odradek.wire.messages import create_topics, delete_topics, fetch, offset_for_leader_epoch, produce
from odradek.wire.messages.create_topics import CreatableTopic

NOW = 1_700_000_000_000


class Topic:
    """A topic with two partitions, and short ways to ask for it."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.name = f"fetch-{uuid.uuid4().hex[:8]}"
        made = client.call(create_topics, 7, create_topics.CreateTopicsRequest([CreatableTopic(self.name, 2, 1)], 5000))
        assert made.topics[0].error_code == 0
        self.topic_id: bytes = made.topics[0].topic_id

    def put(self, *values: bytes, index: int = 0, client: Any = None) -> None:
        records = build_batch([NewRecord(None, value, NOW) for value in values])
        data = produce.TopicProduceData(self.name, partition_data=[produce.PartitionProduceData(index, records)])
        answer = (client or self.client).call(produce, 9, produce.ProduceRequest(None, 1, 5000, [data]))
        assert answer.responses[0].partition_responses[0].error_code == 0

    def asked(self, *offsets: int, max_bytes: int = 1 << 20, epoch: int = -1) -> list[fetch.FetchTopic]:
        partitions = [
            fetch.FetchPartition(index, fetch_offset=offset, partition_max_bytes=max_bytes, current_leader_epoch=epoch)
            for index, offset in enumerate(offsets)
        ]
        return [fetch.FetchTopic(self.name, self.topic_id, partitions)]

    def fetch(self, *offsets: int, version: int = 12, wait: int = 0, at_least: int = 1, **kwargs: Any) -> Any:
        return self.client.call(fetch, version, self.request(*offsets, wait=wait, at_least=at_least, **kwargs))

    def request(
        self,
        *offsets: int,
        wait: int = 0,
        at_least: int = 1,
        at_most: int = 1 << 20,
        session: tuple[int, int] = (0, -1),
        isolation: int = 0,
        **kwargs: Any,
    ) -> fetch.FetchRequest:
        return fetch.FetchRequest(
            max_wait_ms=wait,
            min_bytes=at_least,
            max_bytes=at_most,
            isolation_level=isolation,
            session_id=session[0],
            session_epoch=session[1],
            topics=self.asked(*offsets, **kwargs) if offsets else [],
        )


@pytest.fixture
def topic(client: Any) -> Topic:
    return Topic(client)


def values(data: fetch.PartitionData) -> list[bytes | None]:
    view = memoryview(bytes(data.records or b""))
    return [r.value for pos, header in scan(view) for r in read_records(view[pos : pos + header.size], header)]


def partitions(response: fetch.FetchResponse) -> dict[int, fetch.PartitionData]:
    return {data.partition_index: data for topic in response.responses for data in topic.partitions}


@pytest.mark.parametrize("version", range(4, 19))
def test_every_version_gives_the_same_records(topic: Topic, version: int) -> None:
    topic.put(b"a", b"b")
    topic.put(b"c")
    found = partitions(topic.fetch(0, 0, version=version))
    assert values(found[0]) == [b"a", b"b", b"c"]
    assert (found[0].high_watermark, found[0].error_code) == (3, 0)
    assert values(found[1]) == []


def test_the_batch_that_holds_the_offset_comes_whole(topic: Topic) -> None:
    topic.put(b"a", b"b", b"c")
    assert values(partitions(topic.fetch(2))[0]) == [b"a", b"b", b"c"]


def test_the_first_batch_comes_whole_however_small_the_limits_and_only_the_first(topic: Topic) -> None:
    for index in (0, 1):
        topic.put(bytes(1000), index=index)
        topic.put(bytes(1000), index=index)
    found = partitions(topic.fetch(0, 0, max_bytes=10, at_most=10))
    assert (len(values(found[0])), len(values(found[1]))) == (1, 0)


def test_only_the_first_batch_comes_whole_where_every_read_waits_for_the_disk(raw_client_of: Any, monkeypatch: Any) -> None:
    """As on overlay, where the kernel knows no reads that never wait: then no size is known when limits are shared out."""
    monkeypatch.setattr("odradek.aio.thread_file.RWF_NOWAIT", 0)
    with raw_client_of({"log.index.interval.bytes": "1"}) as client:
        topic = Topic(client)
        for index in (0, 1):
            topic.put(bytes(1000), index=index)
            topic.put(bytes(1000), index=index)
        found = partitions(topic.fetch(0, 0, max_bytes=10, at_most=10))
        assert (len(values(found[0])), len(values(found[1]))) == (1, 0)


def test_partition_limits_hold_for_what_follows(topic: Topic) -> None:
    for _ in range(10):
        topic.put(bytes(1000))
    assert len(values(partitions(topic.fetch(0, max_bytes=3500))[0])) == 3


def test_read_committed_gets_an_empty_list_of_aborted_transactions_and_read_uncommitted_null(topic: Topic) -> None:
    topic.put(b"a")
    assert partitions(topic.fetch(0, isolation=1))[0].aborted_transactions == []
    assert partitions(topic.fetch(0))[0].aborted_transactions is None
    assert partitions(topic.fetch(0))[0].preferred_read_replica == -1


def test_with_an_error_aborted_transactions_are_null_where_there_is_such_a_partition(topic: Topic) -> None:
    topic.put(b"a")
    refused = partitions(topic.fetch(9, isolation=1))[0]
    assert refused.aborted_transactions is None
    assert (refused.high_watermark, refused.last_stable_offset, refused.log_start_offset) == (-1, -1, -1)
    assert partitions(topic.fetch(0, 0, 0, isolation=1))[2].aborted_transactions == [], "the third partition isn't there"


@pytest.mark.parametrize("version", range(4, 19))
@pytest.mark.parametrize("isolation", [-1, 2])
def test_an_isolation_level_that_does_not_exist_is_refused_rather_than_guessed(
    topic: Topic, version: int, isolation: int
) -> None:
    topic.put(b"a")
    answer = topic.fetch(0, version=version, isolation=isolation)
    assert answer.error_code == (ErrorCode.INVALID_REQUEST if version >= 7 else 0), "older versions have no place for it"
    data = partitions(answer)[0]
    assert (data.error_code, values(data)) == (ErrorCode.INVALID_REQUEST, [])


@pytest.mark.parametrize(
    ("offset", "epoch", "code"),
    [
        (5, -1, ErrorCode.OFFSET_OUT_OF_RANGE),
        (-1, -1, ErrorCode.OFFSET_OUT_OF_RANGE),
        (0, 9, ErrorCode.UNKNOWN_LEADER_EPOCH),
    ],
)
def test_what_cannot_be_fetched_is_said_at_once(topic: Topic, offset: int, epoch: int, code: int) -> None:
    topic.put(b"a")
    data = partitions(topic.fetch(offset, epoch=epoch, wait=30_000, at_least=1 << 20))[0]
    assert (data.error_code, values(data)) == (code, [])


@pytest.mark.parametrize("version", [12, 15, 16, 18])
def test_who_knows_an_older_leader_is_told_the_present_one(tmp_path: Path, connect: Any, version: int) -> None:
    with odradek.Broker(data_dir=str(tmp_path)) as broker, closing(connect(broker.port)) as client:
        topic = Topic(client)
        topic.put(b"a")
    (tmp_path / ".kafka_cleanshutdown").unlink()  # an unclean end: partitions get the next leader epoch
    with odradek.Broker(data_dir=str(tmp_path)) as broker, closing(connect(broker.port)) as client:
        topic.client = client
        answer = topic.fetch(0, epoch=0, version=version)
        data = partitions(answer)[0]
        assert data.error_code == ErrorCode.FENCED_LEADER_EPOCH
        if version < 16:
            assert (data.current_leader, answer.node_endpoints) == (None, [])
            return
        assert data.current_leader.leader_epoch == 1
        [leader] = answer.node_endpoints
        assert (leader.node_id, leader.host, leader.port) == (data.current_leader.leader_id, "127.0.0.1", broker.port)
        assert topic.fetch(0, epoch=1, version=version).node_endpoints == []


@pytest.mark.parametrize(("replica", "code"), [(-2, 0), (-1, 0), (0, 6), (5, 6)])
def test_brokers_without_a_replica_are_not_served_as_consumers(topic: Topic, replica: int, code: int) -> None:
    topic.put(b"a")
    for version in (4, 12, 15, 18):
        asked = topic.request(0)
        asked.replica_id, asked.replica_state = replica, fetch.ReplicaState(replica, -1)
        data = partitions(topic.client.call(fetch, version, asked))[0]
        assert (data.error_code, len(values(data))) == (code, 0 if code else 1), version
        assert (data.current_leader is not None) == (code != 0 and version >= 16)


def test_a_session_by_id_tells_when_its_topic_is_gone_and_when_another_has_its_name(topic: Topic) -> None:
    session = topic.fetch(0, version=13, session=(0, 0)).session_id
    topic.client.call(delete_topics, 5, delete_topics.DeleteTopicsRequest(topic_names=[topic.name], timeout_ms=5000))
    gone = topic.client.call(fetch, 13, topic.request(session=(session, 1)))
    assert partitions(gone)[0].error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    topic.client.call(create_topics, 7, create_topics.CreateTopicsRequest([CreatableTopic(topic.name, 1, 1)], 5000))
    another = topic.client.call(fetch, 13, topic.request(session=(session, 2)))
    assert partitions(another)[0].error_code == ErrorCode.INCONSISTENT_TOPIC_ID
    assert partitions(topic.fetch(0, version=13))[0].error_code == ErrorCode.UNKNOWN_TOPIC_ID, "without a session to know it"


def test_unknown_topics_are_unknown_by_name_or_by_id(topic: Topic) -> None:
    asked = topic.request(0)
    asked.topics[0].topic, asked.topics[0].topic_id = "nowhere", uuid.uuid4().bytes
    assert partitions(topic.client.call(fetch, 12, asked))[0].error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    assert partitions(topic.client.call(fetch, 13, asked))[0].error_code == ErrorCode.UNKNOWN_TOPIC_ID


def test_a_fetch_waits_until_there_is_enough(broker: odradek.Broker, topic: Topic, raw_client: Any) -> None:
    topic.client.send(fetch, 12, topic.request(0, wait=30_000, at_least=250))
    with closing(raw_client()) as other:
        topic.put(bytes(100), client=other)
        topic.put(bytes(100), client=other)
    assert len(values(partitions(topic.client.receive())[0])) == 2


def test_a_fetch_gives_up_waiting_after_max_wait(topic: Topic) -> None:
    started = time.monotonic()
    assert values(partitions(topic.fetch(0, wait=200))[0]) == []
    assert time.monotonic() - started >= 0.19


def test_a_request_behind_a_waiting_fetch_is_done_and_its_answer_waits(topic: Topic) -> None:
    topic.client.send(fetch, 12, topic.request(0, wait=30_000))
    records = build_batch([NewRecord(None, b"x", NOW)])
    data = produce.TopicProduceData(topic.name, partition_data=[produce.PartitionProduceData(0, records)])
    topic.client.send(produce, 9, produce.ProduceRequest(None, 1, 5000, [data]))
    assert values(partitions(topic.client.receive())[0]) == [b"x"], "woken by the produce that came behind it"
    assert topic.client.receive().responses[0].partition_responses[0].base_offset == 0


def test_deleting_a_topic_wakes_who_waits_on_it(topic: Topic, raw_client: Any) -> None:
    topic.client.send(fetch, 12, topic.request(0, wait=30_000))
    with closing(raw_client()) as other:
        other.call(delete_topics, 5, delete_topics.DeleteTopicsRequest(topic_names=[topic.name], timeout_ms=5000))
    assert partitions(topic.client.receive())[0].error_code == ErrorCode.UNKNOWN_TOPIC_OR_PARTITION


def test_a_session_names_only_what_is_new(topic: Topic) -> None:
    topic.put(b"a")
    opened = topic.fetch(0, 0, session=(0, 0))
    assert opened.session_id > 0 and set(partitions(opened)) == {0, 1}
    topic.put(b"b", index=1)
    following = topic.client.call(fetch, 12, topic.request(session=(opened.session_id, 1)))
    assert {index: values(data) for index, data in partitions(following).items()} == {0: [b"a"], 1: [b"b"]}
    changed = topic.client.call(fetch, 12, topic.request(1, 1, session=(opened.session_id, 2)))
    assert partitions(changed) == {}
    lost = topic.client.call(fetch, 12, topic.request(session=(opened.session_id, 9)))
    assert lost.error_code == ErrorCode.INVALID_FETCH_SESSION_EPOCH


def test_many_waiting_clients_are_all_served(topic: Topic, raw_client: Any) -> None:
    clients = [raw_client() for _ in range(30)]
    for each in clients:
        each.send(fetch, 12, topic.request(0, wait=30_000))
    putting = threading.Timer(0.05, lambda: topic.put(b"all"))
    putting.start()
    assert all(values(partitions(each.receive())[0]) == [b"all"] for each in clients)
    putting.join()
    for each in clients:
        each.close()


def test_the_end_of_the_current_leader_epoch_is_the_logs_end(topic: Topic) -> None:
    topic.put(b"a", b"b")
    asked = offset_for_leader_epoch.OffsetForLeaderTopic(
        topic.name, [offset_for_leader_epoch.OffsetForLeaderPartition(0, -1, 0)]
    )
    request = offset_for_leader_epoch.OffsetForLeaderEpochRequest(-1, [asked])
    answer = topic.client.call(offset_for_leader_epoch, 4, request).topics[0].partitions[0]
    assert (answer.error_code, answer.leader_epoch, answer.end_offset) == (0, 0, 2)


def test_a_client_that_asks_and_never_reads_holds_little_memory(topic: Topic, broker: odradek.Broker, raw_client: Any) -> None:
    for _ in range(4):
        topic.put(bytes(900_000))
    with closing(raw_client()) as greedy:
        for _ in range(200):
            greedy.send(fetch, 12, topic.request(0, max_bytes=4 << 20, at_most=4 << 20))
        time.sleep(0.5)
        connections = broker._running.server._connections
        unsent = max(connection._transport.get_write_buffer_size() for connection in connections)
        assert unsent < 10 << 20, "a few answers at most, of 200 that were asked for"
        topic.put(b"others go on")
        assert len(values(partitions(greedy.receive())[0])) == 4
