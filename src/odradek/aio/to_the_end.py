"""What must not stop half way: closing, giving back.

A caller that is cancelled while it closes something (a deadline, a second Ctrl-C) would leave the rest open, a directory's
lock above all. `to_the_end` waits for the work whatever happens to the caller, and raises the cancellation then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


async def to_the_end(work: Coroutine[Any, Any, _T] | asyncio.Future[_T]) -> _T:
    """The outcome of `work`; raises CancelledError when it has ended, if the caller was cancelled meanwhile."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait((task,))
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        return task.result()
    if not task.cancelled():
        task.exception()  # taken note of: the caller gets the cancellation instead
    raise cancelled
