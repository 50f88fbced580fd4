"""What a disk may hold after losing power: one draw from all that the fault contract in `memory_disk` allows.

Bytes and names of each file and directory meet their fate independently. Five fates for a file's unsynced changes, each as
likely: all lost; all kept; a prefix, the last one torn at a sector's edge; any sectors in any order, the size with them; the
size grown but the sectors mostly not there (zeros). A directory keeps a prefix of its changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from odradek.aio.memory_disk import (
    SECTOR_SIZE,
    Change,
    Directory,
    Inode,
    MemoryDisk,
    NameChange,
    Node,
    Truncation,
    Write,
    apply,
    with_forerunners,
)
from odradek.base.prng import Prng

_LOST, _KEPT, _PREFIX, _SCATTERED, _HOLES = range(5)


def surviving_bytes(stable: bytes | bytearray, pending: Sequence[Change], prng: Prng) -> bytearray:
    """A file's bytes after the cut: `stable` with a possible part of `pending`."""
    survived = bytearray(stable)
    fate = prng.choice((_LOST, _KEPT, _PREFIX, _SCATTERED, _HOLES)) if pending else _KEPT
    if fate == _KEPT:
        for change in pending:
            apply(change, survived)
    elif fate == _PREFIX:
        _apply_prefix(survived, pending, prng)
    elif fate != _LOST:
        _apply_scattered(survived, _up_to_a_truncation(pending, prng), 0.5 if fate == _SCATTERED else 0.1, prng)
    return survived


def _apply_prefix(survived: bytearray, pending: Sequence[Change], prng: Prng) -> None:
    """Some changes whole, then one torn: its leading sectors only."""
    count = prng.randrange(len(pending))
    for change in pending[:count]:
        apply(change, survived)
    torn = pending[count]
    if isinstance(torn, Write):
        sectors = list(_sectors(torn))
        for sector in sectors[: prng.randrange(len(sectors) + 1)]:
            apply(sector, survived)


def _apply_scattered(survived: bytearray, pending: Sequence[Change], chance: float, prng: Prng) -> None:
    """Each touched sector as it was after some change, or as before; the size as if all had come, or only as far as what came.

    A sector is written whole, so an earlier append that shares it is in it: it is copied from what programs saw then.
    """
    size_reached = prng.random() < 0.5
    seen = bytearray(survived)
    for change in pending:
        apply(change, seen)
        if isinstance(change, Truncation):
            apply(change, survived)
            continue
        for position, _ in _sectors(change):
            if prng.random() < chance:
                start = position - position % SECTOR_SIZE
                apply(Write(start, bytes(seen[start : start + SECTOR_SIZE])), survived)
        if size_reached and len(survived) < len(seen):
            apply(Truncation(len(seen)), survived)


def _up_to_a_truncation(pending: Sequence[Change], prng: Prng) -> Sequence[Change]:
    """A truncation is a barrier: pick the first one that did not survive; what came after it didn't either."""
    barriers = [index for index, change in enumerate(pending) if isinstance(change, Truncation)]
    return pending[: prng.choice([*barriers, len(pending)])]


def _sectors(write: Write) -> Iterator[Write]:
    """The write, cut at the disk's sector edges."""
    start, end = write.position, write.position + len(write.data)
    while start < end:
        edge = min(start - start % SECTOR_SIZE + SECTOR_SIZE, end)
        yield Write(start, write.data[start - write.position : edge - write.position])
        start = edge


def disk_after_power_cut(disk: MemoryDisk, prng: Prng) -> MemoryDisk:
    """A new disk, all of it stable; the old one is left as it was."""
    kept: list[NameChange] = []
    for directory in _all_directories(disk.root):
        kept.extend(directory.pending[: prng.randrange(len(directory.pending) + 1)])
    after = MemoryDisk(disk.capacity, disk.clock)
    after.root = _copy_directory(disk.root, with_forerunners(kept), prng, {})
    after.used = sum(len(inode.content) for inode in _all_files(after.root))
    return after


def _all_directories(root: Directory) -> list[Directory]:
    """Every directory that may be there afterwards, in a fixed order (so that a seed means one outcome)."""
    found = {root: None}
    for directory in (queue := [root]):
        nodes: list[Node | None] = [*directory.stable.values()]
        nodes += [node for change in directory.pending for where, _, node in change.parts if where is directory]
        for node in nodes:
            if isinstance(node, Directory) and node not in found:
                found[node] = None
                queue.append(node)
    return list(found)


def _copy_directory(old: Directory, kept: set[NameChange], prng: Prng, copies: dict[Node, Node]) -> Directory:
    survived = dict(old.stable)
    for change in old.pending:
        if change in kept:
            change.apply(old, survived)
    new = Directory()
    copies[old] = new
    for name, node in survived.items():
        new.entries[name] = _copy(node, kept, prng, copies)
    new.stable = dict(new.entries)
    return new


def _copy(node: Node, kept: set[NameChange], prng: Prng, copies: dict[Node, Node]) -> Node:
    copy = copies.get(node)
    if isinstance(node, Directory):
        return copy or _copy_directory(node, kept, prng, copies)
    if isinstance(copy, Inode):
        copy.links += 1  # a second name for the same file
        return copy
    copies[node] = copied = Inode(bytes(surviving_bytes(node.stable, node.pending, prng)), node.modified_ms)
    return copied


def _all_files(root: Directory) -> set[Inode]:
    files: set[Inode] = set()
    for node in root.entries.values():
        files |= _all_files(node) if isinstance(node, Directory) else {node}
    return files
