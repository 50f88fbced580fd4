"""The broker that the client suites talk to, and fresh names for each test.

`bootstrap` is the address of one broker per test worker: Odradek in this process, or, where the environment
variable ODRADEK_TEST_BOOTSTRAP is set, whatever listens there. That is how the suites are proven first:
they must pass against Apache Kafka (`reference/kafka.py` starts one).
"""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from confluent_kafka.admin import AdminClient, NewTopic
from members import eventually
from reference.settings import SUITE_CONFIG

MakeTopic = Callable[..., str]


@pytest.fixture(scope="session")
def bootstrap() -> Iterator[str]:
    """HOST:PORT of the broker under test."""
    given = os.environ.get("ODRADEK_TEST_BOOTSTRAP")
    if given:
        yield given
        return
    import odradek

    with odradek.Broker(config=SUITE_CONFIG) as broker:
        yield broker.bootstrap_servers


@pytest.fixture(scope="session")
def admin(bootstrap: str) -> AdminClient:
    """One admin client per worker, for setting the stage."""
    return AdminClient({"bootstrap.servers": bootstrap})


@pytest.fixture
def unique() -> str:
    """A name that no other test has used."""
    return f"t-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def make_topic(admin: AdminClient) -> Iterator[MakeTopic]:
    """Makes topics that are deleted after the test."""
    made: list[str] = []

    def make(partitions: int = 1, **config: str) -> str:
        name = f"t-{uuid.uuid4().hex[:12]}"
        settings = {key.replace("_", "."): value for key, value in config.items()}
        admin.create_topics([NewTopic(name, partitions, 1, config=settings)])[name].result(20)
        made.append(name)
        # Kafka answers when its controller has the topic; its broker may learn of it a moment later.
        eventually("the topic is in the metadata", lambda: name in admin.list_topics(timeout=20).topics)
        return name

    yield make
    if made:
        for deletion in admin.delete_topics(made).values():
            deletion.exception(20)


@pytest.fixture
def topic(make_topic: MakeTopic) -> str:
    """A fresh topic of one partition."""
    return make_topic()
