"""Produce in every version: where batches go, who is refused, and with which acks."""

# ruff: noqa: B023 (what `every` is given is called before the loop goes on)
from __future__ import annotations

import struct

from odradek.wire.messages import fetch, metadata, produce

from .asking import ALL, NIL_ID, UNKNOWN_ID, batch, fetched, produced, wanted
from .conversation import Conversation

BY_NAME, BY_ID = range(3, 13), range(13, 14)


def tell(talk: Conversation) -> None:
    topic = talk.topic("plain", 2)
    topic_id = talk.topic_ids[topic]
    good(talk, topic, topic_id)
    refused(talk, topic, topic_id)
    many(talk, topic, topic_id)
    acks(talk, topic)
    sizes(talk)
    too_old(talk)
    talk.ask("what is there in the end", fetch, 12, fetched(topic, wanted(0, 0), wanted(1, 0)))


def good(talk: Conversation, topic: str, topic_id: bytes) -> None:
    for acks in (1, ALL):
        talk.every(f"two records, acks {acks}", produce, BY_NAME, lambda v: produced(topic, (0, batch(b"a", b"b")), acks=acks))
        talk.every(
            f"two records by id, acks {acks}", produce, BY_ID,
            lambda v: produced("", (0, batch(b"a", b"b")), acks=acks, topic_id=topic_id),
        )  # fmt: skip


def refused(talk: Conversation, topic: str, topic_id: bytes) -> None:
    records = batch(b"x")
    talk.every("no such topic", produce, BY_NAME, lambda v: produced("nosuch", (0, records)))
    talk.every("no such partition", produce, BY_NAME, lambda v: produced(topic, (9, records), (-1, records), (1, records)))
    talk.every("a name that cannot be", produce, BY_NAME, lambda v: produced("no such!", (0, records)))
    talk.every("no records", produce, BY_NAME, lambda v: produced(topic, (0, b"")))
    talk.ask("unknown id", produce, 13, produced("", (0, records), topic_id=UNKNOWN_ID))
    talk.ask("nil id", produce, 13, produced("", (0, records), topic_id=NIL_ID))
    talk.ask("wrong partition by id", produce, 13, produced("", (9, records), topic_id=topic_id))
    talk.every("the internal topic", produce, range(9, 10), lambda v: produced(talk.groups_topic(), (0, records)))
    # Null records are not asked about: Kafka 4.3 fails on them and never answers.
    talk.ask("no records by id", produce, 13, produced("", (0, b""), topic_id=topic_id))


def many(talk: Conversation, topic: str, topic_id: bytes) -> None:
    empty = produce.ProduceRequest(None, 1, 1000, [])
    talk.every("nothing at all", produce, range(3, 14), lambda v: empty)
    talk.every("a topic without partitions", produce, BY_NAME, lambda v: produced(topic))
    talk.ask("an id without partitions", produce, 13, produced("", topic_id=topic_id))
    doubled(talk)
    some = produced(topic, (1, batch(b"five")), (7, batch(b"six")), (0, batch(b"seven")))
    some.topic_data.append(produced("nosuch", (0, batch(b"eight"))).topic_data[0])
    talk.ask("good and bad together", produce, 12, some)
    some.acks = ALL
    talk.ask("good and bad together, acks all", produce, 12, some)


def doubled(talk: Conversation) -> None:
    topic = talk.topic("doubled", 2)
    twice = produced(topic, (0, batch(b"one")), (0, batch(b"two")))
    talk.ask("one partition twice", produce, 12, twice)
    twice.topic_data = [produced(topic, (1, batch(b"three"))).topic_data[0], produced(topic, (0, batch(b"4"))).topic_data[0]]
    talk.ask("one topic twice", produce, 12, twice)
    talk.ask("what is kept of both", fetch, 12, fetched(topic, wanted(0, 0), wanted(1, 0)))


def acks(talk: Conversation, topic: str) -> None:
    for count in (2, -2, 32767):
        asked = produced(topic, (0, batch(b"acks")), (1, batch(b"acks")), acks=count)
        talk.every(f"acks {count}", produce, range(3, 13), lambda v, asked=asked: asked)
    talk.ask("acks 2, no such topic", produce, 9, produced("nosuch", (0, batch(b"x")), acks=2))
    talk.ask("acks all within no time", produce, 9, produced(topic, (0, batch(b"quick")), acks=ALL, timeout_ms=0))
    talk.ask("acks all within negative time", produce, 9, produced(topic, (0, batch(b"quick")), acks=ALL, timeout_ms=-1))
    strict = talk.topic("strict", min_insync_replicas="2")
    talk.ask("too few in sync, acks all", produce, 9, produced(strict, (0, batch(b"x")), acks=ALL))
    talk.ask("too few in sync, acks 1", produce, 9, produced(strict, (0, batch(b"x"))))
    # With acks=0 there is no answer; what comes next tells whether the connection is still there.
    for label, request in {
        "silent": produced(topic, (0, batch(b"silent")), acks=0),
        "silent, no such partition": produced(topic, (9, batch(b"silent")), acks=0),
        "silent, damaged": produced(topic, (0, batch(b"silent")[:-1] + b"!"), acks=0),
    }.items():
        connection = talk.connected()
        connection.send(produce, 9, request)
        talk.ask(f"metadata behind {label}", metadata, 9, metadata.MetadataRequest([], allow_auto_topic_creation=False))


def sizes(talk: Conversation) -> None:
    """Batches that are larger than something, before or after they are packed anew."""
    unpacked = talk.topic("unpacked", compression_type="uncompressed", max_message_bytes="2000")
    talk.ask("too large when unpacked", produce, 9, produced(unpacked, (0, batch(bytes(50_000), codec=1))))
    talk.ask("small enough when unpacked", produce, 9, produced(unpacked, (0, batch(bytes(1_800), codec=1))))
    packed = talk.topic("packed", compression_type="gzip", max_message_bytes="2000")
    talk.ask("small enough only when packed", produce, 9, produced(packed, (0, batch(bytes(50_000)))))
    small = talk.topic("small-segments", segment_bytes="1048576", max_message_bytes="4000000")
    talk.ask("larger than a segment", produce, 9, produced(small, (0, batch(bytes(1_500_000)))))
    talk.ask("as large as a segment", produce, 9, produced(small, (0, batch(bytes(1_048_576 - 61 - 12)))))
    talk.ask("a little larger than a segment", produce, 9, produced(small, (0, batch(bytes(1_048_576 - 61 - 8)))))
    everything = produced(small, (0, batch(b"x")))
    everything.transactional_id = "a-transaction"
    talk.every("transactional id, ordinary batch", produce, BY_NAME, lambda v: everything)


def too_old(talk: Conversation) -> None:
    for version in (0, 1, 2, 14):
        body = struct.pack(">hhih6s", produce.API_KEY, version, 7, 6, b"tester") + struct.pack(">hii", 1, 1000, 0)
        talk.frame(f"version {version}", body, (produce, 3))
