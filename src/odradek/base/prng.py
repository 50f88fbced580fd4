"""Chance, as a parameter.

The only module that imports `random`. Whoever draws takes a `Prng`: seeded in tests and simulation (the seed is printed, so
that a failure can be had again), from the system in production.
"""

from __future__ import annotations

import random

Prng = random.Random


def system_prng() -> Prng:
    """Unpredictable: producer ids, topic ids, member ids."""
    return random.SystemRandom()


def seeded(seed: int | str) -> Prng:
    """The same draws for the same seed, on every machine."""
    return random.Random(seed)
