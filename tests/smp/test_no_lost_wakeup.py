"""No wake-up is lost: every interleaving of a sleeper with its senders, on a machine whose stores come late.

What runs here is the room's own `Poller` and `SleepWord`. The machine is x86's, as "x86-TSO" (Sewell and others, 2010)
describes it: each thread's stores wait in a buffer of its own, in order, and reach the memory at any later moment; the
thread itself sees them at once. A system call that takes a lock empties the caller's buffer. `membarrier(2)` empties every
thread's, one after the other.

The explorer needs no threads. A thread's next access follows from what its earlier ones returned, so it is had by running
the thread from its beginning with those results, up to the first access that has none yet. A state is what the threads
have seen, their buffers, and the memory. All states are walked through, nearest first. One in which nothing can move has
to be good: everything sent has been seen. A bad one is a lost wake-up, and the way to it is the shortest there is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from odradek.base.clock import ManualClock
from odradek.smp.poller import Poller, SleepWord
from odradek.smp.spin import SpinPolicy

Access = tuple[Any, ...]  # ("load", place) ("store", place, value) ("drain", thread) ("ring",) ("hear", seen) ("end",)
Results = tuple[int, ...]
Buffers = tuple[tuple[tuple[str, int], ...], ...]
State = tuple[tuple[Results, ...], Buffers, tuple[tuple[str, int], ...]]

SLEEPER = 0


class Paused(BaseException):
    """A thread has come to an access whose result is not known yet. (Nothing that we run catches it.)"""


class Thread:
    """One thread's view of the machine, while it runs again what it has done."""

    def __init__(self, results: Results) -> None:
        self._results = iter(results)
        self.next: Access = ("end",)

    def access(self, *what: Any) -> int:
        for result in self._results:
            return result
        self.next = what
        raise Paused

    def __getitem__(self, _: int) -> int:
        """As the view of the sleep words."""
        return self.access("load", "word")

    def __setitem__(self, _: int, value: int) -> None:
        self.access("store", "word", value)


Program = Callable[[Thread], None]
Fence = Callable[[Thread], Callable[[], bool] | None]


class Loop:
    """As much of an event loop as a poller needs."""

    def __init__(self) -> None:
        self.ready: deque[Callable[[], None]] = deque()

    def call_soon(self, callback: Callable[[], None], *, context: object) -> None:
        self.ready.append(callback)


class SteppingClock(ManualClock):
    """Each look at the clock takes it 3 microseconds further, so that looking for messages comes to an end."""

    looks = 0

    def monotonic(self) -> float:
        self.looks += 1
        return self.looks * 3e-6


def sleeper(senders: int, fence: Fence, word_type: type[SleepWord] = SleepWord, spin_max_us: int = 0) -> Program:
    """A shard that only reads: a real poller on rings of which nothing but the tails is left."""

    def run(thread: Thread) -> None:
        seen = [0] * senders

        def tails() -> Iterator[int]:
            return (thread.access("load", f"tail {sender}") for sender in range(senders))

        def poll() -> bool:
            before, seen[:] = list(seen), list(tails())
            return seen != before

        loop, word = Loop(), word_type(thread, 0, fence(thread))  # type: ignore[arg-type]
        waiting = lambda: any(tail != seen[sender] for sender, tail in enumerate(tails()))  # noqa: E731
        poller = Poller(loop, SteppingClock(), word, poll, waiting, SpinPolicy(spin_max_us))  # type: ignore[arg-type]
        poller.start()
        while True:
            while loop.ready:
                loop.ready.popleft()()
            thread.access("hear", *seen)
            poller.ring()

    return run


def sender(number: int, messages: int, fence: Fence, must_ring: Callable[[SleepWord, Thread], bool] | None = None) -> Program:
    """A shard that only writes, as `Peer.flush` does: the message, then the word, then perhaps the bell."""

    def run(thread: Thread) -> None:
        word = SleepWord(thread, 0, fence(thread))  # type: ignore[arg-type]
        for message in range(1, messages + 1):
            thread.access("store", f"tail {number}", message)
            if must_ring is not None:
                must_ring(word, thread)
            elif word.must_ring():
                thread.access("ring")

    return run


