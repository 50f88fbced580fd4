"""What a topic asks of batches: quick work in the loop's turn, long work aside, and neither beyond the topic's bound."""

from __future__ import annotations

import asyncio

import pytest
from log_house import NOW, Disk, a_log, append, batches, make_batch

from odradek.log.config import LogConfig
from odradek.log.results import NEEDS_ROLL
from odradek.log.transform import NOW_BYTES_MAX, NOW_RECORDS_MAX, transform_now, unpacked_size_max
from odradek.records.batch import parse_header
from odradek.records.compression import Codec
from odradek.records.errors import DecompressedTooLarge, InvalidRecord
from odradek.records.record import read_records

COMPACTED = LogConfig(cleanup_policy=("compact",))


@pytest.mark.parametrize("codec", [Codec.NONE, Codec.GZIP])
@pytest.mark.parametrize(
    ("values", "is_quick"),
    [([b"v"] * NOW_RECORDS_MAX, True), ([b"v"] * (NOW_RECORDS_MAX + 1), False), ([bytes(NOW_BYTES_MAX)], False)],
)
def test_what_is_small_for_certain_is_done_now(codec: Codec, values: list[bytes | None], is_quick: bool):
    batch = make_batch(*values, codec=codec)
    config = LogConfig(cleanup_policy=("compact",), max_message_bytes=2 * NOW_BYTES_MAX)
    assert (transform_now(batch, parse_header(batch), config, NOW) is not None) is is_quick


def test_what_is_done_aside_ends_in_the_log_in_its_turn():
    async def story() -> None:
        async with a_log(Disk(), compression_type="zstd") as house:
            long, short = make_batch(*[b"v"] * 5000, codec=Codec.GZIP), make_batch(b"last", codec=Codec.GZIP)
            await append(house.log, make_batch(b"first"))
            assert house.log.append_now(long, parse_header(long), leader_epoch=0, now_ms=NOW) is NEEDS_ROLL
            results = await asyncio.gather(append(house.log, long), append(house.log, short))
            assert [(result.first_offset, result.last_offset) for result in results] == [(1, 5000), (5001, 5001)]
            stored = await batches(house.log)
            headers = [parse_header(batch) for batch in stored.values()]
            assert {header.codec for header in headers} == {Codec.ZSTD}
            assert len(list(read_records(stored[1], headers[1]))) == 5000

    asyncio.run(story())


def test_what_is_refused_aside_leaves_the_log_as_it_was():
    async def story() -> None:
        async with a_log(Disk(), cleanup_policy=("compact",)) as house:
            with pytest.raises(InvalidRecord, match="5000 records have no key"):
                await append(house.log, make_batch(*[b"v"] * 5000, key=None))
            with pytest.raises(DecompressedTooLarge, match=r"64 times max\.message\.bytes"):
                await append(house.log, make_batch(bytes(70 << 20), codec=Codec.ZSTD))
            assert house.log.log_end_offset == 0

    asyncio.run(story())


@pytest.mark.parametrize(("largest", "bound"), [(1000, 64 << 20), (2 << 20, 128 << 20), (100 << 20, 256 << 20)])
def test_the_bound_follows_the_largest_batch_of_the_topic(largest: int, bound: int):
    assert unpacked_size_max(LogConfig(max_message_bytes=largest)) == bound
