"""A simulated disk: what programs see, what would survive a power cut, and the changes in between.

The fault contract: what a power cut may do, and what it never does.

* **Synced bytes are never lost.** What a file held when a successful fdatasync began is there afterwards, except where the
  program itself overwrote, truncated or discarded it later.
* **Unsynced writes may be lost whole, survive whole, or in part**, in any order, sector by sector (512 bytes, never less). A
  sector holds one of the versions it has had since the last sync, or zeros where it never reached the disk but the file's new
  size did. No other bytes are ever invented.
* **A truncation is a barrier.** Writes made after an unsynced truncation survive only together with it.
* **A failed fdatasync settles nothing.** Of the bytes it covered any part may be lost, though reads still show them; they count
  as clean, so no later fdatasync brings them to the disk.
* **Names** (made, removed, renamed) survive up to some point of each directory's history, at least up to its last successful
  sync. A rename is atomic: the old name or the new one, never neither. A synced file whose name was not synced is gone.
* A process that is killed loses nothing: the page cache is the system's.

Names and bytes are independent: a rename may survive that the bytes of its file do not (the empty file after a crash).
Synchronous and without errors of its own making: delays and faults are the storage's.
"""

from __future__ import annotations

import errno
import os
import posixpath
from typing import NamedTuple, NoReturn, TypeAlias

from odradek.base.clock import Clock, ManualClock

SECTOR_SIZE = 512


class Write(NamedTuple):
    """Bytes put at a position."""

    position: int
    data: bytes


class Truncation(NamedTuple):
    """The size set."""

    size: int


Change: TypeAlias = Write | Truncation


def apply(change: Change, content: bytearray) -> None:
    """What `change` does to a file's bytes."""
    if isinstance(change, Truncation):
        if change.size < len(content):
            del content[change.size :]
        else:
            content.extend(bytes(change.size - len(content)))
    else:
        if change.position > len(content):
            content.extend(bytes(change.position - len(content)))
        content[change.position : change.position + len(change.data)] = change.data


class Inode:
    """A file's bytes: `content` as programs see them, `stable` as a power cut leaves at least, `pending` in between."""

    __slots__ = ("content", "links", "modified_ms", "pending", "settled", "stable")

    def __init__(self, content: bytes = b"", modified_ms: int = 0) -> None:
        self.content = bytearray(content)
        self.stable = bytearray(content)
        self.pending: list[Change] = []
        self.settled = 0  # changes that have left `pending`
        self.links = 1
        self.modified_ms = modified_ms

    def change(self, change: Change) -> None:
        apply(change, self.content)
        self.pending.append(change)

    def mark(self) -> int:
        """Now, for `settle`: an fdatasync covers what was written before it began."""
        return self.settled + len(self.pending)

    def covered(self, mark: int) -> list[Change]:
        """The changes still pending that were made before `mark`."""
        return self.pending[: max(mark - self.settled, 0)]

    def settle(self, mark: int, stable: bytearray | None = None) -> None:
        """Changes before `mark` leave `pending`: into the stable bytes, or these become what a failed sync left."""
        covered = self.covered(mark)
        if stable is not None:
            self.stable = stable
        else:
            for change in covered:
                apply(change, self.stable)
        del self.pending[: len(covered)]
        self.settled += len(covered)


class Directory:
    """Names: `entries` as programs see them, `stable` and `pending` as for bytes."""

    __slots__ = ("entries", "pending", "stable")

    def __init__(self) -> None:
        self.entries: dict[str, Node] = {}
        self.stable: dict[str, Node] = {}
        self.pending: list[NameChange] = []


Node: TypeAlias = Inode | Directory


class NameChange:
    """What happens atomically: one name set or removed, or the two of a rename, maybe in two directories."""

    __slots__ = ("parts",)

    def __init__(self, *parts: tuple[Directory, str, Node | None]) -> None:
        self.parts = parts

    def apply(self, directory: Directory, entries: dict[str, Node]) -> None:
        """This change's part in `directory`."""
        for where, name, node in self.parts:
            if where is directory:
                if node is None:
                    entries.pop(name, None)
                else:
                    entries[name] = node


