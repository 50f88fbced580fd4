"""A semaphore beside a dumb one, under schedules that hypothesis draws.

A schedule is a list of turns. In each several things happen at once (a release, a cancellation of the one whom it lets
go, a newcomer), before any task can run: that is where grants get lost. When all have run, both must agree on who holds
units, who waits, and how many are left.
"""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from odradek.sync import Semaphore, UnitsError

acquires = st.tuples(st.just("acquire"), st.integers(0, 4))
cancels = st.tuples(st.just("cancel"), st.integers(0, 30))
releases = st.tuples(st.just("release"), st.integers(0, 30))
resizes = st.tuples(st.just("resize"), st.integers(1, 5))
schedules = st.lists(st.lists(st.one_of(acquires, cancels, releases, releases, resizes), max_size=6), max_size=12)


class DumbSemaphore:
    """A line and a dictionary; everything happens at once."""

    def __init__(self, units: int) -> None:
        self.units = units
        self.line: dict[int, int] = {}
        self.held: dict[int, int] = {}
        self.fresh: set[int] = set()  # let go in this turn: their tasks have not run
        self.leaving: set[int] = set()  # of these, who were cancelled since

    @property
    def available(self) -> int:
        return self.units - sum(self.held.values())

    def acquire(self, who: int, units: int) -> None:
        if units <= self.units:
            self.line[who] = units
            self.serve()

    def cancel(self, who: int) -> None:
        """It is passed over from now on, but what it was given, and its place, come back only when its task runs."""
        self.line.pop(who, None)
        if who in self.fresh:
            self.leaving.add(who)

    def end_turn(self) -> None:
        for who in self.leaving:
            del self.held[who]
        self.leaving.clear()
        self.serve()
        self.fresh.clear()

    def release(self, who: int) -> None:
        del self.held[who]
        self.serve()

    def resize(self, units: int) -> None:
        self.units = units
        self.line = {who: asked for who, asked in self.line.items() if asked <= units}
        self.serve()

    def serve(self) -> None:
        while self.line and next(iter(self.line.values())) <= self.available:
            who = next(iter(self.line))
            self.held[who] = self.line.pop(who)
            self.fresh.add(who)


class Run:
    """The clever one and the dumb one, through one schedule."""

    def __init__(self) -> None:
        self.clever, self.dumb = Semaphore("slots", 3), DumbSemaphore(3)
        self.tasks: list[asyncio.Task[None]] = []
        self.held: dict[int, int] = {}

    async def acquire(self, who: int, units: int) -> None:
        try:
            await self.clever.acquire(units)
        except UnitsError:
            return
        self.held[who] = units

    async def turn(self, actions: list[tuple[str, int]]) -> None:
        newcomers: dict[int, int] = {}
        for action, number in actions:
            if action == "acquire":
                newcomers[len(self.tasks)] = number
                self.tasks.append(asyncio.create_task(self.acquire(len(self.tasks), number)))
            elif action == "cancel" and number < len(self.tasks):
                self.tasks[number].cancel()
                newcomers.pop(number, None)
                self.dumb.cancel(number)
            elif action == "release" and number in self.held:
                self.clever.release(self.held.pop(number))
                self.dumb.release(number)
            elif action == "resize":
                self.clever.resize(number)
                self.dumb.resize(number)
        for who, units in newcomers.items():
            self.dumb.acquire(who, units)
        self.dumb.end_turn()
        for _ in range(4):
            await asyncio.sleep(0)

    def compare(self) -> None:
        assert self.held == self.dumb.held
        assert self.clever.available == self.dumb.available
        assert self.clever.waiting == len(self.dumb.line)

    async def through(self, schedule: list[list[tuple[str, int]]]) -> None:
        for actions in schedule:
            await self.turn(actions)
            self.compare()
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for units in self.held.values():
            self.clever.release(units)
        assert (self.clever.available, self.clever.waiting) == (self.clever.units, 0)


@given(schedules)
def test_as_the_dumb_one(schedule):
    async def story() -> None:
        await Run().through(schedule)

    asyncio.run(story())
