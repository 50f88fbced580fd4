"""What one client produces, every client reads back, byte for byte: each codec, keys, headers, nulls, 1 MB."""

from __future__ import annotations

import itertools
import random

import pytest
from drivers import CODECS, NAMES, Received, Record, driver
from members import read

START = 1_700_000_000_000


def assorted(count: int, seed: int = 7) -> list[Record]:
    """Records of every shape that the format has: null and empty keys and values, headers, any bytes."""
    chance = random.Random(seed)
    keys = itertools.cycle([None, b"", b"k", "schlüssel".encode(), bytes(range(256))])
    values = itertools.cycle([b"", b"v", None, b"text " * 40, chance.randbytes(300), b"\0" * 1000])
    headers = itertools.cycle([(), (("h", b"1"),), (("trace", b""), ("trace", b"\xff\x00"), ("größe", b"2"))])
    made = []
    for index in range(count):
        key, value = next(keys), next(values)
        if key is None and value is None:  # kafka-python and aiokafka refuse to send such a record
            value = b""
        made.append(Record(value, key, next(headers), timestamp=START + index))
    return made


def same(sent: list[Record], got: list[Received]) -> None:
    """The records, in order and complete."""
    assert [(r.key, r.value, r.headers, r.timestamp) for r in got] == [(r.key, r.value, r.headers, r.timestamp) for r in sent]


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("producer", NAMES)
def test_every_client_reads_what_one_produced(bootstrap: str, topic: str, producer: str, codec: str) -> None:
    sent = assorted(120)
    offsets = driver(producer).produce(bootstrap, topic, sent, codec=codec)
    assert offsets == list(range(120))
    for name in NAMES:
        reader = driver(name).reader(bootstrap, topic)
        try:
            same(sent, read(reader, 120))
        finally:
            reader.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_record_of_nothing(bootstrap: str, topic: str, name: str) -> None:
    driver("confluent").produce(bootstrap, topic, [Record(None, timestamp=START)])
    reader = driver(name).reader(bootstrap, topic)
    try:
        same([Record(None, timestamp=START)], read(reader, 1))
    finally:
        reader.close()


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("name", NAMES)
def test_records_of_a_megabyte(bootstrap: str, topic: str, name: str, codec: str) -> None:
    chance = random.Random(3)
    sent = [Record(chance.randbytes(1_000_000), b"big", timestamp=START), Record(b"small", timestamp=START)]
    driver(name).produce(bootstrap, topic, sent, codec=codec)
    reader = driver(name).reader(bootstrap, topic)
    try:
        same(sent, read(reader, 2))
    finally:
        reader.close()


@pytest.mark.parametrize("acks", ["all", "1", "0"])
@pytest.mark.parametrize("name", NAMES)
def test_every_kind_of_acknowledgement(bootstrap: str, topic: str, name: str, acks: str) -> None:
    sent = assorted(20)
    driver(name).produce(bootstrap, topic, sent, acks=acks)
    reader = driver(name).reader(bootstrap, topic)
    try:
        same(sent, read(reader, 20))
    finally:
        reader.close()


@pytest.mark.parametrize("name", NAMES)
def test_partitions_keep_their_own_order(bootstrap: str, make_topic, name: str) -> None:
    topic = make_topic(3)
    sent = [Record(str(index).encode(), partition=index % 3) for index in range(300)]
    driver(name).produce(bootstrap, topic, sent)
    reader = driver(name).reader(bootstrap, topic, [0, 1, 2])
    try:
        got = read(reader, 300)
    finally:
        reader.close()
    for part in range(3):
        mine = [(r.offset, r.value) for r in got if r.partition == part]
        assert mine == [(index, str(index * 3 + part).encode()) for index in range(100)]


@pytest.mark.parametrize("name", NAMES)
def test_a_topic_is_made_by_its_first_use(bootstrap: str, admin, unique: str, name: str) -> None:
    driver(name).produce(bootstrap, unique, [Record(b"first")])
    try:
        found = admin.list_topics(unique, timeout=10).topics[unique]
        assert len(found.partitions) == 4
    finally:
        admin.delete_topics([unique])[unique].result(20)
