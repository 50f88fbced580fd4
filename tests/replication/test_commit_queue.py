"""Waiters of a commit: released in order of offset, failed together."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.replication.commit_queue import CommitQueue


@pytest.fixture(name="loop")
def new_loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@given(offsets=st.lists(st.integers(0, 50)), upto=st.integers(0, 50))
def test_exactly_those_are_released_whose_offset_is_passed(offsets: list[int], upto: int) -> None:
    loop = asyncio.new_event_loop()
    try:
        queue = CommitQueue()
        futures = [(offset, queue.wait(offset, loop)) for offset in offsets]
        assert queue.release(upto) == sum(offset <= upto for offset in offsets)
        assert all(future.done() == (offset <= upto) for offset, future in futures)
        assert len(queue) == sum(offset > upto for offset in offsets)
    finally:
        loop.close()


def test_who_gave_up_waiting_is_passed_over(loop: asyncio.AbstractEventLoop) -> None:
    queue = CommitQueue()
    queue.wait(5, loop).cancel()
    kept = queue.wait(5, loop)
    assert queue.release(5) == 1
    assert kept.done()


def test_a_failure_reaches_everybody(loop: asyncio.AbstractEventLoop) -> None:
    queue = CommitQueue()
    futures = [queue.wait(offset, loop) for offset in (1, 9)]
    queue.fail(OSError("disk gone"))
    assert [str(future.exception()) for future in futures] == ["disk gone", "disk gone"]
    assert len(queue) == 0
