"""What a handler gets to see: the request's circumstances, and the broker it runs in.

`BrokerState` is the broker as handlers know it: rooms by name, no behaviour of its own. It is filled by `server.py` and
lives as long as the broker; `RequestContext` lives as long as one request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from odradek.base.clock import Clock
    from odradek.base.prng import Prng
    from odradek.broker.budget import UnsentAnswers
    from odradek.broker.fetch_session import FetchSessionCache
    from odradek.broker.internal_topics import InternalTopics
    from odradek.broker.listeners import Endpoint
    from odradek.broker.metrics import BrokerMetrics
    from odradek.broker.partitions import PartitionTable
    from odradek.broker.producer_ids import ProducerIds
    from odradek.coordinator.group_coordinator import GroupCoordinator
    from odradek.log.manager import LogManager
    from odradek.metadata.broker_config import BrokerConfig
    from odradek.metadata.controller import Controller
    from odradek.metadata.image import Image


class BrokerState:
    """The rooms of one broker (one node's view; touched from its loop only)."""

    __slots__ = (
        "clock",
        "cluster_id",
        "config",
        "controller",
        "endpoints",
        "fetch_sessions",
        "groups",
        "internal_topics",
        "log_manager",
        "metrics",
        "node_id",
        "partitions",
        "prng",
        "producer_ids",
        "unsent",
    )

    cluster_id: str  # as Kafka shows it: 22 characters
    node_id: int
    config: BrokerConfig
    clock: Clock
    prng: Prng
    controller: Controller
    partitions: PartitionTable
    groups: GroupCoordinator
    internal_topics: InternalTopics
    log_manager: LogManager
    metrics: BrokerMetrics
    fetch_sessions: FetchSessionCache
    producer_ids: ProducerIds
    unsent: UnsentAnswers
    endpoints: dict[str, Endpoint]  # by listener name: what clients are told to connect to

    @property
    def image(self) -> Image:
        """The cluster's metadata as it stands now."""
        return self.controller.image


class RequestContext:
    """One request's circumstances."""

    __slots__ = ("api_key", "broker", "client_host", "client_id", "correlation_id", "listener", "principal", "version")

    def __init__(
        self,
        broker: BrokerState,
        api_key: int,
        version: int,
        correlation_id: int,
        client_id: str | None,
        client_host: str,
        listener: str,
        principal: str = "User:ANONYMOUS",
    ) -> None:
        self.broker = broker
        self.api_key = api_key
        self.version = version
        self.correlation_id = correlation_id
        self.client_id = client_id
        self.client_host = client_host  # the peer's address without port, Kafka shows it with a leading slash
        self.listener = listener  # the listener's name (PLAINTEXT): decides which address the client is told
        self.principal = principal

    @property
    def endpoint(self) -> Endpoint:
        """Where clients of this request's listener find the broker."""
        return self.broker.endpoints[self.listener]
