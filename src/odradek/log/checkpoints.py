"""Checkpoints: small text files that say, for every partition of a data directory, one offset.

    0                      the version, always 0
    2                      how many lines follow
    orders 0 1734          topic, partition, offset, separated by blanks
    orders 1 0

Three files have this form: `recovery-point-offset-checkpoint` (below it the log is known to be on disk: a restart after
a crash scans only from there), `log-start-offset-checkpoint` (DeleteRecords moved the log's beginning up to here,
inside a segment) and `replication-offset-checkpoint` (the high watermark). `leader-epoch-checkpoint`, one in each
partition's directory, shares the first two lines; see `epoch_cache`.

There is no checksum: the count tells a file that lost its end, and so does a missing last newline, which Kafka's writer
always puts (a last number cut short would still read as a number). An empty file reads as no entries, as in Kafka: its
writer creates the file before it fills it. What to do without a readable checkpoint is the reader's decision: scan
everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from odradek.base.errors import OdradekError

TopicPartition = tuple[str, int]

VERSION: Final = 0
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,19}\Z")


class CorruptCheckpoint(OdradekError):
    """A checkpoint that is incomplete or says something impossible."""


def encode_lines(lines: Iterable[str]) -> bytes:
    """The file with these entries, one a line."""
    entries = list(lines)
    return "\n".join([str(VERSION), str(len(entries)), *entries, ""]).encode()


def decode_lines(data: bytes) -> list[str]:
    """The entries' lines; raises `CorruptCheckpoint` when version or count are wrong."""
    if not data:
        return []
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise CorruptCheckpoint(f"not UTF-8 text: {error}") from error
    lines = text.splitlines()
    version = parse_number(lines[0])
    if version != VERSION:
        raise CorruptCheckpoint(f"version {version}, known is {VERSION}")
    if len(lines) < 2:
        return []
    expected, entries = parse_number(lines[1]), lines[2:]
    if len(entries) != expected:
        raise CorruptCheckpoint(f"{expected} entries announced, {len(entries)} found")
    if not text.endswith("\n"):
        raise CorruptCheckpoint(f"the last line {lines[-1]!r} has no end: the file was cut")
    return entries


def parse_number(text: str) -> int:
    """A decimal number as Java reads it (no blanks, no underscores); raises `CorruptCheckpoint`."""
    if not _NUMBER.match(text):
        raise CorruptCheckpoint(f"{text!r} is not a number")
    return int(text)


def encode_offsets(offsets: Mapping[TopicPartition, int]) -> bytes:
    """A checkpoint file of these offsets."""
    return encode_lines(f"{topic} {partition} {offset}" for (topic, partition), offset in offsets.items())


def decode_offsets(data: bytes) -> dict[TopicPartition, int]:
    """The offsets in a checkpoint file; raises `CorruptCheckpoint`."""
    offsets = {}
    for line in decode_lines(data):
        fields = line.split()
        if len(fields) != 3:
            raise CorruptCheckpoint(f"{line!r} is not 'topic partition offset'")
        partition, offset = parse_number(fields[1]), parse_number(fields[2])
        if partition < 0 or offset < 0:
            raise CorruptCheckpoint(f"{line!r}: partitions and offsets are not negative")
        offsets[fields[0], partition] = offset
    return offsets
