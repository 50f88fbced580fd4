#!/usr/bin/env python3
"""A fuzz target for all that reads a record batch or a file of the log: `fuzz_batches.py [--seconds N | --runs N] [--seed S]`.

The contract under test, for any bytes whatever: a reader either returns something consistent or raises its own named error,
within bounded memory. Anything else (another exception, a batch that is accepted and then reads differently) is a find; its
bytes are written to a file, which can be given as an argument to try it again.

atheris (coverage-guided) drives it when installed; `--engine own` and machines without it use a plain mutator over the same
seeds. The first byte of an input picks the target, so that one run covers them all.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from odradek.base.clock import Clock, SystemClock
from odradek.base.prng import Prng, seeded
from odradek.log import (
    checkpoints,
    clean_shutdown,
    epoch_cache,
    index_entries,
    meta_properties,
    offset_index,
    partition_metadata,
    producer_snapshot,
    time_index,
)
from odradek.records import batch, control, errors, record, record_check
from odradek.records.compression import Codec
from odradek.records.recompress import recompress

LIMIT = 1 << 20
PRINTED_MAX = 1000  # bytes of a find that are printed too: the file is gone with the machine that CI ran on


def produced(data: bytes) -> None:
    """A produced batch: refused by name, or sound by the stored batch's rules too."""
    try:
        header = batch.check_produced(data, max_batch_size=LIMIT, produce_version=12)
    except errors.RecordsError:
        return
    assert batch.check_stored(data).verdict is batch.Verdict.WHOLE
    assert header.size == len(data) and header.record_count == header.last_offset_delta + 1 > 0


def produced_with_good_checksum(data: bytes) -> None:
    """The same past the checksum: header and records are senseless, length and CRC are right."""
    if len(data) < batch.HEADER_SIZE:
        return
    mended = bytearray(data)
    record.seal(mended)
    produced(bytes(mended))
    header = batch.parse_header(mended)
    try:
        read = list(record.read_records(mended, header, limit=LIMIT))
        record_check.check_records(record.records_block(mended, header, limit=LIMIT), header)
    except errors.RecordsError:
        return
    for codec in Codec:
        packed = recompress(mended, header, codec, limit=LIMIT)
        packed_header = batch.parse_header(packed)
        assert list(record.read_records(packed, packed_header, limit=LIMIT)) == read, codec
    _only(errors.RecordsError, lambda: control.read_marker(mended, header))


def stored(data: bytes) -> None:
    """A log file's bytes: judged without an exception; walking ends, with progress at every step."""
    judged = batch.check_stored(data, max_batch_size=LIMIT)
    assert judged.verdict is not batch.Verdict.WHOLE or judged.size <= len(data)
    before = -1
    try:
        for position, header in batch.scan(data):
            assert position > before and position + header.size <= len(data)
            before = position
    except errors.CorruptMessage:
        pass


def blocks(data: bytes) -> None:
    """A compressed block of each codec: unpacked within the limit, or refused by name."""
    for codec in Codec:
        _only(errors.RecordsError, lambda codec=codec: _bounded(codec, data))


def _bounded(codec: Codec, data: bytes) -> None:
    from odradek.records.compression import decompress

    assert len(decompress(codec, data, limit=LIMIT)) <= LIMIT


def indexes(data: bytes) -> None:
    """Index files: corrupt, or searchable without an exception."""

    def offsets() -> None:
        index = offset_index.OffsetIndex.load(1000, data, LIMIT, log_size=1 << 31)
        index.lookup(1010)
        index.upper_bound(4096)
        list(index.faults())
        index.truncate_to(1005)

    def times() -> None:
        index = time_index.TimeIndex.load(1000, data, LIMIT)
        index.lookup(1_700_000_000_000)
        list(index.faults())
        index.truncate_to(1005)

    _only(index_entries.CorruptIndex, offsets)
    _only(index_entries.CorruptIndex, times)


def small_files(data: bytes) -> None:
    """Checkpoints, metadata and snapshots: what is readable is written back the same."""

    def snapshot() -> None:
        assert producer_snapshot.encode(producer_snapshot.decode(data)) is not None

    def offsets() -> None:
        found = checkpoints.decode_offsets(data)
        assert checkpoints.decode_offsets(checkpoints.encode_offsets(found)) == found

    def epochs() -> None:
        found = epoch_cache.EpochCache.decode(data)
        assert epoch_cache.EpochCache.decode(found.encode()).entries == found.entries

    _only(producer_snapshot.CorruptSnapshot, snapshot)
    _only(checkpoints.CorruptCheckpoint, offsets)
    _only(checkpoints.CorruptCheckpoint, epochs)
    _only(partition_metadata.CorruptPartitionMetadata, lambda: partition_metadata.decode(data))
    _only(meta_properties.CorruptMetaProperties, lambda: meta_properties.decode(data))
    clean_shutdown.decode(data)


def _only(allowed: type[Exception], read: Callable[[], object]) -> None:
    try:
        read()
    except allowed:
        pass


TARGETS = (produced, produced_with_good_checksum, stored, blocks, indexes, small_files)


