"""Ctrl-C, put off while what must not be torn apart is under way.

A consumer prints records and then marks them as consumed. An interrupt between the two would have its group read again what
was printed already. Inside `deferred()` the first Ctrl-C waits for the end of the block; a second one does not, so that a write
that nobody takes can still be left.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


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
