"""Requests that are gathered, submitted, refused, cancelled and let go, on the kernel's own queue."""

from __future__ import annotations

import asyncio
import errno
import gc
import os
import subprocess
import sys
import weakref

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.aio.linux.conftest import Memory

from odradek.aio.errors import GateClosedError
from odradek.aio.linux.abi import Opcode
from odradek.aio.linux.kernel_queue import GATHERED_MAX, KernelQueue


@pytest.fixture
def file(tmp_path):
    """A descriptor of 64 KiB whose pages say which they are."""
    fd = os.open(tmp_path / "data", os.O_RDWR | os.O_CREAT)
    os.write(fd, b"".join(bytes([page]) * 4096 for page in range(16)))
    yield fd
    os.close(fd)


def read(queue, fd, memory, position=0):
    return queue.run(Opcode.PREAD, fd, memory.address, memory.size, position, memory)


def test_reads_and_writes_and_syncs(on_queue, file):
    async def story(queue):
        memory = Memory(4096, b"odradek")
        assert await queue.run(Opcode.PWRITE, file, memory.address, 7, 8192, memory) == 7
        assert await queue.run(Opcode.FDSYNC, file, 0, 0, 0, None) == 0
        assert await queue.run(Opcode.FSYNC, file, 0, 0, 0, None) == 0
        assert await read(queue, file, memory, 8190) == 4096
        assert memory.map[:10] == b"\1\1odradek\2"

    on_queue(story)


def test_what_is_asked_in_one_turn_goes_down_by_the_handful(on_queue, file):
    async def story(queue):
        pages = [Memory(4096) for _ in range(3 * GATHERED_MAX)]
        await asyncio.gather(*(read(queue, file, page, 4096 * number) for number, page in enumerate(pages)))
        assert [page.map[0] for page in pages] == list(range(len(pages)))
        assert (queue.statistics().requests, queue.statistics().submits) == (12, 3)

    on_queue(story, depth=16)


def test_a_full_queue_is_waited_for_in_order(on_queue, pipe):
    async def story(queue):
        done = []

        async def one(number):
            await pipe.wait_on(queue)
            done.append(number)

        tasks = [asyncio.create_task(one(number)) for number in range(20)]
        await asyncio.sleep(0.01)
        assert (queue.statistics().in_flight, queue.statistics().waiting) == (2, 18)
        pipe.let_go()
        await asyncio.gather(*tasks)
        assert sorted(done) == list(range(20)) and {done[0], done[1]} == {0, 1}

    on_queue(story, depth=2)


def test_one_bad_request_fails_alone(on_queue, file):
    async def story(queue):
        memory = Memory(4096)
        bad = queue.run(Opcode.PREAD, 10_000, memory.address, 4096, 0, memory)
        nowhere = queue.run(Opcode.PREAD, file, 1, 4096, 0, None)
        good = [read(queue, file, Memory(4096)) for _ in range(4)]
        results = await asyncio.gather(bad, nowhere, *good, return_exceptions=True)
        assert [result.errno for result in results[:2]] == [errno.EBADF, errno.EFAULT]
        assert results[2:] == [4096] * 4

    on_queue(story)


def test_short_and_empty_reads_are_told_as_they_are(on_queue, file):
    async def story(queue):
        memory = Memory(4096)
        assert await read(queue, file, memory, 65536 - 10) == 10
        assert await read(queue, file, memory, 65536) == 0

    on_queue(story)


def test_a_cancelled_caller_waits_until_the_kernel_has_ended(on_queue, pipe):
    async def story(queue):
        memory = Memory(4096)
        alive = weakref.ref(memory)
        task = asyncio.create_task(pipe.wait_on(queue, memory))
        del memory
        await asyncio.sleep(0.005)
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0.002)
        assert not task.done()
        gc.collect()
        assert alive() is not None, "the kernel may still write into it"
        pipe.let_go()
        with pytest.raises(asyncio.CancelledError):
            await task

    on_queue(story)


def test_who_is_cancelled_waiting_for_a_slot_takes_none(on_queue, pipe):
    async def story(queue):
        first = asyncio.create_task(pipe.wait_on(queue))
        await asyncio.sleep(0)
        second = asyncio.create_task(pipe.wait_on(queue))
        await asyncio.sleep(0)
        second.cancel()
        with pytest.raises(asyncio.CancelledError):
            await second
        pipe.let_go()
        await first
        assert queue.statistics().requests == 1

    on_queue(story, depth=1)


