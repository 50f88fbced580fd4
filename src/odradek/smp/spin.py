"""How long to look for messages before going to sleep.

Waking a sleeper costs its sender a system call and the sleeper some tens of microseconds; looking once costs a tenth of
a microsecond, and burns the core meanwhile. So a shard looks for a while first, and how long is learnt, as the kernel's
`halt_poll_ns` does: a message that came while looking doubles the next stay, up to a limit; a stay in vain halves it,
down to nothing. A shard that is asked once a second therefore sleeps at once, and two that play ping-pong never do.

At nothing the policy could never find out that messages have become frequent: what wakes the sleeper within
`window_max_us` of its falling asleep counts as a message that looking would have caught.
"""

from __future__ import annotations

from typing import Final

WINDOW_MAX_US: Final = 200
"""Some wake-ups' worth: the answer of a shard that sleeps too is two of them away. (Seastar's and KVM's limit is the same.)"""

_WINDOW_FIRST_US: Final = 5


class SpinPolicy:
    """Pure: is told what happened, says how long to look. One per shard; times are microseconds."""

    __slots__ = ("hits", "misses", "window_max_us", "window_us")

    def __init__(self, window_max_us: int = WINDOW_MAX_US) -> None:
        self.window_max_us = window_max_us
        self.window_us = 0
        self.hits = 0  # stays in which a message came
        self.misses = 0

    def caught(self) -> None:
        """A message came while looking."""
        self.hits += 1
        self._grow()

    def fell_asleep(self) -> None:
        """The window passed in vain."""
        self.misses += 1
        self.window_us //= 2
        if self.window_us < _WINDOW_FIRST_US:
            self.window_us = 0

    def woken(self, slept_us: float) -> None:
        """A message woke the shard `slept_us` after it fell asleep."""
        if slept_us < self.window_max_us:
            self._grow()

    def _grow(self) -> None:
        self.window_us = min(max(self.window_us * 2, _WINDOW_FIRST_US), self.window_max_us)
