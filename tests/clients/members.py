"""Group members on threads of their own, and waiting for what must come true.

A client library rebalances while it is polled, by the thread that owns it; so each member of a test's group polls in
its own thread, and the test looks on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from drivers import Consumer, Driver, Received

WAIT_SECONDS_MAX = 30


def eventually(what: str, holds: Callable[[], bool], seconds: float = WAIT_SECONDS_MAX) -> None:
    """Wait until `holds()`; fail with `what` when it still does not after `seconds`."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def read(consumer: Consumer, count: int, seconds: float = WAIT_SECONDS_MAX) -> list[Received]:
    """Poll until `count` records came (more may)."""
    got: list[Received] = []
    deadline = time.monotonic() + seconds
    while len(got) < count:
        if time.monotonic() > deadline:
            raise AssertionError(f"got {len(got)} of {count} records within {seconds} s")
        got += consumer.poll(0.1)
    return got


class Member:
    """A consumer in a group, polled by its own thread from birth to `leave`."""

    def __init__(self, open_consumer: Callable[[], Consumer], *, commit: bool = False) -> None:
        self._open = open_consumer
        self._commit = commit
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.received: list[Received] = []
        self.history: list[frozenset[int]] = []
        self.owned: frozenset[int] = frozenset()
        self.error: BaseException | None = None
        self._thread.start()

    def _run(self) -> None:
        try:
            consumer = self._open()
            try:
                while not self._over.is_set():
                    self._turn(consumer)
            finally:
                consumer.close()
        except BaseException as error:
            self.error = error

    def _turn(self, consumer: Consumer) -> None:
        got = consumer.poll(0.05)
        self.received += got
        if got and self._commit:
            consumer.commit()
        owned = consumer.assignment()
        if owned != self.owned:
            self.history.append(owned)
            self.owned = owned

    def leave(self) -> None:
        """Close the consumer in its thread and wait for it; raises what the thread raised."""
        self._over.set()
        self._thread.join(WAIT_SECONDS_MAX)
        assert not self._thread.is_alive(), "the member's close() hangs"
        if self.error is not None:
            raise self.error


@contextmanager
def group_of(*openers: Callable[[], Consumer]) -> Iterator[list[Member]]:
    """A growing list of members, all of which leave at the end."""
    members = [Member(opener) for opener in openers]
    try:
        yield members
    finally:
        for member in members:
            member.leave()


def shares(members: list[Member], partitions: int) -> bool:
    """Whether the members own every partition once, and each has some (where there are enough)."""
    for member in members:
        if member.error is not None:
            raise member.error
    owned = [part for member in members for part in member.owned]
    all_have = all(member.owned for member in members) or len(members) > partitions
    return sorted(owned) == list(range(partitions)) and all_have


def joiner(
    driver: Driver,
    bootstrap: str,
    group: str,
    topic: str,
    *,
    assignor: str = "range",
    instance: str | None = None,
) -> Callable[[], Consumer]:
    """What opens a member of `group`, to be called in the member's thread."""
    return lambda: driver.member(bootstrap, group, topic, assignor=assignor, instance=instance)
