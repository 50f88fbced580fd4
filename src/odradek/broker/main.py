"""A broker as a process: from a configuration to an exit code, with signals taken in between.

SIGTERM and SIGINT stop it in order (no new connections, answers under way, flush, clean mark) and it exits with 0 within
five seconds, or with 1 where that cannot be done: the deadline holds even where a disk hangs or the event loop is stuck.
A second signal ends it at once. A signal while it starts gives the start up; the next one begins it anew.

When its data directory fails there is nothing left to acknowledge: it says why and exits with 1, so that whoever
supervises it notices. faulthandler is on: a crash in native code leaves its stacks, and SIGUSR1 prints them of a process
that seems stuck.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from odradek.base.logging import get_logger
from odradek.broker.descriptors import raise_descriptor_limit
from odradek.broker.loop_thread import new_event_loop
from odradek.broker.node import Node

if TYPE_CHECKING:
    from odradek.metadata.broker_config import BrokerConfig

STOP_SECONDS: Final = 4.5  # for stopping in order
DEADLINE_SECONDS: Final = 5.0  # from the signal on, even where the event loop is stuck
_logger = get_logger("broker")


def run(config: BrokerConfig, *, on_started: Callable[[Node], None] | None = None) -> int:
    """Serve until a signal or a failed disk; returns the exit code. Raises what `Node.start` raises."""
    enable_faulthandler()
    loop = new_event_loop()
    try:
        return loop.run_until_complete(_serve(config, on_started))
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def enable_faulthandler() -> None:
    """Stacks of all threads on a crash, and on SIGUSR1."""
    if sys.stderr is not None and hasattr(sys.stderr, "fileno"):
        faulthandler.enable()
        faulthandler.register(signal.SIGUSR1, all_threads=True)


async def _serve(config: BrokerConfig, on_started: Callable[[Node], None] | None) -> int:
    before, limit = raise_descriptor_limit()
    with _Signals() as signals:
        starting = asyncio.ensure_future(Node.start(config))
        await asyncio.wait((starting, signals.first), return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():  # a long recovery, which somebody does not want to wait for
            starting.cancel()
            await _in_time(starting)
        if starting.cancelled():
            _logger.info("stopped while starting", signal=signals.name)
            return 0
        node = starting.result()
        if limit != before:  # said only now: a start that is refused says why in one line, and nothing else
            _logger.info("more file descriptors allowed", RLIMIT_NOFILE=limit, before=before)
        if on_started is not None:
            on_started(node)
        done, _ = await asyncio.wait((signals.first, node.failed), return_when=asyncio.FIRST_COMPLETED)
        code = 0
        if node.failed in done:
            _logger.error("the data directory failed; stopping", data_dir=node.data_dir, reason=node.failed.result())
            code = 1
        else:
            _logger.info("stopping on a signal", signal=signals.name)
        await _in_time(stopping := asyncio.ensure_future(node.stop()))
        stopping.result()
        return code


async def _in_time(ending: asyncio.Future[Any]) -> None:
    """Wait for what ends the broker. Where it takes too long the process ends: a disk that hangs cannot be waited for."""
    done, _ = await asyncio.wait((ending,), timeout=STOP_SECONDS)
    if not done:
        _logger.error("could not stop in time; the next start will recover", seconds=STOP_SECONDS)
        os._exit(1)


class _Signals:
    """SIGTERM and SIGINT while the broker runs: the first sets `first`, a second ends the process.

    Python's own handlers rather than the loop's, since a loop that is stuck would never call one. The first signal also
    winds up faulthandler's watchdog, a thread that needs neither the loop nor the interpreter: after `DEADLINE_SECONDS`
    it writes all stacks to standard error and ends the process with 1.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.first: asyncio.Future[int] = self._loop.create_future()
        self._number = 0
        self._before: dict[signal.Signals, Any] = {}

    @property
    def name(self) -> str:
        return signal.Signals(self._number).name

    def __enter__(self) -> _Signals:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if self._number and faulthandler.is_enabled():
            faulthandler.cancel_dump_traceback_later()

    def _on_signal(self, number: int, _: object) -> None:
        if self._number:
            os._exit(128 + number)
        self._number = number
        if faulthandler.is_enabled():
            faulthandler.dump_traceback_later(DEADLINE_SECONDS, exit=True)
        self._loop.call_soon_threadsafe(self.first.set_result, number)