def target(data: bytes) -> None:
    if data:
        TARGETS[data[0] % len(TARGETS)](data[1:])


def seeds() -> Iterator[bytes]:
    """Good inputs to start from: every target with something that it accepts."""
    records = [record.NewRecord(b"key %d" % i, b"value" * i, 1_700_000_000_000 + i, (("h", b"x"),)) for i in range(5)]
    batches = [bytes(record.build_batch(records, codec=codec)) for codec in Codec]
    batches.append(bytes(record.build_batch(records, producer_id=7, producer_epoch=1, base_sequence=3, is_transactional=True)))
    marker = control.EndTransactionMarker(control.ControlType.COMMIT, 3)
    batches.append(bytes(control.build_marker(marker, producer_id=7, producer_epoch=1, timestamp=5)))
    for data in batches:
        for number in range(3):
            yield bytes([number]) + data
        yield b"\x03" + data[batch.HEADER_SIZE :]
    yield b"\x02" + b"".join(batches)
    yield b"\x04" + bytes.fromhex("00000029 00001068 00000051 00002100") + bytes(16)
    yield b"\x04" + bytes.fromhex("0000018bcfe56800 00000029") + bytes(12)
    yield b"\x05" + b"0\n2\norders 0 1734\norders 1 0\n"
    yield b"\x05" + b"0\n2\n0 0\n3 1734\n"
    yield b"\x05" + b"version: 0\ntopic_id: xVLhrCFTT02hiOn60KHe8Q"
    yield b"\x05" + b"#\nversion=1\ncluster.id=abc\nnode.id=1\n"
    yield b"\x05" + bytes.fromhex("000148674bc700000000")


def mutate(data: bytearray, prng: Prng) -> None:
    """One small change, of the kinds that break parsers: a bit, an interesting number, a cut, a copy, a stretch of noise."""
    position = prng.randrange(len(data))
    match prng.randrange(6):
        case 0:
            data[position] ^= 1 << prng.randrange(8)
        case 1:
            data[position] = prng.choice((0, 1, 0x7F, 0x80, 0xFF))
        case 2:
            data[position : position + 4] = prng.choice((0, 1, 48, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)).to_bytes(4, "big")
        case 3:
            del data[position : position + prng.randrange(1, 20)]
        case 4:
            data[position:position] = data[position : position + prng.randrange(1, 30)]
        case _:
            data[position : position + 3] = prng.randbytes(prng.randrange(8))


def run_own(runs: int | None, seconds: float | None, seed: int, clock: Clock) -> int:
    """Mutate seeds until `runs` or `seconds` are over; how many inputs were tried."""
    prng, corpus, begun, done = seeded(seed), list(seeds()), clock.monotonic(), 0
    for data in corpus:
        attempt(data)
    while (runs is None or done < runs) and (seconds is None or done % 256 or clock.monotonic() - begun < seconds):
        data = bytearray(prng.choice(corpus))
        for _ in range(prng.randrange(1, 6)):
            if data:
                mutate(data, prng)
        attempt(bytes(data))
        done += 1
    return done


def attempt(data: bytes) -> None:
    """Try one input; keep it when it is a find."""
    try:
        target(data)
    except BaseException:
        with tempfile.NamedTemporaryFile(prefix="odradek-fuzz-", delete=False) as kept:
            kept.write(data)
        print(f"find: {kept.name} ({TARGETS[data[0] % len(TARGETS)].__name__}, {len(data)} bytes)", file=sys.stderr)
        if len(data) <= PRINTED_MAX:
            print(f"find: {data.hex()}", file=sys.stderr)
        raise


def run_atheris(seconds: float | None, runs: int | None, seed: int) -> None:
    """Let atheris drive; it ends the process itself."""
    import atheris

    with tempfile.TemporaryDirectory(prefix="odradek-corpus-") as folder:
        for index, data in enumerate(seeds()):
            Path(folder, f"seed-{index}").write_bytes(data)
        options = [sys.argv[0], folder, f"-seed={seed}", "-rss_limit_mb=1024", "-timeout=30"]
        options += [f"-max_total_time={int(seconds)}"] if seconds is not None else []
        options += [f"-runs={runs}"] if runs is not None else []
        atheris.instrument_all()
        atheris.Setup(options, target)
        atheris.Fuzz()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("inputs", nargs="*", type=Path, help="files to try again")
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--runs", type=int)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", choices=("atheris", "own"))
    args = parser.parse_args()
    for path in args.inputs:
        attempt(path.read_bytes())
    if args.inputs:
        return
    engine = args.engine or ("atheris" if _has_atheris() else "own")
    print(f"fuzzing batches with {engine}, seed {args.seed}", flush=True)
    if engine == "atheris":
        run_atheris(args.seconds, args.runs, args.seed)
    else:
        print(f"{run_own(args.runs, args.seconds, args.seed, SystemClock())} inputs, no find")


def _has_atheris() -> bool:
    from importlib.util import find_spec

    return find_spec("atheris") is not None


if __name__ == "__main__":
    main()
