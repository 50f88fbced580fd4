"""Where things lie in the memory that shards share, and how it is mapped again by others."""

from __future__ import annotations

import errno
import os
import resource
from itertools import pairwise

import pytest

from odradek.smp.memory import LINE_BYTES, PAGE_BYTES, SHARDS_MAX, MeshLayout, MeshMemory, sleep_index
from odradek.smp.ring import RingReader, RingWriter, ring_bytes

SMALL = MeshLayout(3, ring_capacity=1024, arena_bytes=8192)


@pytest.mark.parametrize("shards", [1, 2, 5, SHARDS_MAX])
def test_rings_lie_behind_the_sleep_words_and_beside_each_other(shards):
    layout = MeshLayout(shards, ring_capacity=1024)
    starts = sorted(layout.ring_position(source, target) for source in range(shards) for target in range(shards))
    assert starts[0] == PAGE_BYTES
    assert all(later - earlier == ring_bytes(1024) for earlier, later in pairwise(starts))
    assert all(start % LINE_BYTES == 0 for start in starts)
    assert starts[-1] + ring_bytes(1024) <= layout.bytes and layout.bytes % PAGE_BYTES == 0
    assert sleep_index(shards - 1) * 8 + 8 <= PAGE_BYTES


@pytest.mark.parametrize("shards", [0, 65])
def test_as_many_shards_as_sleep_words_fit_their_page(shards):
    with pytest.raises(ValueError, match=f"a mesh has 1 to 64 shards, not {shards}"):
        MeshLayout(shards)


def test_every_ring_and_word_is_its_own():
    memory = MeshMemory(SMALL, private=True)
    pairs = [(source, target) for source in range(3) for target in range(3)]
    for source, target in pairs:
        assert RingWriter(memory.ring(source, target)).try_write(b"%d to %d" % (source, target))
    for source, target in pairs:
        assert RingReader(memory.ring(source, target)).read() == b"%d to %d" % (source, target)
    words = memory.sleep_words()
    for shard in range(3):
        words[sleep_index(shard)] = shard + 1
    assert [words[sleep_index(shard)] for shard in range(3)] == [1, 2, 3]
    assert set(memory.fds) == {-1}  # nobody else can have it
    memory.close()


def test_mapped_again_behind_inherited_descriptors():
    made = MeshMemory(SMALL)
    mapped = MeshMemory(SMALL, tuple(os.dup(fd) for fd in made.fds))
    made.arenas[1].view[:5] = b"hello"
    assert RingWriter(made.ring(0, 1)).try_write(b"across")
    assert bytes(mapped.arenas[1].view[:5]) == b"hello"
    assert RingReader(mapped.ring(0, 1)).read() == b"across"
    fds = made.fds
    for memory in (made, mapped):
        memory.close()
        memory.close()
    for fd in fds:
        with pytest.raises(OSError):
            os.fstat(fd)


def test_out_of_descriptors_it_leaves_none_behind(monkeypatch):
    make, made = os.memfd_create, []

    def scarce(name: str) -> int:
        if len(made) == 2:
            raise OSError(errno.EMFILE, "Too many open files")
        made.append(make(name))
        return made[-1]

    monkeypatch.setattr(os, "memfd_create", scarce)
    with pytest.raises(OSError, match="Too many open files"):
        MeshMemory(SMALL)
    for fd in made:
        with pytest.raises(OSError):
            os.fstat(fd)


def test_memory_that_nobody_touches_costs_nothing():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    memory = MeshMemory(MeshLayout(16), private=True)  # 64 MiB of rings, 1 GiB of arenas
    memory.arenas[0].view[0] = 1
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) < 32 * 1024
