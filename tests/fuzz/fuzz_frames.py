"""Fuzz the frame splitter: a stream cut in any way gives the frames of a dumb model, or a `WireError` where the model has one.

    python tests/fuzz/fuzz_frames.py [--seconds 60] [--seed 1]      our own mutator
    python tests/fuzz/fuzz_frames.py --atheris [libFuzzer options]  coverage-guided, where atheris is installed

An input is: size of the pieces (byte, 0: all at once), which frames to hold on to (byte, as bits), then the stream.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from wire_mutator import main

from odradek.wire.errors import WireError
from odradek.wire.frames import NEED_DATA, FrameSplitter

LIMIT = 100_000


def model(stream: bytes) -> tuple[list[bytes], bool]:
    """The frames, and whether a bad length ends them."""
    frames, position = [], 0
    while position + 4 <= len(stream):
        size = int.from_bytes(stream[position : position + 4], "big", signed=True)
        if not 0 <= size <= LIMIT:
            return frames, True
        if position + 4 + size > len(stream):
            break
        frames.append(stream[position + 4 : position + 4 + size])
        position += 4 + size
    return frames, False


def one_input(data: bytes) -> None:
    """Try one input; any exception that leaves here is a finding."""
    if len(data) < 2:
        return
    piece, held, stream = data[0] or len(data), data[1], data[2:]
    splitter = FrameSplitter(LIMIT)
    frames: list[memoryview | bytes] = []
    failed = False
    for start in range(0, len(stream), piece):
        splitter.feed(stream[start : start + piece])
        try:
            while (frame := splitter.next_frame()) is not NEED_DATA:
                frames.append(frame if held >> len(frames) % 8 & 1 else bytes(frame))
        except WireError:
            failed = True
            break
    expected = model(stream)
    if ([bytes(frame) for frame in frames], failed) != expected:
        raise AssertionError(f"{frames}, failed={failed}, but the model says {expected}")


def seeds() -> list[bytes]:
    """Streams of small and of large frames, and what is no stream."""
    small = b"".join(len(body).to_bytes(4, "big") + body for body in (b"", b"a", b"bc" * 40))
    large = (70_000).to_bytes(4, "big") + bytes(70_000)
    return [b"\x01\x55" + small, b"\x07\xff" + small * 5, b"\x00\x0f" + large + small, b"\x00\x00\x16\x03\x01\x02\x00"]


if __name__ == "__main__":
    main(one_input, seeds())