def with_forerunners(changes: list[NameChange]) -> set[NameChange]:
    """`changes` and all that must have survived with them: what came before in each directory they touch."""
    kept: set[NameChange] = set()
    while changes:
        change = changes.pop()
        if change in kept:
            continue
        kept.add(change)
        for directory in {where for where, _, _ in change.parts}:
            if change in directory.pending:
                changes.extend(directory.pending[: directory.pending.index(change)])
    return kept


class MemoryDisk:
    """The tree of names; paths are POSIX paths, relative ones count from the root."""

    __slots__ = ("capacity", "clock", "root", "used")

    def __init__(self, capacity: int | None = None, clock: Clock | None = None) -> None:
        self.root = Directory()
        self.clock = clock or ManualClock()
        self.capacity = capacity
        self.used = 0

    def find(self, path: str) -> Node:
        """The node at `path`; raises FileNotFoundError or NotADirectoryError."""
        node: Node = self.root
        for name in _names(path):
            if not isinstance(node, Directory):
                _fail(errno.ENOTDIR, path)
            found = node.entries.get(name)
            if found is None:
                _fail(errno.ENOENT, path)
            node = found
        return node

    def find_directory(self, path: str) -> Directory:
        node = self.find(path)
        if not isinstance(node, Directory):
            _fail(errno.ENOTDIR, path)
        return node

    def find_file(self, path: str) -> Inode:
        node = self.find(path)
        if not isinstance(node, Inode):
            _fail(errno.EISDIR, path)
        return node

    def parent(self, path: str) -> tuple[Directory, str]:
        """The directory that holds the last name of `path`, and that name."""
        names = _names(path)
        if not names:
            _fail(errno.EBUSY, path)
        return self.find_directory("/".join(names[:-1])), names[-1]

    def create(self, path: str, node: Node) -> None:
        directory, name = self.parent(path)
        if name in directory.entries:
            _fail(errno.EEXIST, path)
        _record(NameChange((directory, name, node)))

    def create_file(self, path: str) -> None:
        """An empty file, made now."""
        self.create(path, Inode(modified_ms=self.clock.now_ms()))

    def remove(self, path: str) -> None:
        """A file or an empty directory."""
        node = self.find(path)
        if isinstance(node, Directory) and node.entries:
            _fail(errno.ENOTEMPTY, path)
        _record(NameChange((*self.parent(path), None)))
        self._unlinked(node)

    def rename(self, old: str, new: str) -> None:
        node = self.find(old)
        replaced = self.parent(new)[0].entries.get(_names(new)[-1])
        if replaced is node:
            return
        if isinstance(replaced, Directory) and (replaced.entries or isinstance(node, Inode)):
            _fail(errno.ENOTEMPTY if isinstance(node, Directory) else errno.EISDIR, new)
        if isinstance(replaced, Inode) and isinstance(node, Directory):
            _fail(errno.ENOTDIR, new)
        _record(NameChange((*self.parent(old), None), (*self.parent(new), node)))
        if replaced is not None:
            self._unlinked(replaced)

    def link(self, source: str, target: str) -> None:
        inode = self.find_file(source)
        self.create(target, inode)
        inode.links += 1

    def sync_directory(self, path: str) -> None:
        """All names changed in the directory so far become stable, with what had to come before them."""
        changes = with_forerunners(list(self.find_directory(path).pending))
        for directory in {where for change in changes for where, _, _ in change.parts}:
            for change in [pending for pending in directory.pending if pending in changes]:
                change.apply(directory, directory.stable)
                directory.pending.remove(change)

    def change(self, inode: Inode, change: Change) -> None:
        before = len(inode.content)
        inode.change(change)
        inode.modified_ms = self.clock.now_ms()
        self.used += len(inode.content) - before

    def room(self) -> int | None:
        """Bytes that files may still grow by; None without a capacity."""
        return None if self.capacity is None else max(self.capacity - self.used, 0)

    def _unlinked(self, node: Node) -> None:
        if isinstance(node, Inode):
            node.links -= 1
            if node.links == 0:
                self.used -= len(node.content)


def _record(change: NameChange) -> None:
    for directory in dict.fromkeys(where for where, _, _ in change.parts):
        change.apply(directory, directory.entries)
        directory.pending.append(change)


def _names(path: str) -> list[str]:
    return [name for name in posixpath.normpath(path).split("/") if name not in ("", ".")]


def _fail(number: int, path: str) -> NoReturn:
    raise OSError(number, os.strerror(number), path)
