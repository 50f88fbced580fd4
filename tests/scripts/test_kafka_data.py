"""Our answers to the stories about data and topics are Apache Kafka 4.3.1's, field by field, but for what is named."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

import pytest
from data_stories import CONFIG, STORIES
from data_stories.differences import KNOWN
from data_stories.record import differences, recorded, tell

import odradek

_SUITE = {
    "node.id": "1",
    "num.partitions": "4",
    "group.initial.rebalance.delay.ms": "0",
    "offsets.topic.num.partitions": "4",
    "offsets.topic.replication.factor": "1",
}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with odradek.Broker(config={**_SUITE, **CONFIG}) as broker:
        yield broker.bootstrap_servers


@pytest.mark.parametrize("story", STORIES)
def test_answers_are_kafkas(address: str, story: str) -> None:
    found = differences(tell(address, story), recorded(story))
    known = KNOWN.get(story, {})
    assert not {label: both for label, both in found.items() if not any(fnmatchcase(label, each) for each in known)}
    gone = [each for each in known if not any(fnmatchcase(label, each) for label in found)]
    assert not gone, "these differ no longer: take them out of KNOWN"
