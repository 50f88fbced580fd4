"""Prometheus metrics over HTTP, in a thread of their own, read straight from the broker's integers.

`prometheus_client` writes the exposition format and serves it; it is imported only where a metrics port is asked for
(0.1 s). The scraper's thread reads plain ints, and copies of dictionaries made in one step, while the loop goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from odradek.aio.forks import keep_from_children
from odradek.base.errors import OdradekError
from odradek.base.metrics import Callback, Counter, Family, Gauge, Histogram
from odradek.broker.listeners import WILDCARDS

if TYPE_CHECKING:
    from odradek.base.metrics import Registry
    from odradek.broker.context import BrokerState


class MetricsServerError(OdradekError):
    """The metrics port cannot be had."""


class MetricsServer:
    """Lifecycle: listens when made, where the broker's first listener does; `stop()`."""

    def __init__(self, state: BrokerState, port: int, host: str = "") -> None:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(BrokerCollector(state.metrics.registry))
        try:
            address = "0.0.0.0" if host in WILDCARDS else host
            self._server, self._thread = start_http_server(port, addr=address, registry=registry)
        except OSError as error:
            reason = error.strerror or str(error)
            raise MetricsServerError(f"cannot serve metrics on port {port}: {reason} (--metrics-port)") from error
        keep_from_children(self._server.fileno())
        self.port: int = self._server.server_port

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class BrokerCollector(Collector):
    """Turns a broker's registry into what prometheus_client writes out."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Any]:
        for family in self._registry:
            yield _callback(family) if isinstance(family, Callback) else _family(family)


def _callback(callback: Callback) -> CounterMetricFamily | GaugeMetricFamily:
    kind = CounterMetricFamily if callback.kind == "counter" else GaugeMetricFamily
    written = kind(callback.name, callback.help, labels=callback.label_names)
    for labels, value in callback.read():
        written.add_metric(labels, value)
    return written


def _family(family: Family[Counter] | Family[Gauge] | Family[Histogram]) -> Any:
    kinds = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily, "histogram": HistogramMetricFamily}
    written: Any = kinds[family.kind](family.name, family.help, labels=family.label_names)
    for labels, child in family.items():
        if isinstance(child, Histogram):
            written.add_metric(labels, _buckets(child), child.total)
        else:
            written.add_metric(labels, child.value)
    return written


def _buckets(histogram: Histogram) -> Iterable[tuple[str, float]]:
    total, rows = 0, []
    for bound, count in zip((*histogram.bounds, float("inf")), list(histogram.counts), strict=True):
        total += count
        rows.append(("+Inf" if bound == float("inf") else repr(bound), float(total)))
    return rows
