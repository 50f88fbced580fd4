"""The codecs: round trips, bounds, damage, and the framings that other clients write."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable
from struct import pack

import cramjam
import lz4.frame
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from odradek.records.compression import Codec, compress, decompress
from odradek.records.errors import DecompressedTooLarge, InvalidRecord, UnsupportedCompressionType

PACKED = [codec for codec in Codec if codec is not Codec.NONE]
TEXT = b"".join(b"line %d of a log that repeats itself\n" % (index % 97) for index in range(5000))


@given(st.sampled_from(Codec), st.binary(max_size=2000), st.integers(1, 100))
def test_round_trip(codec: Codec, data: bytes, times: int) -> None:
    assert decompress(codec, compress(codec, data * times)) == data * times


@pytest.mark.parametrize("codec", PACKED)
def test_every_buffer_will_do(codec: Codec) -> None:
    packed = compress(codec, memoryview(bytearray(TEXT)))
    for buffer in (packed, bytearray(packed), memoryview(packed)):
        assert decompress(codec, buffer) == TEXT


@pytest.mark.parametrize(
    ("codec", "level"),
    [(Codec.GZIP, level) for level in (-1, 1, 3, 6, 9)]
    + [(Codec.LZ4, level) for level in (1, 9, 12)]
    + [(Codec.ZSTD, level) for level in (-5, 1, 19)],
)
def test_every_level_is_readable(codec: Codec, level: int) -> None:
    assert decompress(codec, compress(codec, TEXT, level)) == TEXT


@pytest.mark.parametrize("codec", PACKED)
def test_the_limit_is_exact(codec: Codec) -> None:
    packed = compress(codec, TEXT)
    assert decompress(codec, packed, limit=len(TEXT)) == TEXT
    with pytest.raises(DecompressedTooLarge, match=rf"more than {len(TEXT) - 1} bytes"):
        decompress(codec, packed, limit=len(TEXT) - 1)


@pytest.mark.parametrize("codec", [Codec.GZIP, Codec.LZ4, Codec.ZSTD])
def test_the_limit_holds_over_all_frames(codec: Codec) -> None:
    frame = compress(codec, TEXT)
    assert decompress(codec, frame * 3) == TEXT * 3
    with pytest.raises(DecompressedTooLarge):
        decompress(codec, frame * 3, limit=3 * len(TEXT) - 1)


@pytest.mark.parametrize("codec", [Codec.GZIP, Codec.LZ4, Codec.ZSTD])
def test_a_batch_has_a_bounded_number_of_frames(codec: Codec) -> None:
    frame = compress(codec, b"a")
    assert decompress(codec, frame * 1000) == b"a" * 1000
    with pytest.raises(InvalidRecord, match="more than 1000 frames"):
        decompress(codec, frame * 1001)


@pytest.mark.parametrize("codec", PACKED)
def test_a_bomb_is_stopped(codec: Codec) -> None:
    bomb = compress(codec, bytes(64 << 20))
    with pytest.raises(DecompressedTooLarge):
        decompress(codec, bomb, limit=1 << 20)


def test_a_small_snappy_block_may_not_claim_gigabytes() -> None:
    with pytest.raises(DecompressedTooLarge):
        decompress(Codec.SNAPPY, b"\xff\xff\xff\xff\x07" + b"\x00a")


@pytest.mark.parametrize("codec", PACKED)
def test_a_cut_block_is_invalid(codec: Codec) -> None:
    packed = compress(codec, TEXT)
    whole_chunks = (
        {16} if codec is Codec.SNAPPY else set()
    )  # xerial framing has no end mark: a cut between chunks shows nothing
    for end in [*range(24), *range(24, len(packed), 997), len(packed) - 1]:
        if end not in whole_chunks:
            with pytest.raises(InvalidRecord):
                decompress(codec, packed[:end])


@pytest.mark.parametrize("codec", PACKED)
def test_garbage_behind_a_block_is_invalid(codec: Codec) -> None:
    with pytest.raises(InvalidRecord):
        decompress(codec, compress(codec, TEXT) + b"garbage")


@given(st.sampled_from(PACKED), st.binary(max_size=200))
def test_garbage_is_invalid_or_bounded(codec: Codec, data: bytes) -> None:
    try:
        assert len(decompress(codec, data, limit=1 << 16)) <= 1 << 16
    except (InvalidRecord, DecompressedTooLarge):
        pass


@given(st.sampled_from(PACKED), st.data())
def test_a_flipped_byte_never_escapes(codec: Codec, data: st.DataObject) -> None:
    packed = bytearray(compress(codec, TEXT[:3000]))
    position = data.draw(st.integers(0, len(packed) - 1))
    packed[position] ^= data.draw(st.integers(1, 255))
    try:
        decompress(codec, packed, limit=1 << 20)
    except (InvalidRecord, DecompressedTooLarge):
        pass


@pytest.mark.parametrize("number", [-1, 5, 7])
def test_unknown_codecs_are_named(number: int) -> None:
    with pytest.raises(UnsupportedCompressionType, match=f"codec {number} "):
        decompress(number, b"")


def test_snappy_is_read_raw_as_librdkafka_writes_it_and_framed_as_java_does() -> None:
    raw = bytes(cramjam.snappy.compress_raw(TEXT))
    assert decompress(Codec.SNAPPY, raw) == TEXT
    half = len(TEXT) // 2
    blocks = [bytes(cramjam.snappy.compress_raw(part)) for part in (TEXT[:half], TEXT[half:])]
    framed = b"\x82SNAPPY\x00" + pack(">ii", 1, 1) + b"".join(pack(">i", len(block)) + block for block in blocks)
    assert decompress(Codec.SNAPPY, framed) == TEXT


def test_lz4_frames_have_independent_blocks_since_java_refuses_others() -> None:
    info = lz4.frame.get_frame_info(compress(Codec.LZ4, TEXT))
    assert (info["block_linked"], info["block_size_id"], info["content_size"]) == (False, lz4.frame.BLOCKSIZE_MAX64KB, 0)


@pytest.mark.parametrize(
    ("codec", "make"),
    [
        (Codec.GZIP, gzip.compress),
        (Codec.LZ4, lz4.frame.compress),
        (Codec.LZ4, lambda data: lz4.frame.compress(data, content_checksum=True, block_checksum=True, store_size=True)),
        (Codec.ZSTD, zstandard.ZstdCompressor(write_content_size=False, write_checksum=True).compress),
    ],
)
def test_other_writers_frames_are_read_one_or_several(codec: Codec, make: Callable[[bytes], bytes]) -> None:
    assert decompress(codec, make(TEXT)) == TEXT
    assert decompress(codec, make(TEXT) + make(b"and more")) == TEXT + b"and more"


def test_zstd_works_in_many_threads_at_once() -> None:
    failures: list[object] = []

    def work(seed: int) -> None:
        data = bytes([seed]) * 50_000
        for _ in range(20):
            if decompress(Codec.ZSTD, compress(Codec.ZSTD, data)) != data:
                failures.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
