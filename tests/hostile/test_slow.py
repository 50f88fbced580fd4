"""Peers that are slow, silent or gone: each costs a bounded amount of memory, is ended with a reason, and delays nobody."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from broker_under_test import MIB, GoodClient, call, eventually, frame, is_closed, metric, read_exactly

from odradek.wire.headers import decode_response_header
from odradek.wire.messages import api_versions, fetch, metadata

IDLE = "connections.max.idle.ms=1500"


def fill(client: GoodClient, mebibytes: int) -> None:
    for _ in range(mebibytes):
        assert client.produce(MIB - 2000) == 0


def ask_for_all(topic: str, size: int = 50 * MIB) -> bytes:
    part = fetch.FetchPartition(0, fetch_offset=0, partition_max_bytes=size)
    topics = [fetch.FetchTopic(topic, partitions=[part])]
    return frame(fetch, 11, fetch.FetchRequest(max_wait_ms=0, min_bytes=0, max_bytes=size, topics=topics))


def test_a_request_that_comes_byte_by_byte_is_answered(start: Any) -> None:
    broker = start()
    good = GoodClient(broker)
    with broker.connect() as slow:
        slow.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in frame(api_versions, 3, api_versions.ApiVersionsRequest("slow", "1")):
            slow.sendall(bytes((byte,)))
            assert good.produce() == 0
        (size,) = struct.unpack(">i", read_exactly(slow, 4))
        body = read_exactly(slow, size)
        assert decode_response_header(body, api_versions.API_KEY, 3)[0] == 1
    good.check_intact()


def test_a_header_and_then_silence_is_closed_as_idle(start: Any) -> None:
    broker = start(IDLE)
    good = GoodClient(broker)
    request = frame(metadata, 9, metadata.MetadataRequest())
    begun = [broker.connect() for _ in range(20)]
    for number, sock in enumerate(begun):
        sock.sendall((struct.pack(">i", 50 * MIB) + request[4:]) if number % 2 else request[:3])
    while broker.log().count("why=idle") < len(begun):
        assert good.produce() == 0  # who asks now and then is not idle
        time.sleep(0.05)
    for sock in begun:
        assert is_closed(sock)
        sock.close()
    assert "connections.max.idle.ms" in broker.log()
    good.check_intact()


def test_who_asks_for_much_and_reads_nothing_costs_no_more_than_the_limit_and_is_ended(start: Any) -> None:
    broker = start("odradek.memory.unsent.bytes=33554432", "odradek.metrics.port=0", "connections.max.idle.ms=3000")
    good = GoodClient(broker)
    fill(good, 50)
    before = broker.memory()
    with ExitStack() as stack:
        silent = [stack.enter_context(broker.connect()) for _ in range(40)]
        for sock in silent:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
            sock.sendall(ask_for_all("good") * 20)
            assert good.produce() == 0
        # Without a limit: 40 times 50 MiB. With it: 32 MiB, the answer that passes it, and what 40 connections hold below
        # their own mark.
        eventually(lambda: metric(broker, 'odradek_requests_total{api="Fetch"}') >= len(silent))
        assert broker.memory("VmHWM") - before < 160 * MIB
        eventually(lambda: good.produce() == 0 and "why=idle" in broker.log())
    eventually(lambda: metric(broker, "odradek_connections") == 1)
    good.check_intact()


def test_a_fetch_is_answered_whole_while_somebody_else_reads_slowly(start: Any) -> None:
    broker = start("odradek.memory.unsent.bytes=33554432")
    good = GoodClient(broker)
    fill(good, 20)
    with broker.connect() as slow:
        slow.sendall(ask_for_all("good"))
        good.check_intact()
        (size,) = struct.unpack(">i", read_exactly(slow, 4))
        assert size > 19 * MIB and len(read_exactly(slow, size)) == size, "slow is not lost"
    good.check_intact()


def test_answers_behind_a_slow_one_are_not_piled_up(start: Any) -> None:
    """A long poll first, then fetches that could be answered at once: their answers have to wait for its answer."""
    broker = start("odradek.memory.unsent.bytes=67108864")
    good, other = GoodClient(broker), GoodClient(broker, topic="quiet")
    fill(good, 30)
    part = fetch.FetchPartition(0, fetch_offset=0, partition_max_bytes=MIB)
    topics = [fetch.FetchTopic("quiet", partitions=[part])]
    poll = frame(fetch, 11, fetch.FetchRequest(max_wait_ms=3_000_000, min_bytes=1, max_bytes=MIB, topics=topics))
    before = broker.memory()
    with ExitStack() as stack:
        for _ in range(10):
            sock = stack.enter_context(broker.connect())
            sock.sendall(poll + ask_for_all("good") * 90)
            assert good.produce() == 0
        good.check_intact()
        assert broker.memory("VmHWM") - before < 200 * MIB  # without a limit: 10 times 90 times 30 MiB
        other.check_intact()
    good.check_intact()


STOPPED_PEER = """
import socket, sys
sock = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
sock.sendall(bytes.fromhex(sys.argv[2]))
print("asked", flush=True)
sock.recv(1)
sys.stdin.read()
"""


def test_a_peer_that_stands_still_is_closed_as_idle_though_its_kernel_still_answers(start: Any) -> None:
    broker = start(IDLE)
    good = GoodClient(broker)
    fill(good, 20)
    command = [sys.executable, "-c", STOPPED_PEER, str(broker.port), ask_for_all("good").hex()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE) as peer:
        try:
            assert peer.stdout is not None and peer.stdout.readline() == b"asked\n"
            os.kill(peer.pid, signal.SIGSTOP)
            while "why=idle" not in broker.log():
                assert good.produce() == 0
                time.sleep(0.05)
        finally:
            peer.kill()
    good.check_intact()


def test_peers_that_reset_in_the_midst_of_everything(start: Any) -> None:
    broker = start("odradek.metrics.port=0")
    good = GoodClient(broker)
    fill(good, 5)
    for number in range(60):
        with broker.connect() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            request = ask_for_all("good")
            sock.sendall((request, request[:7], request + request[:20])[number % 3])
            if number % 2 and number % 3 != 1:  # where there is an answer to come
                sock.recv(1)
        assert good.produce() == 0
    eventually(lambda: metric(broker, "odradek_connections") == 1)
    assert metric(broker, "odradek_request_memory_bytes") == 0
    good.check_intact()
    assert "Traceback" not in broker.log()


def test_connections_are_kept_alive_as_kafka_does(start: Any) -> None:
    """A peer that vanished without a word is found by TCP's keepalive, even where a long poll holds its connection."""
    broker = start()
    with broker.connect() as sock:
        call(sock, api_versions, 3, api_versions.ApiVersionsRequest("alive", "1"))
        ends = f":{broker.port:04X}", f":{sock.getsockname()[1]:04X}"
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
        (row,) = [row for row in rows if (row[1][8:], row[2][8:]) == ends]
        assert row[5].startswith("02:")  # proc(5) calls the column `tr`; 2 is the keepalive timer
