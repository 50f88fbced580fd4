"""Plain integers, one child per combination of labels."""

from __future__ import annotations

import pytest

from odradek.base.metrics import Histogram, Registry


def test_a_child_is_kept_per_label_values() -> None:
    family = Registry().counter("requests_total", "requests", "api", "error")
    family.labels("Fetch", "NONE").value += 2
    family.labels("Fetch", "NONE").value += 1
    assert [(labels, child.value) for labels, child in family.items()] == [(("Fetch", "NONE"), 3)]


def test_label_values_must_be_as_many_as_names() -> None:
    with pytest.raises(ValueError, match="has the labels"):
        Registry().gauge("size", "bytes", "topic").labels()


def test_a_bound_is_inclusive_as_in_prometheus() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 9.0):
        histogram.observe(value)
    assert (histogram.counts, histogram.count, histogram.total) == ([2, 1, 1], 4, 12.0)


def test_a_name_is_taken_once() -> None:
    registry = Registry()
    registry.counter("x", "x")
    with pytest.raises(ValueError, match="exists already"):
        registry.counter("x", "x")
