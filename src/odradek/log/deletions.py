"""Files and directories on their way out: renamed at once, removed `file.delete.delay.ms` later.

The delay is Kafka's: a read that began before the rename finishes on the old file. What is renamed is gone for the
log in that moment, so a crash in between leaves names that the next start removes (`.deleted`, `-delete`). Nothing
here is urgent; one pass every so often removes what is due.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from odradek.aio.storage import Storage
from odradek.base.clock import Clock
from odradek.base.logging import get_logger

_logger = get_logger("log")

Removal = Callable[[], Awaitable[None]]


class Deletions:
    """What waits for removal in one data directory."""

    __slots__ = ("_clock", "_storage", "_waiting")

    def __init__(self, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._clock = clock
        self._waiting: list[tuple[float, str, Removal]] = []

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, what: str, delay_ms: int, removal: Removal) -> None:
        """Run `removal` in a pass that comes `delay_ms` or more from now."""
        self._waiting.append((self._clock.monotonic() + delay_ms / 1000, what, removal))

    def add_tree(self, path: str, delay_ms: int) -> None:
        """Remove a directory and all in it."""

        async def remove() -> None:
            await self._storage.remove_tree(path)

        self.add(path, delay_ms, remove)

    async def run_due(self, *, everything: bool = False) -> int:
        """Remove what is due (or everything); how many things."""
        now = self._clock.monotonic()
        due = [entry for entry in self._waiting if everything or entry[0] <= now]
        self._waiting = [] if everything else [entry for entry in self._waiting if entry[0] > now]
        for _, what, removal in due:
            try:
                await removal()
            except FileNotFoundError:
                pass
            except OSError as error:
                _logger.warning("cannot remove", what=what, reason=str(error))
        return len(due)
