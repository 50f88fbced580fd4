"""Power cuts at the boundaries of a disk under load: nothing that was acknowledged is lost. See `power_cut_story`."""

from __future__ import annotations

import asyncio

import pytest
from power_cut_story import Story, tell_and_verify

A_FEW_SEEDS = range(6)
MANY_SEEDS = range(100, 400)
SEEDS_PER_TEST = 25


@pytest.mark.parametrize("seed", A_FEW_SEEDS)
def test_what_was_acknowledged_survives_a_power_cut(seed: int):
    asyncio.run(tell_and_verify(Story(seed), print))


def test_at_every_single_boundary_of_a_short_story():
    asyncio.run(tell_and_verify(Story(1, batches=3, cut_every=1, cuts_max=1000), print))


@pytest.mark.conformance
@pytest.mark.parametrize("first", range(MANY_SEEDS.start, MANY_SEEDS.stop, SEEDS_PER_TEST))
def test_what_was_acknowledged_survives_many_power_cuts(first: int):
    for seed in range(first, first + SEEDS_PER_TEST):
        asyncio.run(tell_and_verify(Story(seed, batches=20, cut_every=9), print))
