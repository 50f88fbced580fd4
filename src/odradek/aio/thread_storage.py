"""Real files on any POSIX system: the engine "threads".

Every call on a name goes to the thread pool, whole: `write_atomically` is one trip to a thread, not six. Files that are open
are known to the storage, so that closing it closes them and its statistics count them.
"""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import TypeVar, TypeVarTuple

from odradek.aio import file_lock, posix
from odradek.aio.one_at_a_time import OneAtATime
from odradek.aio.storage import (
    READ_BYTES_LIMIT,
    Buffer,
    DirectoryEntry,
    FileType,
    Operation,
    StorageStatistics,
)
from odradek.aio.thread_file import ThreadFile
from odradek.aio.thread_pool import THREADS_MAX, ThreadPool

Args = TypeVarTuple("Args")
T = TypeVar("T")

_LIST_STEP = 512
"""Directory entries fetched in one trip to a thread."""


class ThreadStorage:
    """The disk as one loop sees it. Lifecycle: made anywhere, used in one running loop, closed there.

    `lasting=False` is for a directory that goes with its process: names and small files are then not synced, which is most of
    what starting and making topics costs. `File.flush` does what it says all the same.
    """

    engine = "threads"

    __slots__ = ("_files", "_flushes_asked", "_flushes_done", "_lasting", "_order", "_pool")

    def __init__(self, threads_max: int = THREADS_MAX, *, lasting: bool = True) -> None:
        self._lasting = lasting
        self._pool = ThreadPool("aio", threads_max)
        self._files: set[ThreadFile] = set()
        self._order = OneAtATime[str]()
        self._flushes_asked = 0
        self._flushes_done = 0

    async def open(
        self,
        path: str,
        *,
        create: bool = False,
        exclusive: bool = False,
        read_only: bool = False,
        truncate: bool = False,
    ) -> ThreadFile:
        """See `Storage.open`."""
        flags = posix.open_flags(create=create, exclusive=exclusive, read_only=read_only, truncate=truncate)
        fd, size = await self._pool.run(Operation.OPEN, posix.open_file, path, flags, dispose=_close_opened)
        file = self._file(path, fd, size)
        self._files.add(file)
        return file

    def _file(self, path: str, fd: int, size: int) -> ThreadFile:
        """What this engine makes of a descriptor."""
        return ThreadFile(path, fd, size, self._pool, self._forget)

    def _forget(self, file: ThreadFile) -> None:
        self._files.discard(file)
        self._flushes_asked += file.flushes.asked
        self._flushes_done += file.flushes.done

    async def make_directory(self, path: str, *, parents: bool = True) -> None:
        """See `Storage.make_directory`."""
        await self._pool.run(Operation.MAKE_DIRECTORY, _make_directory, path, parents)

    async def remove(self, path: str) -> None:
        """See `Storage.remove`."""
        await self._pool.run(Operation.REMOVE, posix.remove, path)

    async def remove_tree(self, path: str) -> None:
        """See `Storage.remove_tree`."""
        await self._pool.run(Operation.REMOVE, posix.remove_tree, path)

    async def rename(self, old: str, new: str) -> None:
        """See `Storage.rename`."""
        await self._pool.run(Operation.RENAME, os.replace, old, new)

    async def link(self, source: str, target: str) -> None:
        """See `Storage.link`."""
        await self._pool.run(Operation.LINK, os.link, source, target)

    async def touch(self, path: str) -> None:
        """See `Storage.touch`."""
        await self._pool.run(Operation.TOUCH, _touch, path)

    async def exists(self, path: str) -> bool:
        """See `Storage.exists`."""
        return await self._pool.run(Operation.STAT, os.path.lexists, path)

    async def file_size(self, path: str) -> int:
        """See `Storage.file_size`."""
        return await self._pool.run(Operation.STAT, os.path.getsize, path)

    async def modified_ms(self, path: str) -> int:
        """See `Storage.modified_ms`."""
        return await self._pool.run(Operation.STAT, _modified_ms, path)

    async def file_type(self, path: str) -> FileType:
        """See `Storage.file_type`."""
        return await self._pool.run(Operation.STAT, posix.file_type, path)

    async def file_system_type(self, path: str) -> str:
        """See `Storage.file_system_type`."""
        return await self._pool.run(Operation.STAT, posix.file_system_type, path)

    async def sync_directory(self, path: str) -> None:
        """See `Storage.sync_directory`."""
        if self._lasting:
            await self._pool.run(Operation.SYNC_DIRECTORY, posix.sync_directory, path)

    async def list_directory(self, path: str) -> AsyncIterator[DirectoryEntry]:
        """See `Storage.list_directory`."""
        scan: Iterator[os.DirEntry[str]] = await self._pool.run(Operation.LIST, os.scandir, path, dispose=_close_scan)
        with scan:  # type: ignore[attr-defined]
            while entries := await self._pool.run(Operation.LIST, _next_entries, scan):
                for entry in entries:
                    yield entry

    async def read_bytes(self, path: str, *, limit: int = READ_BYTES_LIMIT) -> bytes:
        """See `Storage.read_bytes`."""
        return await self._pool.run(Operation.READ, _read_bytes, path, limit)

    async def write_atomically(self, path: str, data: Buffer, *, sync: bool = True) -> None:
        """See `Storage.write_atomically`."""
        async with self._order.turn(path):
            await self._pool.run(Operation.WRITE, _write_atomically, path, data, sync and self._lasting)

    async def lock(self, path: str) -> file_lock.ThreadFileLock:
        """See `Storage.lock`."""
        return await self._pool.run(Operation.LOCK, file_lock.acquire, path, dispose=file_lock.ThreadFileLock.release)

    async def free_bytes(self, path: str) -> int:
        """See `Storage.free_bytes`."""
        return await self._pool.run(Operation.FREE_BYTES, posix.free_bytes, path)

    async def close(self) -> None:
        """See `Storage.close`."""
        for file in tuple(self._files):
            await file.close()
        await self._pool.close()

    def statistics(self) -> StorageStatistics:
        """See `StorageStatistics`."""
        return StorageStatistics(
            engine=self.engine,
            open_files=len(self._files),
            operations=dict(self._pool.operations),
            running=self._pool.running,
            queued=self._pool.queued,
            queued_max=self._pool.queued_max,
            flushes_asked=self._flushes_asked + sum(file.flushes.asked for file in self._files),
            flushes_done=self._flushes_done + sum(file.flushes.done for file in self._files),
        )


