"""An answer's place in line on its connection.

Answers leave in the order of their requests, and become ready in any. So a request that is not answered at once gets a
slot behind those before it, and a ready answer stays in its slot until it is the first.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from odradek.wire.primitives import Buffer


class Slot:
    """One answer; `parts` is None until it is there, `future` None when nothing is to be cancelled with the connection."""

    __slots__ = ("future", "is_fetch", "parts", "size")

    def __init__(self, future: asyncio.Future[Any] | None, *, is_fetch: bool = False) -> None:
        self.future = future
        self.is_fetch = is_fetch
        self.parts: list[Buffer] | None = None
        self.size = 0  # of the parts, in bytes
