"""A partition's directory is taken away while the broker is down: nobody is served an empty partition in its place."""

from __future__ import annotations

import shutil
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

import odradek
from odradek.log.inspect import repair

METRICS = {"odradek.metrics.port": 0}


def put(broker: odradek.Broker, topic: str, partition: int, value: bytes = b"x") -> int:
    """The record's offset. Raises KafkaException."""
    told = []
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers, "retries": 0})
    producer.produce(topic, value, partition=partition, on_delivery=lambda error, message: told.append((error, message)))
    producer.flush(20)
    ((error, message),) = told
    if error is not None:
        raise KafkaException(error)
    return int(message.offset())


def offline(broker: odradek.Broker) -> list[str]:
    """The metric's lines."""
    with closing(urllib.request.urlopen(f"http://127.0.0.1:{broker.metrics_port}/metrics", timeout=10)) as page:
        return [line for line in page.read().decode().splitlines() if line.startswith("odradek_partition_offline{")]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two partitions with a record each; then the first one's directory is removed."""
    with odradek.Broker(data_dir=str(tmp_path)) as broker:
        admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
        admin.create_topics([NewTopic("t", 2, 1)])["t"].result(10)
        for partition in (0, 1):
            put(broker, "t", partition)
    shutil.rmtree(tmp_path / "t-0")
    return tmp_path


@pytest.mark.parametrize("metadata", ["there", "lost"])
def test_it_is_refused_and_the_others_go_on(data: Path, metadata: str) -> None:
    for _ in range(2):
        if metadata == "lost":
            for file in data.glob("metadata.db*"):
                file.unlink()
        with odradek.Broker(data_dir=str(data), config=METRICS) as broker:
            (line,) = offline(broker)
            assert 'topic="t"' in line and 'partition="0"' in line and "directory is missing" in line
            with pytest.raises(KafkaException, match="KAFKA_STORAGE_ERROR"):
                put(broker, "t", 0)
            put(broker, "t", 1)
        assert not (data / "t-0").exists()


def test_the_topic_can_be_deleted_and_made_anew(data: Path) -> None:
    with odradek.Broker(data_dir=str(data)) as broker:
        admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
        admin.delete_topics(["t"])["t"].result(10)
        admin.create_topics([NewTopic("t", 2, 1)])["t"].result(10)
        assert put(broker, "t", 0) == 0
    with odradek.Broker(data_dir=str(data), config=METRICS) as broker:
        assert offline(broker) == []
        assert put(broker, "t", 0) == 1


def test_a_repair_goes_on_where_the_lost_records_ended_under_a_new_epoch(data: Path) -> None:
    repair(str(data / "t-0"), apply=True)
    for offset in (1, 2):
        with odradek.Broker(data_dir=str(data), config=METRICS) as broker:
            assert offline(broker) == []
            assert put(broker, "t", 0) == offset
    epochs = (data / "t-0" / "leader-epoch-checkpoint").read_text().split("\n")[2:-1]
    assert epochs == ["1 1"]
    of_the_other = (data / "t-1" / "partition.metadata").read_text()
    assert (data / "t-0" / "partition.metadata").read_text() == of_the_other


def test_a_group_whose_offsets_are_gone_is_not_told_that_it_has_none(tmp_path: Path) -> None:
    config = {"offsets.topic.num.partitions": 1}

    def consumer(broker: odradek.Broker) -> Consumer:
        return Consumer({"bootstrap.servers": broker.bootstrap_servers, "group.id": "g"})

    with odradek.Broker(data_dir=str(tmp_path), config=config) as broker:
        put(broker, "t", 0)
        one = consumer(broker)
        one.commit(offsets=[TopicPartition("t", 0, 1)], asynchronous=False)
        one.close()
    shutil.rmtree(tmp_path / "__consumer_offsets-0")
    with odradek.Broker(data_dir=str(tmp_path), config=config) as broker:
        one = consumer(broker)
        with pytest.raises(KafkaException):
            one.committed([TopicPartition("t", 0)], timeout=1)
        one.close()
