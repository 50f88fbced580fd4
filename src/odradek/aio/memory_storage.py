"""A disk in memory that keeps the interface's promises and no others: the engine "memory".

It does from a seed what real disks do on bad days: operations take turns in a seeded order, the page cache is cold when it
likes, planned faults strike, the disk fills up, and `power_cut()` shows what would be left if the power went *now*. The
original runs on after a cut, so one run can be cut at every boundary: set `on_boundary` and it is called after each change of
bytes or names and when an fdatasync begins. It is for tests and simulation: unsynced bytes are held twice until then.

The same seed and the same calls give the same outcome. What power cuts may take is the fault contract in `memory_disk`.
"""

from __future__ import annotations

import asyncio
import copy
import errno
import os
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from odradek.aio.errors import LockedError
from odradek.aio.faults import FaultPlan
from odradek.aio.gate import Gate
from odradek.aio.memory_disk import Directory, Inode, MemoryDisk, Truncation
from odradek.aio.memory_file import MemoryFile
from odradek.aio.one_at_a_time import OneAtATime
from odradek.aio.power_cut import disk_after_power_cut
from odradek.aio.storage import (
    READ_BYTES_LIMIT,
    Buffer,
    DirectoryEntry,
    FileType,
    Operation,
    StorageStatistics,
)
from odradek.base.clock import Clock
from odradek.base.prng import seeded

_FREE_WITHOUT_CAPACITY = 1 << 40


class Boundary(Protocol):
    """Called at each point where a power cut makes a difference."""

    def __call__(self, operation: Operation, path: str) -> None: ...


class MemoryLock:
    """A lock on a path of one `MemoryStorage`."""

    __slots__ = ("_locks", "path")

    def __init__(self, path: str, locks: set[str]) -> None:
        self.path = path
        self._locks = locks

    def release(self) -> None:
        """See `FileLock.release`."""
        self._locks.discard(self.path)