def test_closing_waits_for_what_is_under_way_and_refuses_the_rest(on_queue, pipe):
    async def story(queue):
        under_way = asyncio.create_task(pipe.wait_on(queue))
        await asyncio.sleep(0)
        waiting = asyncio.create_task(pipe.wait_on(queue))
        await asyncio.sleep(0)
        closing = asyncio.create_task(queue.close())
        with pytest.raises(GateClosedError, match=r"1 requests? under way"):
            await waiting
        with pytest.raises(GateClosedError):
            await pipe.wait_on(queue)
        assert not closing.done()
        pipe.let_go()
        await asyncio.gather(under_way, closing)
        await queue.close()

    on_queue(story, depth=1)


class _Stingy:
    """Says EAGAIN so many times before it lets the real one work; takes at most so many at once."""

    def __init__(self, real, refusals, at_once):
        self._real, self._refusals, self._at_once = real, refusals, at_once

    def __getattr__(self, name):
        return getattr(self._real, name)

    def submit(self, slots):
        if self._refusals:
            self._refusals.pop()
            raise OSError(errno.EAGAIN, "no more for now")
        return self._real.submit(slots[: self._at_once])


@given(st.integers(0, 5), st.integers(1, 4), st.integers(1, 40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_the_kernel_refuses_for_now_is_offered_again(on_queue, file, refusals, at_once, count):
    async def story(queue):
        queue._context = _Stingy(queue._context, [True] * refusals, at_once)
        pages = [Memory(4096) for _ in range(count)]
        await asyncio.gather(*(read(queue, file, page, 4096 * (number % 16)) for number, page in enumerate(pages)))
        assert [page.map[0] for page in pages] == [number % 16 for number in range(count)]
        assert queue.statistics().refused_for_now == refusals

    on_queue(story)


def test_a_loop_that_is_closed_early_leaves_no_descriptor_and_no_buffer_to_the_kernel(file):
    before = len(os.listdir("/proc/self/fd"))

    async def story():
        queue = KernelQueue(8)
        memory = Memory(4096)
        task = asyncio.create_task(read(queue, file, memory))
        task._log_destroy_pending = False
        await asyncio.sleep(0)
        return weakref.ref(memory)

    loop = asyncio.new_event_loop()
    memory = loop.run_until_complete(story())
    loop.close()
    del loop
    gc.collect()
    assert memory() is None
    assert len(os.listdir("/proc/self/fd")) == before


def fork_and_drop_all():
    """The exit status of a child that lets go of all that it was given a copy of."""
    child = os.fork()
    if child == 0:
        gc.collect()
        for queue in [found for found in gc.get_objects() if isinstance(found, KernelQueue)]:
            queue.__del__()
        os._exit(0)
    return os.waitpid(child, 0)[1]


def test_a_forked_child_leaves_its_parents_queue_alone(on_queue, file):
    async def story(queue):
        memory = Memory(4096)
        assert await read(queue, file, memory) == 4096
        assert fork_and_drop_all() == 0
        assert await read(queue, file, memory, 4096) == 4096 and memory.map[0] == 1

    on_queue(story)


def test_no_queue_is_told_with_the_systems_reason():
    with pytest.raises(OSError) as told:
        asyncio.run(_made(1 << 30))
    assert told.value.errno in (errno.EINVAL, errno.EAGAIN, errno.ENOMEM)


async def _made(depth):
    return KernelQueue(depth)


def test_no_descriptor_to_be_had_gives_the_context_back():
    """A process of its own: its limit of descriptors is taken from it."""
    script = """
import asyncio, resource, os
from odradek.aio.linux.kernel_queue import KernelQueue

async def main():
    free = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = max(map(int, os.listdir("/proc/self/fd")))
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest, free[1]))
    try:
        KernelQueue(8)
    except OSError as error:
        print(error.errno)

asyncio.run(main())
"""
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert out.stdout.split() == [str(errno.EMFILE)] and not out.stderr


def test_statistics_name_what_is_where(on_queue, pipe):
    async def story(queue):
        first = [asyncio.create_task(pipe.wait_on(queue)) for _ in range(2)]
        await asyncio.sleep(0)
        assert (queue.statistics().gathered, queue.statistics().in_flight) == (2, 0)
        more = [asyncio.create_task(pipe.wait_on(queue)) for _ in range(2)]
        await asyncio.sleep(0.005)
        view = queue.statistics()
        assert (view.depth, view.gathered, view.in_flight, view.waiting) == (3, 0, 3, 1)
        pipe.let_go()
        await asyncio.gather(*first, *more)

    on_queue(story, depth=3)
