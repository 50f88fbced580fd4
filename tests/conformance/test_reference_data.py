"""Apache Kafka still answers the data stories as it was written down: what `make test` compares with is what Kafka says."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from data_stories import CONFIG, STORIES
from data_stories.record import differences, recorded, tell
from reference.kafka import ReferenceKafka

pytestmark = pytest.mark.conformance


@pytest.fixture(scope="module")
def kafka() -> Iterator[str]:
    with ReferenceKafka(config=CONFIG) as running:
        yield running.bootstrap_servers


@pytest.mark.parametrize("story", STORIES)
def test_kafka_says_what_was_recorded(kafka: str, story: str) -> None:
    assert differences(tell(kafka, story), recorded(story)) == {}
