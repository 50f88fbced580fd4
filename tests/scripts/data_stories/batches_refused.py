"""What is wrong with a batch, one thing at a time, and two at a time for the order in which it is found."""

from __future__ import annotations

from typing import Any

from odradek.wire.messages import fetch, produce

from .asking import batch, fetched, patched, produced, wanted
from .conversation import Conversation

# Positions in a batch of version 2.
BASE_OFFSET, LENGTH, EPOCH, MAGIC, CRC, ATTRIBUTES, DELTA = 0, 8, 12, 16, 17, 21, 23
FIRST, LARGEST, PRODUCER, PRODUCER_EPOCH, SEQUENCE, COUNT = 27, 35, 43, 51, 53, 57
HEADER = 61
# Of `fields`, those that show only to whoever reads the records.
WALKED = (
    "gzip that isn't", "snappy that isn't", "lz4 that isn't", "zstd that isn't", "count 1 of 2", "count 3 of 2",
    "log append time", "delete horizon",
)  # fmt: skip


def tell(talk: Conversation) -> None:
    asked = {**lengths(), **fields(), **records_inside(), **together()}
    # A partition for each: what one broker takes and the other doesn't moves no other's offsets.
    topic = talk.topic("checked", len(asked), max_message_bytes="2000")
    for index, (label, records) in enumerate(asked.items()):
        talk.ask(label, produce, 9, produced(topic, (index, records)))
        talk.ask(f"{label}: kept", fetch, 12, fetched(topic, wanted(index, 0)))
    for version in (3, 7, 8, 12):
        talk.ask(f"checksum wrong, v{version}", produce, version, produced(topic, (0, _crc(batch(b"abc")))))
        talk.ask(f"too large, v{version}", produce, version, produced(topic, (0, batch(b"x" * 3000))))
    compacted(talk)
    walked(talk)


def lengths() -> dict[str, Any]:
    good = batch(b"abc", b"def")
    return {
        "one byte": b"\0",
        "eleven bytes": bytes(good[:11]),
        "seventeen bytes": bytes(good[:17]),
        "header only": bytes(good[:HEADER]),
        "last byte missing": bytes(good[:-1]),
        "a byte behind": bytes(good) + b"\0",
        "many bytes behind": bytes(good) + bytes(100),
        "two batches": bytes(good + good),
        "length of 0": patched(good, LENGTH, ">i", 0, sealed=False),
        "length of -1": patched(good, LENGTH, ">i", -1, sealed=False),
        "length of 13": patched(good, LENGTH, ">i", 13, sealed=False),
        "length of 14": patched(good, LENGTH, ">i", 14, sealed=False),
        "length of 48": patched(good, LENGTH, ">i", 48, sealed=False),
        "length one too small": patched(good, LENGTH, ">i", len(good) - 13, sealed=False),
        "length one too large": patched(good, LENGTH, ">i", len(good) - 11, sealed=False),
        "length immense": patched(good, LENGTH, ">i", 2**31 - 1, sealed=False),
        "batch just not too large": batch(b"x" * (2000 - HEADER - 10)),
        "batch just too large": batch(b"x" * (2000 - HEADER - 9)),
        "batch far too large": batch(b"x" * 5000),
    }


def fields() -> dict[str, Any]:
    good = batch(b"abc", b"def")
    return {
        "magic 0": patched(good, MAGIC, ">b", 0, sealed=False),
        "magic 1": patched(good, MAGIC, ">b", 1, sealed=False),
        "magic 3": patched(good, MAGIC, ">b", 3, sealed=False),
        "magic -1": patched(good, MAGIC, ">b", -1, sealed=False),
        "checksum wrong": _crc(good),
        "base offset 5": patched(good, BASE_OFFSET, ">q", 5),
        "base offset -1": patched(good, BASE_OFFSET, ">q", -1),
        "leader epoch 9": patched(good, EPOCH, ">i", 9),
        "codec 5": patched(good, ATTRIBUTES, ">h", 5),
        "codec 7": patched(good, ATTRIBUTES, ">h", 7),
        "gzip that isn't": patched(good, ATTRIBUTES, ">h", 1),
        "snappy that isn't": patched(good, ATTRIBUTES, ">h", 2),
        "lz4 that isn't": patched(good, ATTRIBUTES, ">h", 3),
        "zstd that isn't": patched(good, ATTRIBUTES, ">h", 4),
        "log append time": patched(good, ATTRIBUTES, ">h", 8),
        "transactional without producer": patched(good, ATTRIBUTES, ">h", 0x10),
        "control": patched(good, ATTRIBUTES, ">h", 0x20),
        "delete horizon": patched(good, ATTRIBUTES, ">h", 0x40),
        "attributes unknown": patched(good, ATTRIBUTES, ">h", 0x4000),
        "delta too small": patched(good, DELTA, ">i", 0),
        "delta too large": patched(good, DELTA, ">i", 2),
        "delta negative": patched(good, DELTA, ">i", -1),
        "count 0": patched(good, COUNT, ">i", 0),
        "count 0 and delta -1": patched(patched(good, COUNT, ">i", 0), DELTA, ">i", -1),
        "count negative": patched(good, COUNT, ">i", -1),
        "count 1 of 2": patched(patched(good, COUNT, ">i", 1), DELTA, ">i", 0),
        "count 3 of 2": patched(patched(good, COUNT, ">i", 3), DELTA, ">i", 2),
        "count immense": patched(patched(good, COUNT, ">i", 2**31 - 1), DELTA, ">i", 2**31 - 2),
        "producer without epoch": patched(good, PRODUCER, ">q", 7_100_000),
        "producer and epoch without sequence": patched(patched(good, PRODUCER, ">q", 7_100_001), PRODUCER_EPOCH, ">h", 0),
        "sequence without producer": patched(good, SEQUENCE, ">i", 3),
        "producer id -2": patched(good, PRODUCER, ">q", -2),
        "transactional with producer": batch(
            b"abc", producer_id=7_100_002, producer_epoch=0, base_sequence=0, is_transactional=True
        ),
    }


