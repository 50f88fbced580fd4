"""An event loop in a thread of its own, for a node whose owner has no loop.

The whole of the node's life is one coroutine in that thread: start, wait to be told to end, stop. The owner's thread only
tells and waits, so that whatever interrupts it there (Ctrl-C above all) cannot leave a node half started or half stopped:
an interrupted start is cancelled and gives everything back, an interrupted stop goes on, and the interrupt is raised when
it is over. A second interrupt is raised at once; the thread ends all the same.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from odradek.base.errors import check
from odradek.broker.node import Node


def new_event_loop() -> asyncio.AbstractEventLoop:
    """uvloop's where it is installed (1.2 to 1.5 times asyncio's rate on sockets), else asyncio's."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


class LoopThread:
    """One node's thread. Lifecycle: `start` once, `stop` from any thread, as often as wanted.

    `make` starts the node, on the loop. `ended` is called in the thread when all is over, whether or not a node came of it.
    """

    def __init__(self, make: Callable[[], Coroutine[Any, Any, Node]], ended: Callable[[], None]) -> None:
        self._make = make
        self._ended = ended
        self._node: Node | None = None
        self._error: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = threading.Event()  # to end
        self._end = asyncio.Event()  # the same, on the loop
        self._ready = threading.Event()  # the start is over, one way or the other
        self._over = threading.Event()
        self._begun = False  # the thread runs, and will see to the end; looked at and set under `_beginning`
        self._beginning = threading.Lock()
        # A daemon: a disk that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="odradek", daemon=True)

    def start(self) -> Node:
        """The node when it answers; raises what `make` raised, when everything has been given back."""
        try:
            self._thread.start()
            self._ready.wait()
        except BaseException:
            self.stop()
            raise
        error, self._error = self._error, None
        if error is not None:
            self.stop()
            raise error
        check(self._node is not None, "a start without an error has a node")
        return self._node  # type: ignore[return-value]

    def stop(self, seconds: float | None = None) -> bool:
        """Stop the node and end the thread; whether it is over, which it is unless `seconds` were too few."""
        self._tell()
        with self._beginning:
            if not self._begun and not self._over.is_set():  # it could not be started, or does not run yet and never will
                self._over.set()
                self._ended()
        try:
            return self._over.wait(seconds)
        except BaseException:
            self._over.wait(seconds)
            raise

    def _tell(self) -> None:
        self._told.set()
        if self._loop is not None:
            try:
                self._loop.call_soon_threadsafe(self._end.set)
            except RuntimeError:  # the loop has been closed: it is over, or nearly
                return

    # --- in the thread

    def _run(self) -> None:
        with self._beginning:
            if self._told.is_set():
                return
            self._begun = True
        try:
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                runner.run(self._live())
        finally:
            self._ended()
            self._ready.set()
            self._over.set()

    async def _live(self) -> None:
        self._loop = asyncio.get_running_loop()
        if self._told.is_set():  # before there was a loop to tell
            return
        ending = asyncio.ensure_future(self._end.wait())
        starting = asyncio.ensure_future(self._make())
        await asyncio.wait((starting, ending), return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
        try:
            self._node = await starting
        except BaseException as error:
            self._error = error
            return
        self._ready.set()
        await ending
        await self._node.stop()
