"""Memory and descriptors for requests, and one kind of request that ends only when a test lets it."""

from __future__ import annotations

import asyncio
import ctypes
import mmap
import os
import select
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from odradek.aio.linux.kernel_queue import KernelQueue

collect_ignore_glob = [] if sys.platform == "linux" else ["test_*.py"]

POLL: Any = 5
"""IOCB_CMD_POLL: ends when the descriptor is readable. No disk is as slow as a pipe into which nobody writes."""


class Memory:
    """Memory with an address, at the start of a page."""

    def __init__(self, size: int, filled_with: bytes = b"") -> None:
        self.map = mmap.mmap(-1, size)
        self.map[: len(filled_with)] = filled_with
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self.map))
        self.size = size


class Pipe:
    """`wait_on(queue)` is a request that stays with the kernel until `let_go()`."""

    def __init__(self) -> None:
        self.read_fd, self.write_fd = os.pipe()

    def wait_on(self, queue: KernelQueue, buffer: object = None) -> Awaitable[int]:
        return queue.run(POLL, self.read_fd, select.POLLIN, 0, 0, buffer)

    def let_go(self) -> None:
        os.write(self.write_fd, b"x")

    def close(self) -> None:
        os.close(self.read_fd)
        os.close(self.write_fd)


@pytest.fixture
def pipe():
    made = Pipe()
    yield made
    made.close()


@pytest.fixture
def on_queue():
    """`on_queue(story, depth)` runs a story on a queue, and asks at its end whether everything has come back."""

    def run(story: Callable[[KernelQueue], Awaitable[Any]], depth: int = 8) -> Any:
        async def whole() -> Any:
            queue = KernelQueue(depth)
            try:
                return await asyncio.wait_for(story(queue), 30)
            finally:
                await asyncio.wait_for(queue.close(), 5)
                view = queue.statistics()
                assert (view.in_flight, view.gathered, view.waiting) == (0, 0, 0)

        return asyncio.run(whole())

    return run