def _close_opened(opened: tuple[int, int]) -> None:
    os.close(opened[0])


def _close_scan(scan: Iterator[os.DirEntry[str]]) -> None:
    scan.close()  # type: ignore[attr-defined]


def _make_directory(path: str, parents: bool) -> None:
    if parents:
        os.makedirs(path, exist_ok=True)
        return
    try:
        os.mkdir(path)
    except FileExistsError:
        if not os.path.isdir(path):
            raise


def _modified_ms(path: str) -> int:
    return os.stat(path).st_mtime_ns // 1_000_000


def _touch(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644))


def _next_entries(scan: Iterator[os.DirEntry[str]]) -> list[DirectoryEntry]:
    return [DirectoryEntry(entry.name, _kind(entry)) for entry in islice(scan, _LIST_STEP)]


def _kind(entry: os.DirEntry[str]) -> FileType:
    """Mostly without a system call: the directory tells the type."""
    if entry.is_file(follow_symlinks=False):
        return FileType.FILE
    if entry.is_dir(follow_symlinks=False):
        return FileType.DIRECTORY
    try:
        return posix.file_type(entry.path)
    except FileNotFoundError:  # removed since it was listed
        return FileType.OTHER


def _read_bytes(path: str, limit: int) -> bytes:
    fd, size = posix.open_file(path, os.O_RDONLY)
    try:
        if size > limit:
            raise OSError(errno.EFBIG, f"{size} bytes, and at most {limit} are read at once", path)
        return posix.read_full(fd, 0, size)
    finally:
        os.close(fd)


def _write_atomically(path: str, data: Buffer, sync: bool) -> None:
    temporary = path + ".tmp"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        _fill(fd, data, sync)
        os.replace(temporary, path)
    except OSError as error:
        _quietly_unlink(temporary)
        raise posix.with_path(error, path, "writing it anew") from error
    except BaseException:
        _quietly_unlink(temporary)
        raise
    if sync:
        posix.sync_directory(os.path.dirname(path) or ".")


def _fill(fd: int, data: Buffer, sync: bool) -> None:
    try:
        posix.write_all(fd, data, 0)
        if sync:
            posix.sync_data(fd)
    finally:
        os.close(fd)


def _quietly_unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:  # the error that brought us here is the one to tell
        pass
