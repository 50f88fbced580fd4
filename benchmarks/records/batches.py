"""What a broker pays for a batch: microseconds per call, by size, and what the checks that it does *not* make would cost.

`python -m benchmarks.records.batches`: CPU time, seven rounds each. The line "check of all records" answers what the full
check, which Apache Kafka makes for every batch, would cost.
"""

from __future__ import annotations

from functools import partial

from benchmarks.record import at_start, note_result
from benchmarks.timing import microseconds, show

from odradek.base.prng import seeded
from odradek.log.offset_index import OffsetIndex
from odradek.log.producer_state import ProducerState
from odradek.records import batch
from odradek.records.compression import Codec
from odradek.records.recompress import recompress
from odradek.records.record import NewRecord, build_batch, records_block
from odradek.records.record_check import check_records

NOW = 1_795_517_740_155
MAX = 1_048_588


def batch_of(count: int, codec: Codec = Codec.NONE) -> bytearray:
    """`count` records with values of 100 bytes, half noise, so that codecs have something to do."""
    prng = seeded(1)
    values = [prng.randbytes(50) + b"some text that repeats in every record, as logs do" for _ in range(count)]
    return build_batch(
        [NewRecord(b"key-%06d" % i, value, NOW + i) for i, value in enumerate(values)],
        codec=codec,
        producer_id=7,
        producer_epoch=0,
        base_sequence=0,
    )


def header_figures(count: int) -> dict[str, list[float]]:
    """The hot path's steps, for one batch of `count` records."""
    data = batch_of(count)
    view = memoryview(data)
    header = batch.parse_header(data)
    bounds = {"now_ms": NOW, "before_max_ms": 1 << 62, "after_max_ms": 3_600_000}
    return {
        "parse_header": microseconds(lambda: batch.parse_header(view)),
        "check_produced": microseconds(lambda: batch.check_produced(view, max_batch_size=MAX, produce_version=12)),
        "check_timestamps": microseconds(lambda: batch.check_timestamps(view, header, **bounds)),
        "patch": microseconds(lambda: batch.patch(view, 0, 12345, 3)),
        "stamp_append_time": microseconds(lambda: batch.stamp_append_time(data, NOW)),
        "check_stored": microseconds(lambda: batch.check_stored(view, 0)),
        "check of all records (not made)": microseconds(lambda: check_records(records_block(view, header), header)),
    }


def recompress_figures(count: int) -> dict[str, list[float]]:
    """From and to each codec, with the check of all records that it includes."""
    data = batch_of(count)
    header = batch.parse_header(data)
    figures = {}
    for codec in (Codec.GZIP, Codec.SNAPPY, Codec.LZ4, Codec.ZSTD):
        packed = recompress(data, header, codec)
        packed_header = batch.parse_header(packed)
        figures[f"to {codec.label}"] = microseconds(partial(recompress, data, header, codec))
        figures[f"from {codec.label}"] = microseconds(partial(recompress, packed, packed_header, Codec.NONE))
    return figures


def state_figures() -> dict[str, list[float]]:
    """Producer state and index, per batch."""
    state = ProducerState("bench-0")
    header = batch.parse_header(batch_of(1))
    sequence = -1

    def idempotent_append() -> None:
        nonlocal sequence
        sequence = (sequence + 1) & 0x7FFFFFFF
        current = header._replace(base_sequence=sequence)
        state.check(current)
        state.update(current, sequence, NOW)

    replace = min(microseconds(lambda: header._replace(base_sequence=5)))
    index = OffsetIndex(0, 10 << 20)
    for entry in range(1, 250_000):
        index.append(entry * 40, entry * 4096)
    return {
        "producer check and update": [max(0.0, round(value - replace, 3)) for value in microseconds(idempotent_append)],
        "offset lookup in 250,000 entries": microseconds(lambda: index.lookup(4_321_987)),
        "offset lookup at the end": microseconds(lambda: index.lookup(20_000_000)),
    }


def main() -> None:
    at_start()
    figures: dict[str, dict[str, list[float]]] = {}
    for count in (1, 100, 8000):
        figures[f"{count} records, {len(batch_of(count))} bytes"] = header_figures(count)
    figures["recompress 100 records"] = recompress_figures(100)
    figures["state"] = state_figures()
    show(figures)
    note_result("records_batches", {"unit": "us of CPU per call", "figures": figures})


if __name__ == "__main__":
    main()
