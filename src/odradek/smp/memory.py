"""The memory that shards share: where each thing in it lies, and how it is had.

One region for the queues::

    page 0        one cache line (64 bytes) per shard; its first u64 is the sleep word: 1 while the shard may be asleep
    then          N x N rings, the one from shard s to shard t at index s * N + t (a shard's to itself are unused)

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
"""Large payloads on their way from one shard to all others, and the largest that there may be."""


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

    def __init__(self, size: int, fd: int) -> None:
        """Map the region behind `fd`, which is ours from now on, or make one without a descriptor (-1)."""
        self.fd = fd
        try:
            self._map = mmap.mmap(fd, size, flags=mmap.MAP_SHARED)
        except BaseException:
            self.close()
            raise
        self.view = memoryview(self._map)

    def close(self) -> None:
        """Give the descriptor back; the memory goes with its last view."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def _make(size: int, name: str, private: bool) -> int:
    if private or not sys.platform.startswith("linux"):
        return -1
    fd = os.memfd_create(name)
    try:
        os.ftruncate(fd, size)
    except OSError:
        os.close(fd)
        raise
    return fd


class MeshMemory:
    """A mapped mesh: the views that shards build their ends on."""

    __slots__ = ("_regions", "arenas", "layout", "region")

    def __init__(self, layout: MeshLayout, fds: tuple[int, ...] | None = None, *, private: bool = False) -> None:
        """`fds` are those of a mesh that another process made: the queues' first, then one per arena.

        A `private` one is this process's alone, and has none.
        """
        self.layout = layout
        sizes = {"odradek-mesh": layout.bytes}
        sizes |= {f"odradek-arena-{shard}": layout.arena_bytes for shard in range(layout.shards)}
        self._regions: list[Region] = []
        try:
            for index, (name, size) in enumerate(sizes.items()):
                self._regions.append(Region(size, fds[index] if fds else _make(size, name, private)))
        except OSError:
            self.close()
            raise
        self.region, *self.arenas = self._regions

    @property
    def fds(self) -> tuple[int, ...]:
        return tuple(region.fd for region in self._regions)

    def sleep_words(self) -> memoryview:
        """u64 words; the one of shard s is at index `sleep_index(s)`."""
        return self.region.view[:PAGE_BYTES].cast("Q")

    def ring(self, source: int, target: int) -> memoryview:
        """The memory of the ring from `source` to `target`."""
        start = self.layout.ring_position(source, target)
        return self.region.view[start : start + ring_bytes(self.layout.ring_capacity)]

    def close(self) -> None:
        """Give the descriptors back; may be repeated."""
        for region in self._regions:
            region.close()


def sleep_index(shard: int) -> int:
    """Where a shard's sleep word is among the words."""
    return shard * LINE_BYTES // 8
