"""Waiting, for tasks of one event loop: semaphore, condition, bounded queue. (The gate is in `odradek.aio`.) And the reverse,
`odradek.sync.turns`: long work that lets others have their turn.

Each is named, says its numbers in its errors, is fair, loses no grant to a cancellation, and answers `statistics()`.
They stand on one line of waiters (`waiters.py`). Seastar's names and meanings are kept. None is thread-safe: what
crosses threads or processes is a message (`odradek.smp`).
"""

from odradek.sync.condition import Condition, ConditionStatistics
from odradek.sync.errors import BrokenError, QueueClosedError, SyncError, UnitsError
from odradek.sync.queue import Queue, QueueStatistics
from odradek.sync.semaphore import Semaphore, SemaphoreStatistics

__all__ = [
    "BrokenError",
    "Condition",
    "ConditionStatistics",
    "Queue",
    "QueueClosedError",
    "QueueStatistics",
    "Semaphore",
    "SemaphoreStatistics",
    "SyncError",
    "UnitsError",
]
