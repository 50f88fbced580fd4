"""Bytes in flight: taken, given back, waited for in order."""

from __future__ import annotations

import pytest

from odradek.base.errors import InvariantError
from odradek.broker.budget import MemoryBudget


def test_what_fits_is_taken_at_once() -> None:
    budget = MemoryBudget(100)
    assert budget.take(60, lambda: None)
    assert budget.take(40, lambda: None)
    assert budget.used == 100


def test_what_does_not_fit_waits_its_turn_even_when_a_smaller_one_would_fit() -> None:
    budget = MemoryBudget(100)
    served: list[str] = []
    budget.take(80, lambda: None)
    assert not budget.take(50, lambda: served.append("large"))
    assert not budget.take(10, lambda: served.append("small"))
    assert (served, budget.waiting_count) == ([], 2)
    budget.give(80)
    assert (served, budget.used) == (["large", "small"], 60)


def test_one_frame_larger_than_the_budget_passes_alone() -> None:
    budget = MemoryBudget(100)
    assert budget.take(1000, lambda: None)
    assert not budget.take(1, lambda: None)


def test_who_left_is_not_called() -> None:
    budget = MemoryBudget(10)
    served: list[str] = []

    def gone() -> None:
        served.append("gone")

    budget.take(10, lambda: None)
    budget.take(5, gone)
    budget.forget(gone)
    budget.give(10)
    assert (served, budget.used) == ([], 0)


def test_who_waited_behind_one_that_left_is_served() -> None:
    budget = MemoryBudget(100)
    served: list[str] = []

    def gone() -> None:
        served.append("gone")

    budget.take(50, lambda: None)
    budget.take(80, gone)
    budget.take(50, lambda: served.append("behind"))
    budget.forget(gone)
    assert served == ["behind"]


def test_giving_more_than_was_taken_is_a_bug_that_shows() -> None:
    with pytest.raises(InvariantError, match="given back"):
        MemoryBudget(10).give(1)
