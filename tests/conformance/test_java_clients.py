"""Apache Kafka's own Java clients: the stories of `java/`, each in a process of its own."""

from __future__ import annotations

import java_stories
import pytest
from programs import run

pytestmark = pytest.mark.conformance


def test_the_list_is_whole() -> None:
    assert sorted(java_stories.NAMES) == run(java_stories.command()).split()


@pytest.mark.parametrize("story", java_stories.NAMES)
def test_java(bootstrap: str, story: str) -> None:
    run(java_stories.command(bootstrap, story), seconds=90)
