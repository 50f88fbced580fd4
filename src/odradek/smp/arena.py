"""Large payloads between shards: copied at most once.

A payload that would crowd a ring lies in the sender's arena instead, memory that all shards map. The sender takes a
block, fills it (that is the one copy; a file can be read straight into it), and the message carries only its place. The
receiver looks at it in place through a lease, and releases it; a small message then brings the block home, and the
sender may use it again.

Who may touch a block, when: the sender until the message is sent, then only the receiver until `release()`, then only
the sender. The message queue orders the two, so the bytes need no lock.

An arena that is full makes its senders wait, in order: this bounds what a shard may have under way to all others
together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from odradek.smp.buddy import BuddyAllocator
from odradek.smp.errors import MessageTooLargeError
from odradek.sync import Condition

BLOCK_MIN: Final = 4096


@dataclass(frozen=True, slots=True)
class ArenaStatistics:
    """A view of one shard's own arena, in bytes; blocks are rounded up to powers of two."""

    bytes: int
    used: int
    blocks: int
    used_max: int
    waiting: int
    dropped: int  # leases that nobody released: the garbage collector did


class Block:
    """A piece of our own arena that is being filled. Lifecycle: allocated, filled, then sent or released."""

    __slots__ = ("offset", "size", "view")

    def __init__(self, offset: int, size: int, view: memoryview) -> None:
        self.offset = offset
        self.size = size
        self.view = view

    def shrink(self, size: int) -> None:
        """Send only the first `size` bytes (less was read than hoped for)."""
        self.size = min(self.size, size)
        self.view = self.view[: self.size]


class Arena:
    """One shard's own arena: it alone allocates here."""

    __slots__ = ("_buddy", "_freed", "_memory", "dropped", "used_max")

    def __init__(self, shard: int, memory: memoryview) -> None:
        self._memory = memory
        self._buddy = BuddyAllocator(len(memory), BLOCK_MIN)
        self._freed = Condition(f"arena of shard {shard}")
        self.used_max = 0
        self.dropped = 0

    @property
    def bytes(self) -> int:
        return self._buddy.size

    def try_allocate(self, size: int) -> Block | None:
        """A block of `size` bytes, or None when there is none now, or others wait for one."""
        return None if self._freed.statistics().waiting else self._take(size)

    async def allocate(self, size: int) -> Block:
        """A block of `size` bytes, when there is one. Raises `MessageTooLargeError` when there never will be."""
        if size > self._buddy.size:
            raise MessageTooLargeError(f"{size} bytes don't fit an arena of {self._buddy.size} bytes (MeshLayout.arena_bytes)")
        block = self.try_allocate(size)
        while block is None:
            await self._freed.wait()
            block = self._take(size)
            if block is not None:
                self._freed.signal()  # there may be room for the next one as well
        return block

    def _take(self, size: int) -> Block | None:
        offset = self._buddy.allocate(size)
        if offset is None:
            return None
        self.used_max = max(self.used_max, self._buddy.used)
        return Block(offset, size, self._memory[offset : offset + size])

    def release(self, offset: int) -> None:
        """A block is free again: its receiver has done with it, or it was never sent."""
        self._buddy.release(offset)
        self._freed.signal()

    def statistics(self) -> ArenaStatistics:
        buddy = self._buddy
        waiting = self._freed.statistics().waiting
        return ArenaStatistics(buddy.size, buddy.used, buddy.blocks, self.used_max, waiting, self.dropped)


class Lease:
    """A payload that another shard lent us. Look at `view`, then `release()`: once is enough, more do no harm."""

    __slots__ = ("_on_dropped", "_release", "view")

    def __init__(self, view: memoryview, release: Callable[[], None], on_dropped: Callable[[], None]) -> None:
        self.view = view
        self._release: Callable[[], None] | None = release
        self._on_dropped = on_dropped

    def release(self) -> None:
        """Give it back; `view` must not be looked at any more."""
        release, self._release = self._release, None
        if release is not None:
            self.view = memoryview(b"")
            release()

    def __enter__(self) -> memoryview:
        return self.view

    def __exit__(self, *_: object) -> None:
        self.release()

    def __del__(self) -> None:
        # The last resort: a forgotten lease must not eat the sender's arena for ever.
        if self._release is not None:
            self._on_dropped()
            self.release()
