"""A batch under the topic's codec: the same records, the same header but for codec, length and checksum."""

from __future__ import annotations

import pytest

from odradek.records.batch import HEADER_SIZE, check_produced, parse_header
from odradek.records.compression import Codec
from odradek.records.errors import DecompressedTooLarge, InvalidRecord, UnsupportedCompressionType
from odradek.records.recompress import recompress
from odradek.records.record import NewRecord, build_batch, read_records, with_block
from odradek.records.record_check import RecordRules

RECORDS = [NewRecord(b"key %d" % i, b"value" * 20, 1_700_000_000_000 + i, (("h", b"x"),)) for i in range(50)]


@pytest.mark.parametrize("source", Codec)
@pytest.mark.parametrize("target", Codec)
def test_from_every_codec_to_every_other(source: Codec, target: Codec) -> None:
    data = build_batch(RECORDS, codec=source, producer_id=9, producer_epoch=1, base_sequence=100)
    header = parse_header(data)
    changed = recompress(data, header, target)
    now = check_produced(changed, max_batch_size=1 << 20, produce_version=12)
    assert now.codec == target
    assert now._replace(batch_length=0, crc=0, attributes=0) == header._replace(batch_length=0, crc=0, attributes=0)
    assert list(read_records(changed, now)) == list(read_records(data, header))
    if source == target:
        assert changed is data, "nothing to change, nothing to copy"


def test_the_producers_codec_passes_untouched_and_unread() -> None:
    data = with_block(build_batch(RECORDS), b"not gzip at all", Codec.GZIP)
    assert recompress(data, parse_header(data), None) is data
    with pytest.raises(InvalidRecord):
        recompress(data, parse_header(data), Codec.ZSTD)


@pytest.mark.parametrize("codec", Codec)
def test_a_compacted_topic_wants_keys_whatever_the_codec(codec: Codec) -> None:
    keyed = build_batch(RECORDS, codec=codec)
    assert recompress(keyed, parse_header(keyed), None, rules=RecordRules(require_keys=True)) is keyed
    keyless = build_batch([*RECORDS, NewRecord(None, b"value")], codec=codec)
    with pytest.raises(InvalidRecord, match="the first is record 50"):
        recompress(keyless, parse_header(keyless), None, rules=RecordRules(require_keys=True))


def test_records_that_do_not_add_up_are_refused() -> None:
    data = build_batch(RECORDS)
    shortened = with_block(data, bytes(data[HEADER_SIZE:-7]), Codec.NONE)
    with pytest.raises(InvalidRecord):
        recompress(shortened, parse_header(shortened), Codec.LZ4)


def test_a_bomb_is_stopped_and_an_unknown_codec_named() -> None:
    bomb = build_batch([NewRecord(b"k", bytes(1 << 20))], codec=Codec.ZSTD)
    with pytest.raises(DecompressedTooLarge):
        recompress(bomb, parse_header(bomb), Codec.GZIP, limit=1 << 16)
    with pytest.raises(UnsupportedCompressionType):
        recompress(bomb, parse_header(bomb), 6)


def test_the_level_counts() -> None:
    data = build_batch(RECORDS)
    sizes = [len(recompress(data, parse_header(data), Codec.GZIP, level)) for level in (1, 9)]
    assert sizes[0] > sizes[1]
