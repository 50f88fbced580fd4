"""Metrics as plain integers that a scraper reads.

The hot path adds to an int in a slot; names, labels and text belong to the scrape, which happens every few seconds at most.
A family hands out one child per combination of label values; children are kept, so whoever is on the hot path keeps its child.
Names follow Prometheus (`odradek_requests_total`), words follow Kafka's metrics (request, error, bytes in, log end offset).

A gauge may be a function, read at the scrape: sizes and states that somebody holds already are not held twice.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

LabelValues = tuple[str, ...]
Sample = tuple[str, LabelValues, float]

# Seconds. From the cost of a memory copy to the longest long poll that clients ask for by default.
LATENCY_BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Counter:
    """Only grows. `counter.value += n` is the whole interface."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0


class Gauge:
    """Goes up and down."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0


class Histogram:
    """Counts of observations by upper bound (inclusive), their number and sum."""

    __slots__ = ("bounds", "count", "counts", "total")

    def __init__(self, bounds: tuple[float, ...] = LATENCY_BUCKETS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.count = 0
        self.total = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.count += 1
        self.total += value


Child = TypeVar("Child", bound=Counter | Gauge | Histogram)


class Family(Generic[Child]):
    """Metrics of one name that differ in label values."""

    __slots__ = ("_children", "_make", "help", "kind", "label_names", "name")

    def __init__(self, name: str, kind: str, text: str, label_names: LabelValues, make: Callable[[], Child]) -> None:
        self.name, self.kind, self.help, self.label_names = name, kind, text, label_names
        self._make: Callable[[], Child] = make
        self._children: dict[LabelValues, Child] = {}

    def labels(self, *values: str) -> Child:
        """The child of these label values, made when first asked for."""
        child = self._children.get(values)
        if child is None:
            if len(values) != len(self.label_names):
                raise ValueError(f"{self.name} has the labels {self.label_names}, got {values}")
            child = self._children[values] = self._make()
        return child

    def items(self) -> Iterable[tuple[LabelValues, Child]]:
        return list(self._children.items())


class Callback:
    """A gauge or counter whose samples are computed at the scrape."""

    __slots__ = ("help", "kind", "label_names", "name", "read")

    def __init__(
        self,
        name: str,
        kind: str,
        text: str,
        label_names: LabelValues,
        read: Callable[[], Iterable[tuple[LabelValues, float]]],
    ) -> None:
        self.name, self.kind, self.help, self.label_names, self.read = name, kind, text, label_names, read


class Registry:
    """All metrics of one broker. A broker has its own: several live in one process."""

    def __init__(self) -> None:
        self._families: dict[str, Family[Counter] | Family[Gauge] | Family[Histogram] | Callback] = {}

    def counter(self, name: str, text: str, *labels: str) -> Family[Counter]:
        return self._add(Family(name, "counter", text, labels, Counter))

    def gauge(self, name: str, text: str, *labels: str) -> Family[Gauge]:
        return self._add(Family(name, "gauge", text, labels, Gauge))

    def histogram(self, name: str, text: str, *labels: str, bounds: tuple[float, ...] = LATENCY_BUCKETS) -> Family[Histogram]:
        return self._add(Family(name, "histogram", text, labels, lambda: Histogram(bounds)))

    def callback(
        self,
        name: str,
        kind: str,
        text: str,
        labels: LabelValues,
        read: Callable[[], Iterable[tuple[LabelValues, float]]],
    ) -> None:
        self._add(Callback(name, kind, text, labels, read))

    def __iter__(self) -> Iterator[Family[Counter] | Family[Gauge] | Family[Histogram] | Callback]:
        return iter(list(self._families.values()))

    _F = TypeVar("_F", bound="Family[Counter] | Family[Gauge] | Family[Histogram] | Callback")

    def _add(self, family: _F) -> _F:
        if family.name in self._families:
            raise ValueError(f"metric {family.name} exists already")
        self._families[family.name] = family
        return family