def records_inside() -> dict[str, Any]:
    """Records that make no sense under a checksum that holds."""
    good = batch(b"abc", b"def")
    first = HEADER  # the first record's length, a varint
    return {
        "record too long": patched(good, first, ">B", 0x7E),
        "record too short": patched(good, first, ">B", 0x02),
        "record of no length": patched(good, first, ">B", 0x01),
        "record attributes": patched(good, first + 1, ">B", 0x01),
        "record offset delta not from 0": patched(good, first + 3, ">B", 0x02),
        "record key too long": patched(good, first + 4, ">B", 0x7E),
        "record key of -2": patched(good, first + 4, ">B", 0x03),
        "record header count negative": patched(good, first + 10, ">B", 0x01),
        "varint without end": good[:HEADER] + b"\xff" * (len(good) - HEADER),
        "no records though counted": bytearray(_cut(good)),
    }


def together() -> dict[str, Any]:
    """Two faults: which is told first."""
    good, large = batch(b"abc", b"def"), batch(b"x" * 5000)
    return {
        "checksum wrong and too large": _crc(large),
        "magic 1 and checksum wrong": _crc(patched(good, MAGIC, ">b", 1, sealed=False)),
        "base offset and checksum wrong": _crc(patched(good, BASE_OFFSET, ">q", 5)),
        "control and checksum wrong": _crc(patched(good, ATTRIBUTES, ">h", 0x20)),
        "base offset and too large": patched(large, BASE_OFFSET, ">q", 5),
        "codec 5 and too large": patched(large, ATTRIBUTES, ">h", 5),
        "two batches, the first damaged": bytes(_crc(good) + good),
        "a byte behind and checksum wrong": bytes(_crc(good)) + b"\0",
        "a damaged length behind": bytes(good) + bytes(patched(good, LENGTH, ">i", 13, sealed=False)),
        "an unknown magic behind": bytes(good) + bytes(patched(good, MAGIC, ">b", 3, sealed=False)),
        "half a batch behind": bytes(good + good[:40]),
        "two batches, too large": bytes(large + good),
        "control and count wrong": patched(patched(good, ATTRIBUTES, ">h", 0x20), COUNT, ">i", 1),
    }


def compacted(talk: Conversation) -> None:
    """A compacted topic wants keys (KIP-467 names the records)."""
    topic = talk.topic("compacted", cleanup_policy="compact")
    both = talk.topic("both", cleanup_policy="compact,delete")
    for version in range(3, 13):
        talk.ask(f"no keys, v{version}", produce, version, produced(topic, (0, batch(b"a", b"b", key=None))))
    for codec in range(1, 5):
        talk.ask(f"no keys, codec {codec}", produce, 9, produced(topic, (0, batch(b"a", b"b", key=None, codec=codec))))
    talk.ask("no keys, compact and delete", produce, 9, produced(both, (0, batch(b"a", key=None))))
    talk.ask("empty keys", produce, 9, produced(topic, (0, batch(b"a", key=b""))))
    talk.ask("keys, acks all", produce, 9, produced(topic, (0, batch(b"a")), acks=-1))
    talk.ask("nothing without keys is kept", fetch, 12, fetched(topic, wanted(0, 0)))


def walked(talk: Conversation) -> None:
    """Where a topic has the records read, also by us: for their keys, or to pack them anew."""
    asked = {**records_inside(), **{label: records for label, records in fields().items() if label in WALKED}}
    for kind, configs in {"compact": {"cleanup_policy": "compact"}, "to gzip": {"compression_type": "gzip"}}.items():
        topic = talk.topic(f"walked-{kind[-4:]}", len(asked), **configs)
        for index, (label, records) in enumerate(asked.items()):
            talk.ask(f"{kind}: {label}", produce, 9, produced(topic, (index, records)))
            talk.ask(f"{kind}: {label}: kept", fetch, 12, fetched(topic, wanted(index, 0)))


def _crc(records: bytearray) -> bytearray:
    return patched(records, CRC, ">I", int.from_bytes(records[CRC : CRC + 4], "big") ^ 1, sealed=False)


def _cut(records: bytearray) -> bytearray:
    return patched(records[:HEADER], LENGTH, ">i", HEADER - 12)
