"""What one connection holds of the broker's memory for requests: for the frame that arrives, and for what a frame becomes.

Two budgets, one after the other, each as large as `odradek.memory.inflight.bytes`:

- `FrameMemory`, bytes that arrive. A frame above `BUFFER_SIZE` takes its whole size before more of it is read, lest two
  senders each hold half of the budget and wait for the other; it gives back when it has been dealt with.
- `decoded_weight`, what bytes become. A request that is no Produce (whose records stay bytes to the end) becomes objects of
  some sixteen times its size, and lives until it is answered: a thousand clients at once, a disk that is slow, and there
  is no memory. So such a request of more than `SMALL` bytes takes its weight before it is decoded.

Who holds of the second never waits for the first, so they cannot wait for each other in a circle. Requests that wait for
other clients as long as they please (`WAIT_FOR_OTHERS`) hold nothing while they wait; their handlers let go of what they
brought.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from odradek.broker.budget import MemoryBudget
from odradek.wire.api import ApiKey
from odradek.wire.frames import FrameSplitter
from odradek.wire.receive_buffers import BUFFER_SIZE

SMALL: Final = 4096  # bytes of a request up to which nobody asks what it becomes
WAIT_FOR_OTHERS: Final = (ApiKey.FETCH, ApiKey.JOIN_GROUP, ApiKey.SYNC_GROUP)
_WEIGHT_PER_BYTE: Final = 16  # measured: 4 to 21 times the frame for a hundred thousand elements, by API (docs/decisions/0009)
_WEIGHT_PER_ELEMENT: Final = 256  # bytes, of the costliest


def decoded_weight(size: int, max_elements: int) -> int:
    """Bytes of memory that a request of `size` bytes is reckoned to take, decoded and with its answer begun."""
    return min(size * _WEIGHT_PER_BYTE, size + max_elements * _WEIGHT_PER_ELEMENT)


class FrameMemory:
    """One connection's share for the frame that arrives. `resume` is called when what it waited for is there."""

    __slots__ = ("_asked", "_budget", "_frames", "_loop", "_marked", "_resume", "held", "starved")

    def __init__(
        self, budget: MemoryBudget, frames: FrameSplitter, loop: asyncio.AbstractEventLoop, resume: Callable[[], None]
    ) -> None:
        self._budget = budget
        self._frames = frames
        self._loop = loop
        self._resume = resume
        self._asked = 0  # bytes that it waits for
        self._marked = (0.0, 0)  # when, and how much of the frame was there
        self.held = 0  # bytes
        self.starved = False  # waits for some

    def settle(self, unfinished: int) -> bool:
        """Hold what an unfinished frame of that size needs, and nothing else. False: not now, read nothing meanwhile."""
        wanted = unfinished if unfinished > BUFFER_SIZE else 0
        if self.held and wanted != self.held:
            self._budget.give(self.held)
            self.held = 0
        if wanted and not self.held and not self.starved:
            if not self._budget.take(wanted, self._granted):
                self._asked = wanted
                self.starved = True
                return False
            self._hold(wanted)
        return True

    def is_stalled(self, now: float, seconds: float, least: int) -> bool:
        """Whether it holds memory for a frame of which fewer than `least` bytes came in `seconds`.

        The measure is taken again each time they are over; to be asked every few seconds.
        """
        since, before = self._marked
        if not self.held or now - since <= seconds:
            return False
        self._marked = (now, self._frames.pending_bytes)
        return self._frames.pending_bytes - before < least

    def let_go(self) -> None:
        """The connection is gone."""
        self._budget.forget(self._granted)
        if self.held:
            self._budget.give(self.held)
            self.held = 0
        self._resume = _nothing  # no circle of references with the connection

    def _granted(self) -> None:
        self.starved = False
        self._hold(self._asked)
        self._resume()

    def _hold(self, size: int) -> None:
        self.held = size
        self._marked = (self._loop.time(), self._frames.pending_bytes)


def _nothing() -> None:
    """What is done for a connection that is gone."""
