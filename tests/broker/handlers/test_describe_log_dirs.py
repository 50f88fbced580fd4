"""DescribeLogDirs: what lies where, and how much room there is."""

from __future__ import annotations

import os
import uuid
from typing import Any

import pytest

from odradek.records.record import NewRecord, build_batch
from odradek.wire.messages import create_topics, describe_log_dirs, produce
from odradek.wire.messages.create_topics import CreatableTopic
from odradek.wire.messages.describe_log_dirs import DescribableLogDirTopic, DescribeLogDirsRequest


@pytest.fixture
def topic(client: Any) -> tuple[str, int]:
    """A topic with two partitions, and the size of what lies in the first."""
    name = f"dirs-{uuid.uuid4().hex[:8]}"
    client.call(create_topics, 7, create_topics.CreateTopicsRequest([CreatableTopic(name, 2, 1)]))
    records = build_batch([NewRecord(None, b"v" * 100, 1_700_000_000_000)])
    data = produce.TopicProduceData(name, partition_data=[produce.PartitionProduceData(0, records)])
    client.call(produce, 9, produce.ProduceRequest(None, 1, 5000, [data]))
    return name, len(records)


def ask(client: Any, version: int, *topics: DescribableLogDirTopic) -> Any:
    response = client.call(describe_log_dirs, version, DescribeLogDirsRequest(list(topics) or None))
    assert response.error_code == 0
    [result] = response.results
    assert result.error_code == 0 and os.path.isdir(result.log_dir)
    return result


@pytest.mark.parametrize("version", range(1, 6))
def test_every_version_tells_sizes(client: Any, topic: tuple[str, int], version: int) -> None:
    name, size = topic
    result = ask(client, version, DescribableLogDirTopic(name, [0, 1]))
    [found] = result.topics
    told = {p.partition_index: (p.partition_size, p.offset_lag, p.is_future_key) for p in found.partitions}
    assert (found.name, told) == (name, {0: (size, 0, False), 1: (0, 0, False)})
    assert (0 < result.usable_bytes <= result.total_bytes) == (version >= 4)


def test_all_partitions_or_those_that_are_asked_for(client: Any, topic: tuple[str, int]) -> None:
    name, _ = topic
    assert name in {found.name for found in ask(client, 4).topics}
    [found] = ask(client, 4, DescribableLogDirTopic(name, [1, 7]), DescribableLogDirTopic("nope", [0])).topics
    assert [partition.partition_index for partition in found.partitions] == [1]
