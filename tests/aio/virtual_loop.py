"""A loop whose time passes only while nothing else is to be done: hours in a second, and the same each time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any


class VirtualLoop(asyncio.SelectorEventLoop):
    """For stories without real I/O: a wait ends at once, and the clock is where it would have been."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        really = self._selector.select

        def select(timeout: float | None) -> Any:
            self._now += timeout or 0.0
            return really(0)

        self._selector.select = select

    def time(self) -> float:
        return self._now

    def monotonic(self) -> float:
        """The loop is a `Clock`, too."""
        return self._now

    def now_ms(self) -> int:
        return int(self._now * 1000)


def run_virtually(story: Callable[[VirtualLoop], Awaitable[Any]]) -> Any:
    """`story(loop)` in virtual time."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(asyncio.wait_for(story(loop), 1e6))
    finally:
        loop.close()
