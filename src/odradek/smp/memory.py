"""The memory that shards share: where each thing in it lies, and how it is had.

One region for the queues::

    page 0        one cache line (64 bytes) per shard; its first u64 is the sleep word: 1 while the shard may be asleep
    then          N x N rings, the one from shard s to shard t at index s * N + t (those from a shard to itself are
    unused)

and one region per shard for its arena (`arena.py`), which that shard writes and all read. A region is a `memfd`, which
processes inherit as a descriptor; on systems without `memfd_create`, and where all shards live in one process, it is
anonymous memory, shared with children by `fork`. Memory that nobody has touched costs nothing, so the sizes below are
limits rather than costs.
"""

from __future__ import annotations

import mmap
import os
import sys
from dataclasses import dataclass
from typing import Final

from odradek.smp.ring import ring_bytes

PAGE_BYTES: Final = 4096
LINE_BYTES: Final = 64

SHARDS_MAX: Final = PAGE_BYTES // LINE_BYTES
"""Sleep words that fit their page: 64 shards make 4,032 rings."""

RING_CAPACITY: Final = 256 * 1024
"""Bytes on the way from one shard to another: some thousand small messages, a few microseconds of copying."""

ARENA_BYTES: Final = 64 * 1024 * 1024
"""Large payloads on their way from one shard to all others: at least one of the largest request (`socket.request.max.bytes` is
100 MiB by default, and requests of such a size are split before they cross)."""


@dataclass(frozen=True, slots=True)
class MeshLayout:
    """The sizes that all shards of a mesh agree on."""

    shards: int
    ring_capacity: int = RING_CAPACITY
    arena_bytes: int = ARENA_BYTES

    def __post_init__(self) -> None:
        if not 1 <= self.shards <= SHARDS_MAX:
            raise ValueError(f"a mesh has 1 to {SHARDS_MAX} shards, not {self.shards}")

    @property
    def bytes(self) -> int:
        """The size of the region for queues, whole pages."""
        size = PAGE_BYTES + self.shards * self.shards * ring_bytes(self.ring_capacity)
        return (size + PAGE_BYTES - 1) // PAGE_BYTES * PAGE_BYTES

    def ring_position(self, source: int, target: int) -> int:
        """Where the ring from `source` to `target` begins."""
        return PAGE_BYTES + (source * self.shards + target) * ring_bytes(self.ring_capacity)


class Region:
    """Shared memory of a fixed size; `fd` is -1 when it has no descriptor (then only forked children share it)."""

    __slots__ = ("_map", "fd", "view")

    def __init__(self, size: int, name: str, fd: int | None = None) -> None:
        """Make a region, or map the one behind `fd` (made by another process, of the same size)."""
        self.fd = _make(size, name) if fd is None else fd
        self._map = mmap.mmap(self.fd, size, flags=mmap.MAP_SHARED)
        self.view = memoryview(self._map)

    def close(self) -> None:
        """Give the descriptor back; the memory goes with its last view."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def _make(size: int, name: str) -> int:
    if not sys.platform.startswith("linux"):
        return -1
    fd = os.memfd_create(name)
    os.ftruncate(fd, size)
    return fd


class MeshMemory:
    """A mapped mesh: the views that shards build their ends on."""

    __slots__ = ("arenas", "layout", "region")

    def __init__(self, layout: MeshLayout, fds: tuple[int, ...] | None = None) -> None:
        """`fds` are those of a mesh that another process made: the queues' first, then one per arena."""
        self.layout = layout
        self.region = Region(layout.bytes, "odradek-mesh", fds[0] if fds else None)
        self.arenas = [
            Region(layout.arena_bytes, f"odradek-arena-{shard}", fds[1 + shard] if fds else None)
            for shard in range(layout.shards)
        ]

    @property
    def fds(self) -> tuple[int, ...]:
        return (self.region.fd, *(arena.fd for arena in self.arenas))

    def sleep_words(self) -> memoryview:
        """u64 words; the one of shard s is at index `sleep_index(s)`."""
        return self.region.view[:PAGE_BYTES].cast("Q")

    def ring(self, source: int, target: int) -> memoryview:
        """The memory of the ring from `source` to `target`."""
        start = self.layout.ring_position(source, target)
        return self.region.view[start : start + ring_bytes(self.layout.ring_capacity)]

    def close(self) -> None:
        """Give the descriptors back; may be repeated."""
        for region in (self.region, *self.arenas):
            region.close()


def sleep_index(shard: int) -> int:
    """Where a shard's sleep word is among the words."""
    return shard * LINE_BYTES // 8
