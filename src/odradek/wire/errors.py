"""Kafka's error codes, and the one exception of this room."""

from __future__ import annotations

from odradek.base.errors import OdradekError


class WireError(OdradekError):
    """Bytes that are not what the protocol allows, or a message that it cannot carry. The message says which and how much."""
