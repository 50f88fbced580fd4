"""Frames out of a stream, however the network cuts it, and what happens to memory that somebody still holds."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odradek.wire.errors import WireError
from odradek.wire.frames import FIRST_SIZE, NEED_DATA, FrameError, FrameSplitter
from odradek.wire.receive_buffers import BUFFER_SIZE, KEEP_SIZE, ReceiveBuffers


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


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_connections_of_one_loop_share_its_memory_and_get_their_own_frames(data: st.DataObject) -> None:
    memory = ReceiveBuffers()
    sizes = st.integers(0, 300) | st.sampled_from([FIRST_SIZE, BUFFER_SIZE - 4, BUFFER_SIZE, 200_000, KEEP_SIZE])
    bodies = [[bytes([data.draw(st.integers(0, 250))]) * data.draw(sizes) for _ in range(5)] for _ in range(3)]
    streams = [memoryview(framed(*each)) for each in bodies]
    splitters = [FrameSplitter(memory=memory) for _ in bodies]
    seen: list[list[memoryview | bytes]] = [[] for _ in bodies]
    while any(streams):
        reader = data.draw(st.sampled_from([i for i, stream in enumerate(streams) if stream]))
        room = splitters[reader].get_buffer()
        piece = streams[reader][: min(len(room), data.draw(st.integers(1, 5000) | st.integers(50_000, 300_000)))]
        room[: len(piece)] = piece
        room.release()
        streams[reader] = streams[reader][len(piece) :]
        splitters[reader].buffer_updated(len(piece))
        if data.draw(st.integers(0, 3)) or not streams[reader]:  # else it is held back: its whole frames wait
            seen[reader] += [frame if data.draw(st.booleans()) else bytes(frame) for frame in drain(splitters[reader])]
    assert [[bytes(frame) for frame in each] for each in seen] == bodies
    assert all(splitter.buffer_size == 0 for splitter in splitters), "a buffer of one's own ends with its frame"


def test_a_connection_that_is_idle_holds_nothing_whatever_came_before() -> None:
    memory = ReceiveBuffers()
    large, small = FrameSplitter(memory=memory), FrameSplitter(memory=memory)
    for size in (100, BUFFER_SIZE, 500_000, KEEP_SIZE + 1):
        large.feed(framed(b"x" * size))
        assert len(drain(large)) == 1
        assert large.buffer_size == 0
        small.feed(framed(b"y"))
        assert drain_one(small) == b"y"


def test_what_is_unfinished_stays_in_the_common_buffer_until_somebody_else_reads() -> None:
    memory = ReceiveBuffers()
    slow, other = FrameSplitter(memory=memory), FrameSplitter(memory=memory)
    slow.feed(framed(b"begun")[:6])
    assert slow.buffer_size == 0
    other.feed(framed(b"y"))
    assert slow.buffer_size == len(framed(b"begun"))
    slow.feed(framed(b"begun")[6:])
    assert (drain_one(slow), drain_one(other)) == (b"begun", b"y")


def test_a_buffer_of_its_own_is_filled_to_the_frames_end_and_not_further() -> None:
    memory = ReceiveBuffers()
    splitter, other = FrameSplitter(memory=memory), FrameSplitter(memory=memory)
    splitter.feed(framed(b"x" * 10_000)[:100])
    other.get_buffer()
    assert len(splitter.get_buffer()) == 10_004 - 100


def test_memory_grows_with_what_came_not_with_what_was_announced() -> None:
    memory = ReceiveBuffers()
    splitter, other = FrameSplitter(memory=memory), FrameSplitter(memory=memory)
    splitter.feed((50_000_000).to_bytes(4, "big") + b"x" * 100)
    other.get_buffer()
    assert splitter.buffer_size == FIRST_SIZE
    splitter.feed(b"x" * 1_000_000)
    assert splitter.buffer_size <= 4 * 1_000_104


def test_large_frames_one_after_the_other_use_one_buffer() -> None:
    memory = ReceiveBuffers()
    splitter = FrameSplitter(memory=memory)
    seen = set()
    for _ in range(5):
        splitter.feed(framed(b"x" * 500_000))
        seen.add(id(drain(splitter)[0].obj))
    assert len(seen) == 1
    assert memory.kept_size == 500_004


def test_a_stream_that_ends_gives_its_memory_back_and_its_frames_stay() -> None:
    memory = ReceiveBuffers()
    splitter, other = FrameSplitter(memory=memory), FrameSplitter(memory=memory)
    splitter.feed(framed(b"held") + b"\0\0")
    (held,) = drain(splitter)
    splitter.close()
    other.feed(framed(b"other" * 100))
    assert bytes(held) == b"held"
    other.feed((1_000_000).to_bytes(4, "big") + b"x" * 500_000)
    assert other.buffer_size
    other.close()
    assert (other.buffer_size, other.pending_bytes) == (0, 0)
    assert bytes(held) == b"held"


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
