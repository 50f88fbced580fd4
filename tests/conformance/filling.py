"""A broker's directory filled with what its formats can hold, and what must then come out of it again.

Two topics of several small segments in every codec, one of them written by an idempotent producer, records deleted
from the front of one, and groups with commits: enough to have every kind of file there.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from confluent_kafka import ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from drivers import CODECS, Received, Record, driver
from members import eventually, read

START = 1_700_000_000_000
DELETED_BEFORE = 150
COMMITTED = 500
BATCH = 25
SMALL_SEGMENTS = {"segment.bytes": str(1 << 20), "index.interval.bytes": "1024", "retention.ms": "-1"}


@dataclass(frozen=True, slots=True)
class Filling:
    """Names in the directory, and the records of the plain topic's partition from `DELETED_BEFORE` on."""

    topic: str
    idempotent: str
    group: str
    records: list[Record]


def fill(bootstrap: str) -> Filling:
    """Write it through the protocol."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    topics = [NewTopic(name, 2, 1, config=SMALL_SEGMENTS) for name in ("crossing", "crossing-idempotent")]
    for made in admin.create_topics(topics).values():
        made.result(20)
    eventually("topics are known", lambda: "crossing" in admin.list_topics(timeout=20).topics)
    records = _records()
    for first in range(0, len(records), BATCH):
        part, codec = records[first : first + BATCH], CODECS[first // BATCH % len(CODECS)]
        driver("confluent").produce(bootstrap, "crossing", part, codec=codec)
    _produce_idempotently(bootstrap, "crossing-idempotent")
    (deletion,) = admin.delete_records([TopicPartition("crossing", 0, DELETED_BEFORE)]).values()
    deletion.result(20)
    _commit(bootstrap, "crossing", "crossing-group")
    return Filling("crossing", "crossing-idempotent", "crossing-group", records[DELETED_BEFORE:])


def check(bootstrap: str, filling: Filling) -> None:
    """Every record, offset, timestamp and commit is there."""
    reader = driver("confluent").reader(bootstrap, filling.topic)
    try:
        assert reader.bounds(filling.topic, 0) == (DELETED_BEFORE, DELETED_BEFORE + len(filling.records))
        compare(filling.records, read(reader, len(filling.records)))
        middle = DELETED_BEFORE + 500
        assert reader.offset_at(filling.topic, 0, START + middle) == middle
        reader.seek(filling.topic, 0, middle)
        assert read(reader, 1)[0].offset == middle
    finally:
        reader.close()
    reader = driver("confluent").reader(bootstrap, filling.idempotent)
    try:
        values = [r.value for r in read(reader, 3000)]
        assert values == [b"%d" % n for n in range(3000)]
    finally:
        reader.close()
    member = driver("confluent").member(bootstrap, filling.group, filling.topic)
    try:
        assert member.committed(filling.topic, 0) == COMMITTED
        eventually("the member resumes", lambda: any(r.offset == COMMITTED for r in member.poll(0.2)))
    finally:
        member.close()


def compare(sent: list[Record], got: list[Received]) -> None:
    """All of the plain topic, byte for byte."""
    assert [r.offset for r in got] == list(range(DELETED_BEFORE, DELETED_BEFORE + len(sent)))
    assert [(r.key, r.value, r.headers, r.timestamp) for r in got] == [(r.key, r.value, r.headers, r.timestamp) for r in sent]


def _records() -> list[Record]:
    chance = random.Random(11)
    return [
        Record(
            value=None if n % 97 == 5 else chance.randbytes(chance.randrange(4000)) + b"text " * (n % 300),
            key=None if n % 7 == 0 and n % 97 != 5 else b"key-%d" % n,
            headers=(("h", b"%d" % n),) * (n % 3),
            timestamp=START + n,
        )
        for n in range(1000)
    ]


def _produce_idempotently(bootstrap: str, topic: str) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "batch.num.messages": 50})
    for n in range(3000):
        producer.produce(topic, b"%d" % n, partition=0)
        producer.poll(0)
    assert producer.flush(20) == 0


def _commit(bootstrap: str, topic: str, group: str) -> None:
    member = driver("confluent").member(bootstrap, group, topic)
    try:
        read(member, 1)
    finally:
        member.close()
    admin = AdminClient({"bootstrap.servers": bootstrap})
    wanted = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0, COMMITTED)])
    admin.alter_consumer_group_offsets([wanted])[group].result(20)
