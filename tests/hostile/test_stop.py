"""SIGTERM in the midst of everything: idle connections, long polls, a group being joined, a producer that goes on."""

from __future__ import annotations

import signal
import struct
import threading
from contextlib import ExitStack
from typing import Any

from broker_under_test import MIB, NOW, STOP_SECONDS_MAX, GoodClient, eventually, frame, metric, read_exactly

from odradek.records.record import NewRecord, build_batch
from odradek.wire.messages import fetch, join_group, produce

IDLE, POLLS, MEMBERS = 500, 50, 20


def long_poll() -> bytes:
    part = fetch.FetchPartition(0, fetch_offset=0, partition_max_bytes=MIB)
    topics = [fetch.FetchTopic("quiet", partitions=[part])]
    return frame(fetch, 11, fetch.FetchRequest(max_wait_ms=600_000, min_bytes=1, max_bytes=MIB, topics=topics))


def join() -> bytes:
    protocols = [join_group.JoinGroupRequestProtocol("range", b"")]
    request = join_group.JoinGroupRequest(
        "joined", session_timeout_ms=30_000, rebalance_timeout_ms=600_000, protocol_type="consumer", protocols=protocols
    )
    return frame(join_group, 2, request)


def numbered(number: int) -> bytes:
    data = produce.PartitionProduceData(0, build_batch([NewRecord(b"k", b"%d" % number, NOW)]))
    request = produce.ProduceRequest(None, -1, 30_000, [produce.TopicProduceData("good", partition_data=[data])])
    return frame(produce, 9, request, number)


def test_who_sends_on_and_reads_late_gets_every_answer_to_what_is_stored(start: Any) -> None:
    """A close over bytes that were not read would reset the connection, and drop what its peer has not taken yet."""
    broker = start("odradek.metrics.port=0")
    good = GoodClient(broker)
    sock = broker.connect()
    requests = [numbered(number) for number in range(1000)]

    def send() -> None:
        try:
            while True:
                sock.sendall(b"".join(requests))
        except OSError:
            pass  # the broker has gone

    sender = threading.Thread(target=send)
    sender.start()
    eventually(lambda: metric(broker, 'odradek_requests_total{api="Produce"}') > 3000)
    broker.process.send_signal(signal.SIGTERM)
    answered = 0
    try:
        while True:
            (size,) = struct.unpack(">i", read_exactly(sock, 4))
            read_exactly(sock, size)
            answered += 1
    except ConnectionError:
        pass
    sock.close()
    sender.join(30)
    assert broker.process.wait(STOP_SECONDS_MAX) == 0
    assert "before their answers" not in broker.log()
    good.socket.close()
    assert len(GoodClient(start(), acknowledged=[b"some"]).stored()) == answered


def test_a_stop_with_everything_under_way_is_clean_and_loses_nothing(start: Any) -> None:
    broker = start("odradek.metrics.port=0", "group.initial.rebalance.delay.ms=600000", "socket.listen.backlog.size=1000")
    good, quiet = GoodClient(broker), GoodClient(broker, topic="quiet")
    enough = threading.Event()

    def load() -> None:
        try:
            while good.produce() == 0:
                if len(good.acknowledged) >= 50:
                    enough.set()
        except OSError:
            pass
        enough.set()

    loader = threading.Thread(target=load)
    with ExitStack() as crowd:
        for number in range(IDLE):
            sock = crowd.enter_context(broker.connect())
            if number < POLLS:
                sock.sendall(long_poll())
            elif number < POLLS + MEMBERS:
                sock.sendall(join())
        eventually(lambda: metric(broker, 'odradek_requests_total{api="JoinGroup"}') == MEMBERS)
        eventually(lambda: metric(broker, 'odradek_requests_total{api="Fetch"}') == POLLS)
        loader.start()
        assert enough.wait(30)
        assert broker.stop() == 0
    loader.join(30)
    quiet.socket.close()
    assert (broker.data / ".kafka_cleanshutdown").exists()
    assert "Traceback" not in broker.log()
    stored = GoodClient(start(), acknowledged=good.acknowledged).stored()
    assert stored[: len(good.acknowledged)] == good.acknowledged
    assert len(stored) <= len(good.acknowledged) + 1  # the last one may have been stored and its answer lost
