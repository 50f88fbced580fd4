"""Fixtures: a real broker for tests, one per session.

    def test_round_trip(kafka_bootstrap_servers, kafka_topic):
        producer = Producer({"bootstrap.servers": kafka_bootstrap_servers})
        producer.produce(kafka_topic, b"hello")

`kafka_broker` (session) is an `odradek.Broker` in a temporary directory, `kafka_bootstrap_servers` its address, `kafka_topic` a
topic of this test's own, deleted after it. With pytest-xdist every worker has its broker.

Settings of the broker, by Kafka's names: the ini option `odradek_config` (one `name = value` a line), or a fixture
`kafka_broker_config` of your own that returns a dictionary. A topic's: `@pytest.mark.kafka_topic(partitions=3,
config={"cleanup.policy": "compact"})`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from odradek import Broker


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("odradek_config", "Settings of the broker behind kafka_broker: name = value lines.", type="linelist")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "kafka_topic(partitions=None, config=None): partitions and settings of this test's kafka_topic"
    )


@pytest.fixture(scope="session")
def kafka_broker_config(pytestconfig: pytest.Config) -> dict[str, str]:
    """The broker's settings: those of the ini option `odradek_config`. Override this fixture to give others."""
    from odradek.testing.settings import parse_settings

    return parse_settings(pytestconfig.getini("odradek_config"))


@pytest.fixture(scope="session")
def kafka_broker(kafka_broker_config: dict[str, str]) -> Iterator[Broker]:
    """A broker for the whole session."""
    import odradek

    with odradek.Broker(config=kafka_broker_config) as broker:
        yield broker


@pytest.fixture(scope="session")
def kafka_bootstrap_servers(kafka_broker: Broker) -> str:
    """Where the session's broker is: what a client's `bootstrap.servers` takes."""
    return kafka_broker.bootstrap_servers


@pytest.fixture
def kafka_topic(request: pytest.FixtureRequest, kafka_bootstrap_servers: str) -> Iterator[str]:
    """The name of a topic that only this test has."""
    from odradek.testing.topics import TopicAdmin, unique_name

    partitions, config = _wanted(request.node.get_closest_marker("kafka_topic"))
    name = unique_name(request.node.name)
    with TopicAdmin(kafka_bootstrap_servers) as admin:
        admin.create(name, partitions=partitions, config=config)
    yield name
    with TopicAdmin(kafka_bootstrap_servers) as admin:
        admin.delete(name)


def _wanted(marker: pytest.Mark | None) -> tuple[int | None, Mapping[str, str | int | bool] | None]:
    """Partitions and settings that a marker asks for; one that asks for something else would be obeyed in silence."""

    def kafka_topic(partitions: int | None = None, config: Mapping[str, str | int | bool] | None = None) -> Any:
        return partitions, config

    if marker is None:
        return None, None
    try:
        return kafka_topic(*marker.args, **marker.kwargs)  # type: ignore[no-any-return]
    except TypeError as wrong:
        raise pytest.UsageError(f"@pytest.mark.kafka_topic: {wrong}") from wrong
