"""Ctrl-C, put off while what must not be torn apart is under way; SIGTERM, where it is to be as gentle.

A consumer prints records and then marks them as consumed. An interrupt between the two would have its group read again what
was printed already. Inside `deferred()` the first Ctrl-C waits for the end of the block; a second one does not, so that a write
that nobody takes can still be left.

A member of a group that is ended by SIGTERM (a supervisor, `timeout`) leaves it as one ended by Ctrl-C does: else the others
wait for its session to time out, and what it printed since the last commit is read again.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(KeyboardInterrupt):
    """SIGTERM, taken as Ctrl-C is."""


@contextmanager
def gentle_termination() -> Iterator[None]:
    """Within the block SIGTERM does what SIGINT does, and raises `Terminated`; elsewhere than in the main thread: nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came = False

    def take(number: int, frame: FrameType | None) -> None:
        nonlocal came
        came = True
        current = signal.getsignal(signal.SIGINT)
        if not callable(current):  # ignored, as in a shell's background
            raise Terminated
        current(number, frame)

    before = signal.signal(signal.SIGTERM, take)
    try:
        yield
    except KeyboardInterrupt as interrupt:
        if came and not isinstance(interrupt, Terminated):
            raise Terminated from interrupt
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def deferred() -> Iterator[None]:
    """Raise KeyboardInterrupt at the block's end for a SIGINT that came within; elsewhere than in the main thread: nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came = False

    def note_it(number: int, frame: FrameType | None) -> None:
        nonlocal came
        if came:
            raise KeyboardInterrupt
        came = True

    before = signal.signal(signal.SIGINT, note_it)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        raise KeyboardInterrupt
