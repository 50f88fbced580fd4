"""Whose turn it is to do what takes more than one turn of the loop: an async lock, first come, first served.

While somebody has the turn or waits for it, the log's `append_now` gives way, so that nobody overtakes.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from odradek.log.log import Log


class Turn:
    """One log's. `async with log.turn:` appends, rolls, truncates or closes alone."""

    __slots__ = ("_lock", "_log", "_waiting")

    def __init__(self, log: Log) -> None:
        self._log = log
        self._lock = asyncio.Lock()
        self._waiting = 0

    @property
    def is_taken(self) -> bool:
        """Somebody has it or waits for it."""
        return self._waiting > 0

    async def __aenter__(self) -> None:
        self._waiting += 1
        self._log.slow_down()
        try:
            await self._lock.acquire()
        except BaseException:
            self._leave()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._lock.release()
        self._leave()

    def _leave(self) -> None:
        self._waiting -= 1
        if not self._waiting:
            self._log.speed_up()
