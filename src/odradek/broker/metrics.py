"""The broker's metrics, in Kafka's vocabulary: what is counted per request is an int in a slot of an object kept at hand.

`ApiMetrics` is held by the dispatch entry of an API, so that a request costs two additions and one histogram insertion.
Sizes and states that other rooms hold already are read at the scrape (`gauges.py` registers those callbacks).
"""

from __future__ import annotations

from odradek.base.metrics import Counter, Family, Histogram, Registry
from odradek.wire.errors import name_of


class ApiMetrics:
    """One API's requests: how many, how long, which errors."""

    __slots__ = ("_errors", "_name", "latency", "requests")

    def __init__(self, name: str, requests: Family[Counter], errors: Family[Counter], latency: Family[Histogram]) -> None:
        self._name = name
        self._errors = errors
        self.requests = requests.labels(name)
        self.latency = latency.labels(name)

    def count_error(self, code: int, times: int = 1) -> None:
        self._errors.labels(self._name, name_of(code)).value += times


class BrokerMetrics:
    """Everything a connection or a handler adds to."""

    def __init__(self) -> None:
        self.registry = registry = Registry()
        self._requests = registry.counter("odradek_requests_total", "Requests received, by API", "api")
        self._errors = registry.counter("odradek_request_errors_total", "Errors answered, by API and error", "api", "error")
        self._latency = registry.histogram(
            "odradek_request_duration_seconds", "From the whole request received to its answer handed to the socket", "api"
        )
        self._closed = registry.counter(
            "odradek_connections_closed_total", "Connections that the broker closed, by reason", "reason"
        )
        self.bytes_in = registry.counter("odradek_network_received_bytes_total", "Bytes received from clients").labels()
        self.bytes_out = registry.counter("odradek_network_sent_bytes_total", "Bytes handed to clients' sockets").labels()
        self.connections_accepted = registry.counter("odradek_connections_total", "Connections accepted").labels()
        self.connections = registry.gauge("odradek_connections", "Connections open now").labels()

        self.produce_errors = self.api("Produce")
        self.fetch_errors = self.api("Fetch")

    def api(self, name: str) -> ApiMetrics:
        return ApiMetrics(name, self._requests, self._errors, self._latency)

    def count_closed(self, reason: str) -> None:
        self._closed.labels(reason).value += 1
