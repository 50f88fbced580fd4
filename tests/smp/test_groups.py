"""Calls go to later groups only; a context says whose handler one is."""

from __future__ import annotations

from contextvars import copy_context

import pytest

from odradek.smp import groups
from odradek.smp.errors import ServiceOrderError
from odradek.smp.groups import DEFAULT_GROUP, ServiceGroup

EARLY, LATE, LATE_TOO = ServiceGroup("early", 1), ServiceGroup("late", 2), ServiceGroup("late too", 2)


def allowed(mine: ServiceGroup | None, theirs: ServiceGroup) -> bool:
    def ask() -> bool:
        if mine is not None:
            groups.enter(mine)
        assert groups.serving() is mine
        try:
            groups.check_order(theirs, "write")
        except ServiceOrderError:
            return False
        return True

    return copy_context().run(ask)


def test_calls_go_to_later_groups_only():
    order = [EARLY, LATE, LATE_TOO, DEFAULT_GROUP]
    assert {theirs.name for theirs in order if allowed(None, theirs)} == {"early", "late", "late too", "default"}
    assert {theirs.name for theirs in order if allowed(EARLY, theirs)} == {"late", "late too", "default"}
    assert {theirs.name for theirs in order if allowed(LATE, theirs)} == {"default"}
    assert {theirs.name for theirs in order if allowed(LATE_TOO, theirs)} == {"default"}
    assert not any(allowed(DEFAULT_GROUP, theirs) for theirs in order)


def test_the_error_names_both():
    def ask() -> None:
        groups.enter(LATE)
        with pytest.raises(ServiceOrderError, match=r"group late \(order 2\) calls write, of group early \(order 1\)"):
            groups.check_order(EARLY, "write")

    copy_context().run(ask)


@pytest.mark.parametrize(("order", "calls_max"), [(0, 1), (1, 0), (-1, 1)])
def test_a_group_has_an_order_and_places(order, calls_max):
    with pytest.raises(ValueError, match="group g: order and calls_max are at least 1"):
        ServiceGroup("g", order, calls_max)