class MemoryStorage:
    """One simulated disk.

    `seed` decides order and delays (each operation waits up to `turns_max` turns of the loop), which reads find the page cache
    cold (`cold_chance`) and what failing fdatasyncs leave. `capacity` in bytes makes the disk small. `clock` stamps files with
    the time of their last change; without one it stands still.
    """

    engine = "memory"

    def __init__(
        self,
        *,
        seed: int = 0,
        capacity: int | None = None,
        turns_max: int = 0,
        cold_chance: float = 0.0,
        disk: MemoryDisk | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.disk = disk or MemoryDisk(capacity, clock)
        self.prng = seeded(seed)
        self.faults = FaultPlan()
        self.on_boundary: Boundary | None = None
        self.turns_max = turns_max
        self.cold_chance = cold_chance
        self._files: set[MemoryFile] = set()
        self._locks: set[str] = set()
        self._gate = Gate("memory storage")
        self._order = OneAtATime[str]()
        self._operations: dict[str, int] = {}
        self._flushes_asked = 0
        self._flushes_done = 0

    def power_cut(self, seed: int) -> MemoryStorage:
        """The disk as it may be found after losing power now: a new storage; this one goes on as if nothing had happened."""
        return MemoryStorage(seed=seed, disk=disk_after_power_cut(self.disk, seeded(seed)))

    def process_kill(self) -> MemoryStorage:
        """The disk as it is found after this process was killed: all that was written, synced or not; open files are gone."""
        return MemoryStorage(disk=copy.deepcopy(self.disk, {id(self.disk.clock): self.disk.clock}))

    # What files and operations need of their storage.

    def boundary(self, operation: Operation, path: str) -> None:
        """A change has been made (or an fdatasync begins)."""
        if self.on_boundary is not None:
            self.on_boundary(operation, path)

    def strike(self, operation: Operation, path: str) -> None:
        """Raise the planned fault, if there is one."""
        fault = self.faults.take(operation, path)
        if fault is not None:
            raise fault.os_error(path)

    async def delay(self) -> None:
        """Let others go first, as often as the seed says."""
        for _ in range(self.prng.randrange(self.turns_max + 1)):
            await asyncio.sleep(0)

    def is_cold(self) -> bool:
        return self.cold_chance > 0 and self.prng.random() < self.cold_chance

    def count(self, operation: Operation) -> None:
        self._operations[operation] = self._operations.get(operation, 0) + 1

    def forget(self, file: MemoryFile) -> None:
        """The file has been closed."""
        if file in self._files:
            self._files.discard(file)
            self._flushes_asked += file.flushes.asked
            self._flushes_done += file.flushes.done

    async def _do(self, operation: Operation, path: str, *changes: Callable[[], None]) -> None:
        """Call `changes` one after the other, after a delay, unless a fault strikes; each is a boundary."""
        self._gate.enter()
        try:
            self.count(operation)
            await self.delay()
            self.strike(operation, path)
            for change in changes:
                change()
                self.boundary(operation, path)
        finally:
            self._gate.leave()

    async def open(
        self,
        path: str,
        *,
        create: bool = False,
        exclusive: bool = False,
        read_only: bool = False,
        truncate: bool = False,
    ) -> MemoryFile:
        """See `Storage.open`."""
        await self._do(Operation.OPEN, path)
        if create and (exclusive or not self._exists(path)):
            self.disk.create_file(path)
            self.boundary(Operation.OPEN, path)
        inode = self.disk.find_file(path)
        if truncate and inode.content:
            self.disk.change(inode, Truncation(0))
            self.boundary(Operation.OPEN, path)
        file = MemoryFile(path, inode, self, read_only=read_only)
        self._files.add(file)
        return file

    async def make_directory(self, path: str, *, parents: bool = True) -> None:
        """See `Storage.make_directory`."""
        missing = [] if self._exists(path) else [path]
        while parents and missing and not self._exists(os.path.dirname(missing[-1])):
            missing.append(os.path.dirname(missing[-1]))
        await self._do(Operation.MAKE_DIRECTORY, path, *(_maker(self.disk, name) for name in reversed(missing)))
        if isinstance(self.disk.find(path), Inode):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)

    async def remove(self, path: str) -> None:
        """See `Storage.remove`."""
        await self._do(Operation.REMOVE, path, lambda: self.disk.remove(path))

    async def remove_tree(self, path: str) -> None:
        """See `Storage.remove_tree`."""
        for name, node in list(self.disk.find_directory(path).entries.items()):
            inside = f"{path}/{name}"
            if isinstance(node, Directory):
                await self.remove_tree(inside)
            else:
                await self.remove(inside)
        await self.remove(path)

    async def rename(self, old: str, new: str) -> None:
        """See `Storage.rename`."""
        await self._do(Operation.RENAME, old, lambda: self.disk.rename(old, new))

    async def link(self, source: str, target: str) -> None:
        """See `Storage.link`."""
        await self._do(Operation.LINK, source, lambda: self.disk.link(source, target))

    async def touch(self, path: str) -> None:
        """See `Storage.touch`."""
        await self._do(Operation.TOUCH, path)
        if not self._exists(path):
            self.disk.create_file(path)
            self.boundary(Operation.TOUCH, path)

    async def exists(self, path: str) -> bool:
        """See `Storage.exists`."""
        await self._do(Operation.STAT, path)
        return self._exists(path)

    def _exists(self, path: str) -> bool:
        try:
            self.disk.find(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    async def file_size(self, path: str) -> int:
        """See `Storage.file_size`."""
        await self._do(Operation.STAT, path)
        node = self.disk.find(path)
        return len(node.content) if isinstance(node, Inode) else 0

    async def modified_ms(self, path: str) -> int:
        """See `Storage.modified_ms`."""
        await self._do(Operation.STAT, path)
        modified_ms = self.disk.find_file(path).modified_ms
        await self.delay()  # a thread's answer may be old when the loop hears it
        return modified_ms

    async def file_type(self, path: str) -> FileType:
        """See `Storage.file_type`."""
        await self._do(Operation.STAT, path)
        return _kind(self.disk.find(path))

    async def file_system_type(self, path: str) -> str:
        """See `Storage.file_system_type`."""
        await self._do(Operation.STAT, path)
        self.disk.find(path)
        return "memory"

    async def sync_directory(self, path: str) -> None:
        """See `Storage.sync_directory`."""
        await self._do(Operation.SYNC_DIRECTORY, path, lambda: self.disk.sync_directory(path))

    async def list_directory(self, path: str) -> AsyncIterator[DirectoryEntry]:
        """See `Storage.list_directory`."""
        await self._do(Operation.LIST, path)
        for name, node in list(self.disk.find_directory(path).entries.items()):
            yield DirectoryEntry(name, _kind(node))

    async def read_bytes(self, path: str, *, limit: int = READ_BYTES_LIMIT) -> bytes:
        """See `Storage.read_bytes`."""
        await self._do(Operation.READ, path)
        content = self.disk.find_file(path).content
        if len(content) > limit:
            raise OSError(errno.EFBIG, f"{len(content)} bytes, and at most {limit} are read at once", path)
        return bytes(content)

    async def write_atomically(self, path: str, data: Buffer, *, sync: bool = True) -> None:
        """See `Storage.write_atomically`."""
        async with self._order.turn(path):
            temporary = path + ".tmp"
            file = await self.open(temporary, create=True, truncate=True)
            try:
                await file.write(0, data)
                if sync:
                    await file.flush()
            finally:
                await file.close()
            await self.rename(temporary, path)
            if sync:
                await self.sync_directory(os.path.dirname(path))

    async def lock(self, path: str) -> MemoryLock:
        """See `Storage.lock`."""
        await self._do(Operation.LOCK, path)
        if path in self._locks:
            raise LockedError(path, os.getpid())
        await self.touch(path)
        self._locks.add(path)
        return MemoryLock(path, self._locks)

    async def free_bytes(self, path: str) -> int:
        """See `Storage.free_bytes`."""
        await self._do(Operation.FREE_BYTES, path)
        self.disk.find(path)
        room = self.disk.room()
        return _FREE_WITHOUT_CAPACITY if room is None else room

    async def close(self) -> None:
        """See `Storage.close`."""
        for file in tuple(self._files):
            await file.close()
        await self._gate.close()

    def statistics(self) -> StorageStatistics:
        """See `StorageStatistics`."""
        return StorageStatistics(
            engine=self.engine,
            open_files=len(self._files),
            operations=dict(self._operations),
            running=self._gate.count,
            queued=0,
            queued_max=0,
            flushes_asked=self._flushes_asked + sum(file.flushes.asked for file in self._files),
            flushes_done=self._flushes_done + sum(file.flushes.done for file in self._files),
        )


def _maker(disk: MemoryDisk, path: str) -> Callable[[], None]:
    def make() -> None:
        directory, name = disk.parent(path)
        if name not in directory.entries:  # else somebody else was faster
            disk.create(path, Directory())

    return make


def _kind(node: Inode | Directory) -> FileType:
    return FileType.FILE if isinstance(node, Inode) else FileType.DIRECTORY