class Explorer:
    """The machine, and all the ways that its threads can take."""

    def __init__(self, *programs: Program) -> None:
        self.programs = programs
        self._next: dict[tuple[int, Results], Access] = {}
        count = len(programs)
        self.start: State = (((),) * count, ((),) * count, (("bell", 0),))
        self.came_from: dict[State, tuple[State, str] | None] = {self.start: None}

    def next_access(self, number: int, results: Results) -> Access:
        key = number, results
        if key not in self._next:
            thread = Thread(results)
            try:
                self.programs[number](thread)
            except Paused:
                pass
            self._next[key] = thread.next
        return self._next[key]

    def moves(self, state: State) -> Iterator[tuple[State, str]]:
        """Everything that can happen next."""
        results, buffers, memory = state
        for number in range(len(self.programs)):
            if buffers[number]:
                place, value = buffers[number][0]
                yield (results, *drained(buffers, memory, number, 1)), f"{name(number)}'s {place} = {value} is seen"
            access = self.next_access(number, results[number])
            done = perform(access, number, buffers, memory)
            if done is not None:
                result, buffers_after, memory_after = done
                results_after = replaced(results, number, (*results[number], result))
                yield (results_after, buffers_after, memory_after), f"{name(number)} {told(access, result)}"

    def lost_wakeup(self) -> list[str] | None:
        """The shortest way to one, or None when there is none."""
        waiting = deque([self.start])
        while waiting:
            state = waiting.popleft()
            ended = True
            for after, what in self.moves(state):
                ended = False
                if after not in self.came_from:
                    self.came_from[after] = state, what
                    waiting.append(after)
            if ended and not self.all_seen(state):
                return self.way_to(state)
        return None

    def all_seen(self, state: State) -> bool:
        results, _, memory = state
        access = self.next_access(SLEEPER, results[SLEEPER])
        assert access[0] == "hear", "only a sleeper may be left"
        return all(dict(memory).get(f"tail {number}", 0) == seen for number, seen in enumerate(access[1:]))

    def way_to(self, state: State) -> list[str]:
        way = []
        step = self.came_from[state]
        while step is not None:
            way.append(step[1])
            step = self.came_from[step[0]]
        return way[::-1]


def name(number: int) -> str:
    return "sender" if number else "sleeper"


def told(access: Access, result: int) -> str:
    """An access in words, for the way to a lost wake-up."""
    if access[0] == "store":
        return f"stores {access[1]} = {access[2]}"
    if access[0] == "drain":
        return f"drains the {name(access[1])}'s stores"
    return f"loads {access[1]}: {result}" if access[0] == "load" else {"ring": "rings", "hear": "wakes"}[access[0]]


def replaced(items: tuple[Any, ...], index: int, item: Any) -> tuple[Any, ...]:
    return (*items[:index], item, *items[index + 1 :])


def drained(buffers: Buffers, memory: tuple[tuple[str, int], ...], number: int, count: int) -> tuple[Buffers, Any]:
    """The oldest `count` stores of a thread reach the memory."""
    buffer = buffers[number]
    return replaced(buffers, number, buffer[count:]), tuple(sorted((dict(memory) | dict(buffer[:count])).items()))


def perform(access: Access, number: int, buffers: Buffers, memory: tuple[tuple[str, int], ...]) -> tuple[int, Any, Any] | None:
    """What an access returns and leaves behind; None when it can't be made now."""
    kind = access[0]
    if kind == "load":
        return (dict(memory) | dict(buffers[number])).get(access[1], 0), buffers, memory
    if kind == "store":
        return 0, replaced(buffers, number, (*buffers[number], access[1:])), memory
    if kind == "drain":
        return 0, *drained(buffers, memory, access[1], len(buffers[access[1]]))
    if kind == "end" or (kind == "hear" and not dict(memory)["bell"]):
        return None
    buffers, memory = drained(buffers, memory, number, len(buffers[number]))  # a system call that takes a lock
    return 0, buffers, tuple(sorted((dict(memory) | {"bell": int(kind == "ring")}).items()))


# The fences: what the sleeper calls between its store and its look.


