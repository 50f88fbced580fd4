"""Frames out of a stream, however the network cuts it, and what happens to memory that somebody still holds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odradek.wire.errors import WireError
from odradek.wire.frames import BUFFER_SIZE, KEEP_SIZE, NEED_DATA, FrameError, FrameSplitter


def framed(*bodies: bytes) -> bytes:
    return b"".join(len(body).to_bytes(4, "big") + body for body in bodies)


def drain(splitter: FrameSplitter) -> list[memoryview]:
    frames = []
    while (frame := splitter.next_frame()) is not NEED_DATA:
        frames.append(frame)
    return frames


def test_a_frame_comes_out_when_its_last_byte_is_in() -> None:
    splitter = FrameSplitter()
    stream = framed(b"hello")
    for byte in stream[:-1]:
        splitter.feed(bytes([byte]))
        assert splitter.next_frame() is NEED_DATA
    splitter.feed(stream[-1:])
    assert drain(splitter) == [b"hello"]
    assert splitter.pending_bytes == 0


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.integers(0, 300) | st.sampled_from([BUFFER_SIZE - 4, BUFFER_SIZE, 200_000]), max_size=15),
    st.lists(st.integers(50, 5000) | st.just(70_000), min_size=1, max_size=20),
    st.lists(st.booleans(), min_size=1, max_size=10),
)
def test_any_frames_in_any_pieces_held_or_let_go(sizes: list[int], pieces: list[int], holds: list[bool]) -> None:
    bodies = [bytes([i % 251]) * size for i, size in enumerate(sizes)]
    stream = framed(*bodies)
    splitter = FrameSplitter()
    seen: list[memoryview | bytes] = []
    position = turn = 0
    while position < len(stream):
        piece = stream[position : position + pieces[turn % len(pieces)]]
        splitter.feed(piece)
        for frame in drain(splitter):
            seen.append(frame if holds[len(seen) % len(holds)] else bytes(frame))
        position += len(piece)
        turn += 1
    assert [bytes(frame) for frame in seen] == bodies


def test_the_socket_side_writes_in_place_and_frames_are_views() -> None:
    splitter = FrameSplitter()
    stream = framed(b"one", b"two")
    target = splitter.get_buffer()
    target[: len(stream)] = stream
    splitter.buffer_updated(len(stream))
    one, two = drain(splitter)
    assert one.obj is two.obj is target.obj


def test_a_held_frame_is_never_written_over() -> None:
    splitter = FrameSplitter()
    splitter.feed(framed(b"a" * 1000))
    (held,) = drain(splitter)
    for _ in range(1000):
        splitter.feed(framed(b"b" * 1000))
        drain(splitter)
    assert held == b"a" * 1000


def test_a_buffer_without_held_frames_is_used_again() -> None:
    splitter = FrameSplitter()
    backing = splitter.get_buffer().obj
    for _ in range(1000):
        splitter.feed(framed(b"b" * 1000))
        drain(splitter)
    assert splitter.get_buffer().obj is backing


def test_memory_grows_with_what_came_not_with_what_was_announced() -> None:
    splitter = FrameSplitter()
    splitter.feed((50_000_000).to_bytes(4, "big") + b"x" * 100)
    assert splitter.buffer_size == BUFFER_SIZE
    splitter.feed(b"x" * 1_000_000)
    assert splitter.buffer_size <= 4 * 1_000_104


def test_after_a_huge_frame_an_idle_connection_is_small_again() -> None:
    splitter = FrameSplitter()
    splitter.feed(framed(b"x" * (KEEP_SIZE + 1)))
    assert len(drain(splitter)) == 1
    splitter.feed(framed(b"y"))
    assert splitter.buffer_size == BUFFER_SIZE


def test_large_frames_keep_their_buffer_until_small_ones_come() -> None:
    splitter = FrameSplitter()
    for _ in range(3):
        splitter.feed(framed(b"x" * 500_000))
        drain(splitter)
        assert splitter.buffer_size == 500_004
    for _ in range(2):
        splitter.feed(framed(b"y"))
        drain(splitter)
    splitter.get_buffer()
    assert splitter.buffer_size == BUFFER_SIZE


def test_a_frame_of_exactly_the_limit_passes_and_one_byte_more_does_not() -> None:
    splitter = FrameSplitter(max_frame_size=10)
    splitter.feed(framed(b"x" * 10))
    assert drain(splitter) == [b"x" * 10]
    splitter.feed((11).to_bytes(4, "big"))
    with pytest.raises(FrameError, match=r"11 .*limit of 10 bytes \(socket.request.max.bytes\)"):
        splitter.next_frame()


def test_an_empty_frame_is_a_frame() -> None:
    splitter = FrameSplitter()
    splitter.feed(framed(b"", b"x"))
    assert drain(splitter) == [b"", b"x"]


@pytest.mark.parametrize(
    ("first_bytes", "said"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", "TLS"),
        (b"GET / HTTP/1.1\r\n", "HTTP request .GET"),
        (b"POST /topics HTTP/1.1\r\n", "HTTP request .POST"),
        (b"\xff\xff\xff\xff", "-1 is negative"),
    ],
)
def test_what_is_not_kafka_is_called_by_its_name(first_bytes: bytes, said: str) -> None:
    splitter = FrameSplitter()
    splitter.feed(first_bytes)
    with pytest.raises(WireError, match=said):
        splitter.next_frame()


def test_bytes_that_look_like_tls_later_on_are_only_a_bad_length() -> None:
    splitter = FrameSplitter()
    splitter.feed(framed(b"fine") + b"\x16\x03\x01\x02")
    assert drain_one(splitter) == b"fine"
    with pytest.raises(FrameError, match="369295618 is above the limit"):
        splitter.next_frame()


def drain_one(splitter: FrameSplitter) -> bytes:
    frame = splitter.next_frame()
    assert frame is not NEED_DATA
    return bytes(frame)
