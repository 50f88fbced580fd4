"""What the primitives raise: named, and with their numbers."""

from __future__ import annotations

from odradek.base.errors import OdradekError


class SyncError(OdradekError):
    """A failure that a primitive names itself."""


class BrokenError(SyncError):
    """The primitive was broken (`break_waiters`): what was waited for will never come."""


class UnitsError(SyncError):
    """More units are asked for than there will ever be."""


class QueueClosedError(SyncError):
    """Something was put into a queue that takes no more, or taken from one that is closed and empty."""