def global_fence(threads: int) -> Fence:
    """membarrier: the caller's buffer, then everybody's in turn, and meanwhile the others go on."""

    def of(thread: Thread) -> Callable[[], bool]:
        return lambda: all(thread.access("drain", number) == 0 for number in range(threads))

    return of


def own_fence(thread: Thread) -> Callable[[], bool]:
    """mfence, if Python had it: the caller's buffer alone."""
    return lambda: thread.access("drain", SLEEPER) == 0


def no_fence_at_all(thread: Thread) -> Callable[[], bool]:
    return lambda: True


def no_fence_known(thread: Thread) -> None:
    return None


@pytest.mark.parametrize("messages", [[1], [3], [1, 1], pytest.param([2, 1], marks=pytest.mark.conformance)], ids=str)
@pytest.mark.parametrize("spin_max_us", [0, 5])
def test_with_the_fence_none_is_lost(messages, spin_max_us):
    fence = global_fence(1 + len(messages))
    senders = [sender(number, count, fence) for number, count in enumerate(messages)]
    explorer = Explorer(sleeper(len(messages), fence, spin_max_us=spin_max_us), *senders)
    assert explorer.lost_wakeup() is None
    assert len(explorer.came_from) > 100 * len(messages)


@pytest.mark.parametrize("messages", [[1], [3], [1, 1]], ids=str)
def test_where_there_is_no_fence_every_batch_rings_and_none_is_lost(messages):
    senders = [sender(number, count, no_fence_known) for number, count in enumerate(messages)]
    assert Explorer(sleeper(len(messages), no_fence_known), *senders).lost_wakeup() is None


def test_without_the_fence_one_is_lost():
    """The sleeper's store is late: neither sees the other's."""
    way = Explorer(sleeper(1, no_fence_at_all), sender(0, 1, no_fence_at_all)).lost_wakeup()
    assert way == [
        "sleeper stores word = 0",
        "sleeper's word = 0 is seen",
        "sleeper loads tail 0: 0",
        "sleeper stores word = 1",
        "sleeper loads tail 0: 0",
        "sender stores tail 0 = 1",
        "sender's tail 0 = 1 is seen",
        "sender loads word: 0",
        "sleeper's word = 1 is seen",
    ]


def test_a_fence_of_the_sleeper_alone_is_not_enough():
    """The sender's store is late, and its look at the word was early."""
    way = Explorer(sleeper(1, own_fence), sender(0, 1, own_fence)).lost_wakeup()
    assert way == [
        "sleeper stores word = 0",
        "sleeper loads tail 0: 0",
        "sleeper stores word = 1",
        "sender stores tail 0 = 1",
        "sender loads word: 0",
        "sleeper drains the sleeper's stores",
        "sleeper loads tail 0: 0",
        "sender's tail 0 = 1 is seen",
    ]


class FencedTooEarly(SleepWord):
    def lie_down(self) -> bool:
        assert self._fence is not None
        fenced = self._fence()
        self._words[self._index] = 1
        return fenced


def test_a_fence_before_the_store_is_not_enough():
    fence = global_fence(2)
    assert Explorer(sleeper(1, fence, FencedTooEarly), sender(0, 1, fence)).lost_wakeup() is not None


def ring_then_clear(word: SleepWord, thread: Thread) -> bool:
    """The wrong order."""
    rings = bool(thread[0])
    if rings:
        thread.access("ring")
        thread[0] = 0
    return rings


def test_a_sender_that_rings_before_it_clears_loses_one():
    """Between the two the sleeper gets up, finds the message, and lies down again; then the late clear wipes that out."""
    fence = global_fence(2)
    way = Explorer(sleeper(1, fence), sender(0, 2, fence, ring_then_clear)).lost_wakeup()
    assert way is not None
    assert way[-9:] == [
        "sleeper loads tail 0: 1",
        "sleeper stores word = 1",
        "sleeper drains the sleeper's stores",
        "sender stores word = 0",
        "sleeper drains the sender's stores",
        "sleeper loads tail 0: 1",
        "sender stores tail 0 = 2",
        "sender's tail 0 = 2 is seen",
        "sender loads word: 0",
    ]
