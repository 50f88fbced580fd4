"""SIGTERM in the midst of everything: idle connections, long polls, a group being joined, a producer that goes on."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import Any

from broker_under_test import MIB, GoodClient, eventually, frame, metric

from odradek.wire.messages import fetch, join_group

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
