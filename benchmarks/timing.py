"""What a call costs, in microseconds of this process's CPU time: seven rounds, each long enough to be measured.

All rounds are kept. Their least is the nearest to what the call itself needs, since whatever else the machine does only adds.
"""

from __future__ import annotations

import timeit
from collections.abc import Callable, Mapping
from time import process_time

from benchmarks.record import quick

ROUNDS = 7


def microseconds(call: Callable[[], object]) -> list[float]:
    """Microseconds per call in each round; a quick run makes one round of one call."""
    timer = timeit.Timer(call, timer=process_time)
    if quick():
        return [timer.timeit(1) * 1e6]
    loops, _ = timer.autorange()
    return [round(seconds / loops * 1e6, 3) for seconds in timer.repeat(ROUNDS, loops)]


def show(figures: Mapping[str, Mapping[str, list[float]]]) -> None:
    """The best round of every call, under the titles of their groups."""
    for title, part in figures.items():
        print(title)
        for name, values in part.items():
            print(f"  {name:46} {min(values):10.2f} us")
