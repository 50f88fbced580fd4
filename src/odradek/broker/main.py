"""A broker as a process: from a configuration to an exit code, with signals taken in between.

SIGTERM and SIGINT stop it in order (no new connections, answers under way, flush, clean mark) and it exits with 0 within five
seconds; a second signal ends it at once. When its data directory fails there is nothing left to acknowledge: it says
why and exits with 1, so that whoever supervises it notices. faulthandler is on: a crash in native code leaves its stacks,
and SIGUSR1 prints them of a process that seems stuck.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from odradek.base.logging import get_logger
from odradek.broker.embedded import new_event_loop
from odradek.broker.node import Node

if TYPE_CHECKING:
    from odradek.metadata.broker_config import BrokerConfig

STOP_SECONDS: Final = 5.0
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
    loop = asyncio.get_running_loop()
    signalled: asyncio.Future[int] = loop.create_future()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _on_signal, number, signalled)
    starting = asyncio.ensure_future(Node.start(config))
    await asyncio.wait((starting, signalled), return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():  # a long recovery, which somebody does not want to wait for
        starting.cancel()
        await asyncio.wait((starting,))
        _logger.info("stopped while starting", signal=signal.Signals(signalled.result()).name)
        return 0
    node = starting.result()
    if on_started is not None:
        on_started(node)
    done, _ = await asyncio.wait((signalled, node.failed), return_when=asyncio.FIRST_COMPLETED)
    code = 0
    if node.failed in done:
        _logger.error("the data directory failed; stopping", data_dir=node.data_dir, reason=node.failed.result())
        code = 1
    else:
        _logger.info("stopping on a signal", signal=signal.Signals(signalled.result()).name)
    try:
        await asyncio.wait_for(node.stop(), STOP_SECONDS)
    except TimeoutError:
        _logger.error("could not stop in time; the next start will recover", seconds=STOP_SECONDS)
        os._exit(1)
    return code


def _on_signal(number: int, signalled: asyncio.Future[int]) -> None:
    if signalled.done():
        os._exit(128 + number)
    signalled.set_result(number)
