"""Codecs in every version, timestamps within and outside of a topic's bounds, and LogAppendTime."""

from __future__ import annotations

import time

from odradek.wire.messages import fetch, list_offsets, produce

from .asking import ALL, THEN, batch, fetched, numbered, offsets, patched, produced, wanted
from .conversation import Conversation

HOUR_MS = 3_600_000


def tell(talk: Conversation) -> None:
    codecs(talk)
    repacked(talk)
    bounds(talk)
    append_time(talk)
    stamped_and_packed(talk)
    keyless_and_late(talk)


def codecs(talk: Conversation) -> None:
    topic = talk.topic("codecs")
    for codec in range(5):
        for version in range(3, 13):
            records = batch(b"a" * 50, b"b" * 50, codec=codec)
            talk.ask(f"codec {codec}, v{version}", produce, version, produced(topic, (0, records)))
    # A fetch below version 10 does not get zstd (KIP-110); it gets everything else.
    for version in range(4, 13):
        talk.ask(f"fetch of all codecs, v{version}", fetch, version, fetched(topic, wanted(0, 0)))
    zstd_only = talk.topic("zstd", compression_type="zstd")
    talk.quietly(produce, 9, produced(zstd_only, (0, batch(b"z" * 50))))
    for version in (4, 9, 10, 12):
        talk.ask(f"fetch from a topic of zstd, v{version}", fetch, version, fetched(zstd_only, wanted(0, 0)))


def repacked(talk: Conversation) -> None:
    """Topics that choose a codec for themselves."""
    for chosen in ("uncompressed", "gzip", "snappy", "lz4", "zstd", "producer"):
        topic = talk.topic(f"as-{chosen}", compression_type=chosen)
        for codec in range(5):
            talk.ask(
                f"codec {codec} to {chosen}", produce, 9, produced(topic, (0, batch(b"a" * 50, b"b", codec=codec, step=5)))
            )
        talk.ask(f"what {chosen} keeps", fetch, 12, fetched(topic, wanted(0, 0)))


def bounds(talk: Conversation) -> None:
    now = int(time.time() * 1000)
    usual = talk.topic("usual")
    for label, at in {
        "no time": -1, "time 0": 0, "half an hour ahead": now + HOUR_MS // 2, "two hours ahead": now + 2 * HOUR_MS,
        "time -2": -2, "time immense": 2**62,
    }.items():  # fmt: skip
        talk.ask(label, produce, 9, produced(usual, (0, batch(b"t", at=at))))
    for version in (3, 8, 12):
        talk.ask(f"two hours ahead, v{version}", produce, version, produced(usual, (0, batch(b"t", at=now + 2 * HOUR_MS))))
    for codec in range(1, 5):
        records = batch(b"a", b"b", at=now, step=2 * HOUR_MS, codec=codec)
        talk.ask(f"the second record ahead, codec {codec}", produce, 9, produced(usual, (0, records)))
    talk.ask("the second record ahead", produce, 9, produced(usual, (0, batch(b"a", b"b", b"c", at=now, step=HOUR_MS))))
    talk.ask("the second record back", produce, 9, produced(usual, (0, batch(b"a", b"b", at=THEN, step=-5))))
    narrow = talk.topic("narrow", message_timestamp_before_max_ms="1000000", message_timestamp_after_max_ms="1000000")
    talk.ask("too old", produce, 9, produced(narrow, (0, batch(b"t"))))
    talk.ask("too new", produce, 9, produced(narrow, (0, batch(b"t", at=now + HOUR_MS))))
    talk.ask("neither", produce, 9, produced(narrow, (0, batch(b"t", at=now))))
    talk.ask("no time in narrow bounds", produce, 9, produced(narrow, (0, batch(b"t", at=-1))))
    talk.ask("first good, second too old", produce, 9, produced(narrow, (0, batch(b"a", b"b", at=now, step=-HOUR_MS))))
    talk.ask("first too old, second good", produce, 9, produced(narrow, (0, batch(b"a", b"b", at=now - HOUR_MS, step=HOUR_MS))))


def append_time(talk: Conversation) -> None:
    topic = talk.topic("stamped", message_timestamp_type="LogAppendTime")
    for version in range(3, 13):
        talk.ask(f"stamped, v{version}", produce, version, produced(topic, (0, batch(b"a", b"b"))))
    for codec in range(1, 5):
        talk.ask(f"stamped, codec {codec}", produce, 9, produced(topic, (0, batch(b"a", codec=codec)), acks=ALL))
    talk.ask("stamped, numbered", produce, 9, produced(topic, (0, numbered(0))))
    talk.ask("stamped, numbered, again", produce, 9, produced(topic, (0, numbered(0))))
    talk.ask("a refusal is not stamped", produce, 9, produced(topic, (0, numbered(7))))
    talk.ask("stamped, far ahead", produce, 9, produced(topic, (0, batch(b"t", at=2**62))))
    talk.ask("stamped, as if it were already", produce, 9, produced(topic, (0, patched(batch(b"a"), 21, ">h", 8))))
    talk.ask("what the stamped one keeps", fetch, 12, fetched(topic, wanted(0, 0)))
    talk.ask("a time before all stamps", list_offsets, 7, offsets(topic, (0, THEN)))


def stamped_and_packed(talk: Conversation) -> None:
    """The broker's time, in a codec that the topic chose."""
    topic = talk.topic("stamped-packed", message_timestamp_type="LogAppendTime", compression_type="lz4")
    for codec in range(5):
        records = batch(b"a", b"b", codec=codec, step=7)
        talk.ask(f"stamped and packed, codec {codec}", produce, 9, produced(topic, (0, records)))
    for label in ("numbered", "numbered, again"):
        talk.ask(f"stamped, packed, {label}", produce, 9, produced(topic, (0, numbered(0, 2))))
    talk.ask("what the stamped and packed one keeps", fetch, 12, fetched(topic, wanted(0, 0)))


def keyless_and_late(talk: Conversation) -> None:
    """Records without keys and times out of bounds, on a topic that wants both."""
    now = int(time.time() * 1000)
    topic = talk.topic(
        "choosy", cleanup_policy="compact", message_timestamp_before_max_ms="1000000", message_timestamp_after_max_ms="1000000"
    )
    for codec in (0, 1):
        for label, records in {
            "no key and too old": batch(b"t", key=None, codec=codec),
            "no key": batch(b"t", at=now, key=None, codec=codec),
            "too old": batch(b"t", codec=codec),
            "good, then too old": batch(b"a", b"b", b"c", at=now, step=-HOUR_MS, codec=codec),
            "good, then too new": batch(b"a", b"b", b"c", at=now, step=HOUR_MS, codec=codec),
            "no key, then no key and too old": batch(b"a", b"b", at=now, step=-HOUR_MS, key=None, codec=codec),
            "good": batch(b"a", b"b", at=now, codec=codec),
        }.items():
            talk.ask(f"choosy, codec {codec}, {label}", produce, 9, produced(topic, (0, records)))
    talk.ask("what the choosy one keeps", fetch, 12, fetched(topic, wanted(0, 0)))
