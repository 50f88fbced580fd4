"""Our answers to the stories about data and topics are Apache Kafka 4.3.1's, field by field, but for what is named."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

import pytest
from data_stories import STORIES
from data_stories.differences import KNOWN
from data_stories.our_answers import changed
from data_stories.ours import running
from data_stories.record import differences, recorded, tell


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with running() as bootstrap_servers:
        yield bootstrap_servers


@pytest.mark.parametrize("story", STORIES)
def test_answers_are_kafkas(address: str, story: str) -> None:
    found = differences(tell(address, story), recorded(story))
    known = KNOWN.get(story, {})
    assert not {label: both for label, both in found.items() if not any(fnmatchcase(label, each) for each in known)}
    gone = [each for each in known if not any(fnmatchcase(label, each) for label in found)]
    assert not gone, "these differ no longer: take them out of KNOWN"
    assert changed(story, found) == {}, "our answer is another than the one that was judged: see our_answers.py"
