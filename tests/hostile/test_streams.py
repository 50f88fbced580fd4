"""Byte streams that are no requests: each is closed with a logged reason, and costs the others nothing."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from broker_under_test import MIB, GoodClient, is_closed

from odradek.base.prng import seeded

CLIENT = struct.pack(">h", 1) + b"c"


def framed(body: bytes) -> bytes:
    return struct.pack(">i", len(body)) + body


STREAMS = {
    "negative length": (b"\xff\xff\xff\xff", "negative"),
    "huge length": (b"\x7f\xff\xff\xff", "socket.request.max.bytes"),
    "TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64), "TLS"),
    "HTTP": (b"GET / HTTP/1.1\r\nHost: here\r\n\r\n", "HTTP"),
    "empty frame": (framed(b""), "bad request"),
    "half a header": (framed(b"\x00\x03\x00"), "bad request"),
    "unknown key": (framed(struct.pack(">hhi", 30_000, 0, 1) + CLIENT), "30000"),
    "unknown version": (framed(struct.pack(">hhi", 3, 999, 1) + CLIENT + b"\x00"), "Metadata version 999"),
    "client id not UTF-8": (framed(struct.pack(">hhih", 3, 1, 1, 2) + b"\xff\xfe" + bytes(4)), "bad request"),
    "topic not UTF-8": (framed(struct.pack(">hhi", 3, 1, 1) + CLIENT + struct.pack(">ih", 1, 2) + b"\xff\xfe"), "malformed"),
    "more elements than bytes": (framed(struct.pack(">hhi", 3, 1, 1) + CLIENT + struct.pack(">i", 2**31 - 1)), "Metadata"),
}


def test_streams_that_are_no_requests_are_closed_with_a_reason(start: Any) -> None:
    broker = start()
    good = GoodClient(broker)
    for name, (stream, reason) in STREAMS.items():
        before = len(broker.log())
        with broker.connect() as bad:
            bad.sendall(stream)
            assert is_closed(bad), name
        assert reason in broker.log()[before:], (name, broker.log()[before:])
        assert good.produce() == 0, name
    good.check_intact()
    assert "Traceback" not in broker.log()


def test_garbage(start: Any) -> None:
    broker, prng = start("socket.request.max.bytes=1048576"), seeded(20)
    good = GoodClient(broker)
    before = broker.memory()
    for _ in range(100):
        with broker.connect() as bad:
            garbage = prng.randbytes(prng.randrange(1, 3000))
            bad.sendall(framed(garbage) if prng.randrange(2) else garbage)
        assert good.produce() == 0
    good.check_intact()
    assert broker.memory() - before < 50 * MIB
    assert "Traceback" not in broker.log()


@pytest.mark.parametrize(("knob", "api_key"), [("socket.request.max.bytes", 0), ("odradek.request.other.max.bytes", 3)])
def test_a_frame_one_byte_above_its_limit(start: Any, knob: str, api_key: int) -> None:
    broker = start(f"{knob}=200000")
    good = GoodClient(broker)
    for size, named in ((200_000, False), (200_001, True)):
        before = len(broker.log())
        with broker.connect() as bad:
            head = struct.pack(">hhi", api_key, 3, 1) + CLIENT + struct.pack(">h", -1)
            bad.sendall(framed(head + b"\x7f" * (size - len(head))))
            assert is_closed(bad)
        assert (knob in broker.log()[before:]) is named
    good.check_intact()


def test_large_frames_begun_and_never_ended_hold_no_more_than_was_sent(start: Any) -> None:
    broker = start()
    good = GoodClient(broker)
    before = broker.memory()
    begun = [broker.connect() for _ in range(200)]
    for sock in begun:
        sock.sendall(struct.pack(">i", 90 * MIB) + bytes(1000))
    good.check_intact()
    assert broker.memory() - before < 200 * MIB
    for sock in begun:
        sock.close()
    good.check_intact()
