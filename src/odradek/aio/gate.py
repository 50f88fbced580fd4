"""A gate: operations enter and leave it; closing it lets nobody in and waits until all are out.

This is how a file may be closed while reads and writes are in flight: its descriptor is given back only when the last one has
left, because a descriptor closed earlier can be handed out again by the kernel and the late write would land in another file.
Seastar's `gate` is the model, and its names are kept. It belongs to one event loop and is not thread-safe.
"""

from __future__ import annotations

import asyncio

from odradek.aio.errors import GateClosedError
from odradek.base.errors import check


class Gate:
    """Counts what is inside; `name` appears in its errors, which are of the type `error`."""

    __slots__ = ("_closed", "_count", "_emptied", "_error", "name")

    def __init__(self, name: str, error: type[GateClosedError] = GateClosedError) -> None:
        self.name = name
        self._error = error
        self._count = 0
        self._closed = False
        self._emptied: asyncio.Future[None] | None = None

    @property
    def count(self) -> int:
        """How many are inside now."""
        return self._count

    @property
    def closed(self) -> bool:
        return self._closed

    def enter(self) -> None:
        """Go in; raises `GateClosedError` (or the type given) once `close()` has been called."""
        if self._closed:
            raise self._error(f"{self.name} is closed ({self._count} operations still inside)")
        self._count += 1

    def leave(self) -> None:
        """Go out: exactly once for each `enter()`."""
        check(self._count > 0, "a gate is left once for each entry", gate=self.name)
        self._count -= 1
        if self._count == 0 and self._emptied is not None and not self._emptied.done():
            self._emptied.set_result(None)

    async def close(self) -> None:
        """Let nobody in any more and wait until all have left. May be called again, by several, and cancelled."""
        self._closed = True
        while self._count:
            if self._emptied is None:
                self._emptied = asyncio.get_running_loop().create_future()
            # Shielded: one closer that is cancelled must not wake or break the others.
            await asyncio.shield(self._emptied)
