"""Entries of log files as lines and as JSON."""

from __future__ import annotations

import json
from typing import NamedTuple

import pytest

from odradek.cli.log_view import entries, entry_line, finding_line, value_text
from odradek.log.inspect.dump import DumpedBatch, DumpedTopicId
from odradek.records.batch import parse_header
from odradek.records.compression import Codec
from odradek.records.record import NewRecord, build_batch, read_records


class DumpedOddThing(NamedTuple):
    directory_id: bytes
    note: str | None


def batch(with_records: bool) -> DumpedBatch:
    data = bytes(build_batch([NewRecord(b"k", b"v", 5), NewRecord(None, None, 9)], base_offset=7, codec=Codec.GZIP))
    header = parse_header(data)
    return DumpedBatch(128, len(data), header, tuple(read_records(data, header)) if with_records else None)


def test_a_batch_as_a_person_reads_it() -> None:
    ((kind, fields),) = entries(batch(with_records=False))
    assert kind == "batch"
    wanted = {"position": 128, "base_offset": 7, "last_offset": 8, "record_count": 2, "codec": "gzip", "max_timestamp": 9}
    assert wanted.items() <= fields.items()
    assert entry_line(kind, "p", fields, as_json=False).startswith("batch position=128 size=")


def test_records_follow_their_batch() -> None:
    shown = list(entries(batch(with_records=True)))
    assert [kind for kind, _ in shown] == ["batch", "record", "record"]
    assert entry_line("record", "p", shown[1][1], as_json=False) == "record offset=7 timestamp=5 key=k value=v headers=[]"
    line = json.loads(entry_line("record", "p", shown[2][1], as_json=True))
    assert line == {"kind": "record", "path": "p", "offset": 8, "timestamp": 9, "key": None, "value": None, "headers": []}


def test_kinds_are_class_names_in_words_and_ids_are_kafkas() -> None:
    assert list(entries(DumpedTopicId("abc"))) == [("topic-id", {"topic_id": "abc"})]
    assert list(entries(DumpedOddThing(bytes(16), None))) == [
        ("odd-thing", {"directory_id": "A" * 22, "note": None}),
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (7, "7"),
        (None, "-"),
        (True, "true"),
        ("plain", "plain"),
        ("", '""'),
        ("two words", '"two words"'),
        ("a=b", '"a=b"'),
        (b"bytes", "bytes"),
        (b"\xff", '"\\\\xff"'),
        ("line\nbreak", '"line\\nbreak"'),
        ((("a", b"1"),), '[["a","1"]]'),
    ],
)
def test_a_value_never_runs_into_the_next(value: object, text: str) -> None:
    assert value_text(value) == text


def test_bytes_that_are_no_text_are_base64_in_json() -> None:
    assert json.loads(entry_line("record", "p", {"value": b"\xff"}, as_json=True))["value"] == {"base64": "/w=="}


def test_a_finding_says_where() -> None:
    assert finding_line("damage", "t-0/0.log", 61, "bad CRC") == "damage  t-0/0.log:61: bad CRC"
    assert finding_line("note", "t-0", -1, "odd") == "note    t-0: odd"
