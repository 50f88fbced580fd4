"""Large payloads between shards: copied at most once.

A payload that would crowd a ring lies in the sender's arena instead, memory that all shards map. The sender takes a
block, fills it (that is the one copy; a file can be read straight into it), and the message carries only its place. The
receiver looks at it in place through a lease, and releases it; a small message then brings the block home, and the
sender may use it again.

Who may touch a block, when: the sender until the message is sent, then only the receiver until `release()`, then only
the sender. The message queue orders the two, so the bytes need no lock.

An arena that is full makes its senders wait, strictly in order: this bounds what a shard may have under way to all others
together. Handlers don't wait (`groups.py` says why).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from odradek.base.errors import check
from odradek.smp import groups
from odradek.smp.buddy import BuddyAllocator
from odradek.smp.errors import MessageTooLargeError, ServiceOrderError
from odradek.smp.messages import Place
from odradek.sync.waiters import Waiters

BLOCK_MIN: Final = 4096


@dataclass(frozen=True, slots=True)
class ArenaStatistics:
    """A view of one shard's own arena, in bytes; blocks are rounded up to powers of two."""

    bytes: int
    used: int
    blocks: int
    used_max: int
    waiting: int
    waited: int
    dropped: int  # leases that nobody released: the garbage collector did


class Block:
    """A piece of our own arena that is being filled. Lifecycle: allocated, filled, then sent once, or released."""

    __slots__ = ("_arena", "_offset", "view")

    def __init__(self, arena: Arena, offset: int, view: memoryview) -> None:
        self._arena = arena
        self._offset = offset
        self.view = view

    def shrink(self, size: int) -> None:
        """Send only the first `size` bytes (less was read than hoped for)."""
        self.view = self.view[:size]

    def take(self) -> Place:
        """It is sent: from now on `Arena.release(offset)` is how it comes home."""
        check(self._offset >= 0, "a block is sent once, and not after it was released")
        place = self._offset, len(self.view)
        self._offset, self.view = -1, memoryview(b"")
        return place

    def release(self) -> None:
        """It was not sent, and won't be; no matter if it was."""
        if self._offset >= 0:
            self._arena.release(self.take()[0])


class Arena:
    """One shard's own arena: it alone allocates here."""

    __slots__ = ("_buddy", "_closed", "_memory", "_shard", "_waiters", "dropped", "used_max")

    def __init__(self, shard: int, memory: memoryview) -> None:
        self._shard = shard
        self._memory = memory
        self._buddy = BuddyAllocator(len(memory), BLOCK_MIN)
        self._waiters = Waiters[Block]()
        self._closed: Exception | None = None
        self.used_max = 0
        self.dropped = 0

    @property
    def bytes(self) -> int:
        return self._buddy.size

    def check_size(self, size: int) -> None:
        """Raise `MessageTooLargeError` when there will never be a block of `size` bytes."""
        if size > self._buddy.size:
            raise MessageTooLargeError(
                f"a payload of {size} bytes; the arena of shard {self._shard} has {self._buddy.size} (MeshLayout.arena_bytes)"
            )

    def try_allocate(self, size: int) -> Block | None:
        """A block of `size` bytes, or None when there is none now, or others wait for one."""
        return None if self._waiters.first_units is not None else self._find(size)

    async def allocate(self, size: int) -> Block:
        """A block of `size` bytes, when there is one and it is our turn.

        Raises `MessageTooLargeError` when there never will be, `ServiceOrderError` in a handler, which must not wait:
        it may `try_allocate`, or pass bytes.
        """
        self.check_size(size)
        if (group := groups.serving()) is not None:
            raise ServiceOrderError(f"a handler of group {group.name} would wait for the arena of shard {self._shard}")
        if self._closed is not None:
            raise self._closed.with_traceback(None)
        block = self.try_allocate(size)
        return block or await self._waiters.wait(self._waiters.join(size), self._left)

    def _left(self, block: Block | None) -> None:
        """A waiter was cancelled: what it got comes back, and who is behind it may ask for less than it did."""
        if block is not None:
            block.release()
        else:
            self._serve()

    def _find(self, size: int) -> Block | None:
        offset = self._buddy.allocate(size)
        if offset is None:
            return None
        self.used_max = max(self.used_max, self._buddy.used)
        return Block(self, offset, self._memory[offset : offset + size])

    def release(self, offset: int) -> None:
        """A block is free again: its receiver has done with it, or is gone."""
        self._buddy.release(offset)
        self._serve()

    def _serve(self) -> None:
        while (size := self._waiters.first_units) is not None and (block := self._find(size)) is not None:
            self._waiters.let_one_go(block)

    def close(self, error: Exception) -> None:
        """Those who wait, and all who come to wait, get `error`."""
        self._closed = error
        self._waiters.fail(error)

    def statistics(self) -> ArenaStatistics:
        buddy, line = self._buddy, self._waiters
        return ArenaStatistics(buddy.size, buddy.used, buddy.blocks, self.used_max, len(line), line.waited, self.dropped)


class Lease:
    """A payload that we were lent. Look at `view`, then `release()`: once is enough, more do no harm.

    `on_dropped` gets the release of a lease that was forgotten, in whatever thread the garbage collector runs.
    """

    __slots__ = ("_on_dropped", "_release", "view")

    def __init__(
        self, view: memoryview, release: Callable[[], None] | None, on_dropped: Callable[[Callable[[], None]], None]
    ) -> None:
        """`release` is None for bytes of our own, which go with their last user."""
        self.view = view
        self._release = release
        self._on_dropped = on_dropped

    def release(self) -> None:
        """Give it back; `view` must not be looked at any more."""
        release, self._release = self._release, None
        self.view = memoryview(b"")
        if release is not None:
            release()

    def __enter__(self) -> memoryview:
        return self.view

    def __exit__(self, *_: object) -> None:
        self.release()

    def __del__(self) -> None:
        # The last resort: a forgotten lease must not eat the sender's arena for ever.
        release, self._release = self._release, None
        if release is not None:
            self._on_dropped(release)
