"""Apache Kafka's DumpLogSegments reads what these modules write: batches of every codec, both indexes, a snapshot.

A whole data directory that a broker wrote is read in the conformance suite of the log; here the formats alone are, so that a
fault points to the module.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from odradek.log import producer_snapshot
from odradek.log.offset_index import OffsetIndex
from odradek.log.producer_state import ProducerState
from odradek.log.time_index import TimeIndex
from odradek.records.batch import parse_header, stamp_append_time
from odradek.records.compression import Codec
from odradek.records.control import ControlType, EndTransactionMarker, build_marker
from odradek.records.record import NewRecord, build_batch

pytestmark = pytest.mark.conformance

NOW = 1_700_000_000_000
RECORDS_PER_BATCH = 20
ROUNDS = 3


class Segment:
    """A segment's files in memory, grown batch by batch."""

    def __init__(self) -> None:
        self.log = bytearray()
        self.end = 0
        self.offsets = OffsetIndex(0, 8000)
        self.times = TimeIndex(0, 12000)
        self.producers = ProducerState("t-0")
        self._indexed = 0

    def append(self, batch: bytearray) -> None:
        header = parse_header(batch)
        if header.has_producer_id and not header.is_control:
            self.producers.update(header, self.end, header.max_timestamp)
        if len(self.log) - self._indexed > 4096:
            self.offsets.append(header.last_offset, len(self.log))
            self.times.maybe_append(header.max_timestamp, header.last_offset)
            self._indexed = len(self.log)
        self.log += batch
        self.end = header.next_offset

    def write(self, folder: Path) -> list[Path]:
        files = {
            f"{0:020d}.log": bytes(self.log),
            f"{0:020d}.index": self.offsets.encoded(),
            f"{0:020d}.timeindex": self.times.encoded(),
            f"{self.end:020d}.snapshot": producer_snapshot.encode(self.producers),
        }
        for name, data in files.items():
            (folder / name).write_bytes(data)
        return [folder / name for name in files]


def filled() -> Segment:
    segment = Segment()
    for codec in [*Codec] * ROUNDS:
        records = [
            NewRecord(b"k%d" % i if i % 3 else None, b"value %d " % i * 200, NOW + segment.end + i, (("h", b"x"), ("n", None)))
            for i in range(RECORDS_PER_BATCH)
        ]
        numbers = {"producer_id": 9, "producer_epoch": 0, "base_sequence": segment.end}
        segment.append(build_batch(records, base_offset=segment.end, codec=codec, leader_epoch=1, **numbers))
    stamped = build_batch([NewRecord(b"k", b"v", 5)], base_offset=segment.end, codec=Codec.GZIP, leader_epoch=1)
    stamp_append_time(stamped, NOW + 10_000)
    segment.append(stamped)
    end = EndTransactionMarker(ControlType.COMMIT, 5)
    segment.append(build_marker(end, producer_id=10, producer_epoch=0, timestamp=NOW + 10_001, base_offset=segment.end))
    segment.times.maybe_append(NOW + 10_001, segment.end - 1, closing=True)
    return segment


@pytest.fixture
def dump(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "clients"))
    from reference.jars import java  # type: ignore[import-not-found]

    def run(files: list[Path], *options: str) -> str:
        command = java("org.apache.kafka.tools.DumpLogSegments", "--files", ",".join(map(str, files)), *options)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    yield run
    sys.modules.pop("reference.jars", None)


def test_every_record_is_read_and_every_file_is_sound(tmp_path: Path, dump: Callable[..., str]) -> None:
    segment = filled()
    shown = dump(segment.write(tmp_path), "--deep-iteration", "--print-data-log")
    assert len(re.findall(r"^\| offset: ", shown, re.MULTILINE)) == segment.end
    assert shown.count("isvalid: true") == len(Codec) * ROUNDS + 2
    assert f"LogAppendTime: {NOW + 10_000}" in shown
    assert "endTxnMarker: COMMIT coordinatorEpoch: 5" in shown
    last = segment.end - 3
    assert re.search(rf"producerId: 9 producerEpoch: 0 coordinatorEpoch: -1 .* lastTimestamp: {NOW + last} ", shown)
    for complaint in ("Mismatch", "mismatch", "Non-consecutive", "Found timestamp", "corrupt"):
        assert complaint not in shown


def test_the_indexes_pass_kafkas_checks(tmp_path: Path, dump: Callable[..., str]) -> None:
    files = filled().write(tmp_path)
    indexes = [file for file in files if file.suffix.endswith("index")]
    shown = dump(indexes, "--index-sanity-check")
    assert shown.count("passed sanity check") == 2
    assert "Mismatch" not in dump(indexes, "--verify-index-only")
