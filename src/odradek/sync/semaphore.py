"""A semaphore: units that are taken and given back, by many at once.

Seastar's `semaphore` is the model: it counts units, not holders (so it bounds bytes as well as calls), it is fair, and
it can be broken when what it guards goes away. Waits cost nothing while units are free: `try_acquire` and the first
lines of `acquire` make no future.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import TracebackType

from odradek.base.errors import check
from odradek.sync.errors import BrokenError, UnitsError
from odradek.sync.waiters import Waiters


@dataclass(frozen=True, slots=True)
class SemaphoreStatistics:
    """A view of one semaphore; `waited` counts all who ever had to wait."""

    name: str
    units: int
    available: int
    waiting: int
    waiting_max: int
    waited: int


class Semaphore:
    """`units` to share; one event loop's."""

    __slots__ = ("_available", "_broken", "_waiters", "name", "units")

    def __init__(self, name: str, units: int) -> None:
        self.name = name
        self.units = self._available = self._at_least_one(units)
        self._waiters = Waiters[int]()
        self._broken: Exception | None = None

    @property
    def available(self) -> int:
        """Units free now (below 0 after `resize` to less than what is taken)."""
        return self._available

    @property
    def waiting(self) -> int:
        return len(self._waiters)

    def try_acquire(self, units: int = 1) -> bool:
        """Take `units` at once, or nothing: never ahead of those who wait."""
        check(units >= 0, "units are taken, not made", semaphore=self.name, units=units)
        if units > self._available or self._broken is not None or self._waiters.first_units is not None:
            return False
        self._available -= units
        return True

    async def acquire(self, units: int = 1) -> None:
        """Take `units`, when it is our turn and they are free.

        Raises `UnitsError` when there will never be so many, `BrokenError` (or the error given) once broken.
        """
        if self.try_acquire(units):
            return
        if self._broken is not None:
            raise self._broken.with_traceback(None)  # else each raise makes its traceback longer
        if units > self.units:
            raise UnitsError(f"semaphore {self.name}: {units} units asked for, it has {self.units} in all")
        await self._waiters.wait(self._waiters.join(units), self._left)

    def _left(self, granted: int | None) -> None:
        """A waiter was cancelled: what it has been given comes back; and whoever is behind it may ask for less than it did."""
        self.release(granted or 0)

    def release(self, units: int = 1) -> None:
        """Give `units` back."""
        after = self._available + units
        check(units >= 0 and after <= self.units, "no more comes back than was taken", semaphore=self.name, units=units)
        self._available = after
        self._grant()

    def _grant(self) -> None:
        while (units := self._waiters.first_units) is not None and units <= self._available:
            self._available -= units
            self._waiters.let_one_go(units)

    def resize(self, units: int) -> None:
        """Change how many there are; those taken beyond it are missed until they come back.

        Who waits for more than there are now gets `UnitsError`, as if it had come later.
        """
        self._available += self._at_least_one(units) - self.units
        self.units = units
        error = UnitsError(f"semaphore {self.name}: it was waited for more units than the {units} that it has in all now")
        self._waiters.fail(error, above=units)
        self._grant()

    def break_waiters(self, error: Exception | None = None) -> None:
        """Nobody gets units any more; those who wait, and all who come, get `error`."""
        self._broken = error or BrokenError(f"semaphore {self.name} is broken ({len(self._waiters)} were waiting)")
        self._waiters.fail(self._broken)

    def hold(self, units: int = 1) -> Held:
        """`async with semaphore.hold(n):` takes and gives back."""
        return Held(self, units)

    def statistics(self) -> SemaphoreStatistics:
        line = self._waiters
        return SemaphoreStatistics(self.name, self.units, self._available, len(line), line.waiting_max, line.waited)

    def _at_least_one(self, units: int) -> int:
        if units < 1:
            raise ValueError(f"semaphore {self.name}: at least one unit, not {units}")
        return units


class Held:
    """Units for the length of a block."""

    __slots__ = ("_semaphore", "_units")

    def __init__(self, semaphore: Semaphore, units: int) -> None:
        self._semaphore = semaphore
        self._units = units

    async def __aenter__(self) -> None:
        await self._semaphore.acquire(self._units)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._semaphore.release(self._units)
