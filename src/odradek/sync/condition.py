"""A condition variable: wait until somebody says that something has changed.

One event loop runs one thing at a time, so there is no lock around it (Seastar's `condition_variable`): between a test
of the state and the `wait()` after it, nothing can happen. A wake-up says "look again", not "it is so": use `wait_for`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from odradek.sync.errors import BrokenError
from odradek.sync.waiters import Waiters


@dataclass(frozen=True, slots=True)
class ConditionStatistics:
    """A view of one condition; `waited` counts all who ever had to wait."""

    name: str
    waiting: int
    waiting_max: int
    waited: int


class Condition:
    """Signals without memory: one that nobody waits for is gone."""

    __slots__ = ("_broken", "_waiters", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self._waiters = Waiters[bool]()
        self._broken: Exception | None = None

    async def wait(self) -> None:
        """Until the next signal that reaches us. Raises `BrokenError` (or the error given) once broken."""
        if self._broken is not None:
            raise self._broken.with_traceback(None)  # else each raise makes its traceback longer
        await self._waiters.wait(self._waiters.join(), self._left)

    async def wait_for(self, predicate: Callable[[], bool]) -> None:
        """Until `predicate` holds; it is asked at once, and after each signal."""
        while not predicate():
            await self.wait()

    def _left(self, signalled: bool | None) -> None:
        if signalled:  # it was ours in the moment of the cancellation: the next one gets it
            self.signal()

    def signal(self) -> None:
        """Wake the one who has waited longest."""
        if self._waiters.first_units is not None:
            self._waiters.let_one_go(True)

    def broadcast(self) -> None:
        """Wake all who wait now."""
        while self._waiters.first_units is not None:
            self._waiters.let_one_go(False)  # nobody is left to hand it on to: those who come later are not meant

    def break_waiters(self, error: Exception | None = None) -> None:
        """What is waited for will never come: those who wait, and all who come, get `error`."""
        self._broken = error or BrokenError(f"condition {self.name} is broken ({len(self._waiters)} were waiting)")
        self._waiters.fail(self._broken)

    def statistics(self) -> ConditionStatistics:
        line = self._waiters
        return ConditionStatistics(self.name, len(line), line.waiting_max, line.waited)
