"""The system calls behind real files, each blocking, with the platforms' differences in one place.

| what | Linux | macOS and others |
|---|---|---|
| data to the platter | fdatasync(2) | fcntl F_FULLFSYNC (fsync(2) leaves it in the drive's cache there) |
| read only what is cached | preadv2(2) with RWF_NOWAIT | none: callers go to a thread |
| reserve space | posix_fallocate(3) | ftruncate(2): the size, without the space |
| give space back | fallocate(2) PUNCH_HOLE | zeros are written |
| which file system | /proc/self/mountinfo | "unknown" |
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Callable, Sequence
from typing import Final

from odradek.aio.storage import Buffer, FileType

RWF_NOWAIT: Final[int] = getattr(os, "RWF_NOWAIT", 0)
IOV_MAX: Final = 1024
"""Buffers that one pwritev takes (Linux's UIO_MAXIOV, and POSIX systems' usual value)."""

_ZEROS_SIZE = 1 << 20
_FULL_SYNC: Final[int | None] = getattr(fcntl, "F_FULLFSYNC", None)
_PUNCH_HOLE_KEEP_SIZE: Final = 0x01 | 0x02  # linux/falloc.h
_NOT_SUPPORTED = (errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL)
_TYPES: Final = {
    stat.S_IFREG: FileType.FILE,
    stat.S_IFDIR: FileType.DIRECTORY,
    stat.S_IFLNK: FileType.LINK,
    stat.S_IFBLK: FileType.BLOCK_DEVICE,
}


def with_path(error: OSError, path: str, doing: str) -> OSError:
    """The same error (same number, same class), telling which file and what was being done."""
    if error.errno is None:
        return error
    return OSError(error.errno, f"{os.strerror(error.errno)} while {doing}", path)


def open_flags(*, create: bool, exclusive: bool, read_only: bool, truncate: bool) -> int:
    """For open(2), by the words of `Storage.open`."""
    flags = os.O_RDONLY if read_only else os.O_RDWR
    flags |= os.O_CREAT if create else 0
    flags |= os.O_EXCL if exclusive else 0
    return flags | (os.O_TRUNC if truncate else 0)


def open_file(path: str, flags: int) -> tuple[int, int]:
    """(descriptor, size) of a regular file."""
    fd = os.open(path, flags | os.O_CLOEXEC, 0o644)
    try:
        status = os.fstat(fd)
        if stat.S_ISDIR(status.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    except BaseException:
        os.close(fd)
        raise
    return fd, status.st_size


def file_type(path: str) -> FileType:
    return _TYPES.get(stat.S_IFMT(os.lstat(path).st_mode), FileType.OTHER)


def write_rest(pwrite: Callable[[Buffer, int], int], parts: Sequence[Buffer], position: int, written: int = 0) -> int:
    """Write what is left of `parts` when their first `written` bytes are at `position`; returns the total size.

    Loops over short writes, which a full disk, a size limit or a signal brings.
    """
    done = 0
    for part in parts:
        view = memoryview(part)
        start = min(max(written - done, 0), len(view))
        while start < len(view):
            count = pwrite(view[start:], position + done + start)
            if count <= 0:
                raise OSError(errno.EIO, "the system wrote nothing and told no reason")
            start += count
        done += len(view)
    return done


def write_all(fd: int, data: Buffer, position: int) -> None:
    """All of `data`, however many calls it takes."""
    write_rest(lambda piece, at: os.pwrite(fd, piece, at), [data], position)


def read_full(fd: int, position: int, size: int) -> bytes:
    """`size` bytes, fewer only at the end of the file."""
    data = os.pread(fd, size, position)
    while 0 < len(data) < size:
        more = os.pread(fd, size - len(data), position + len(data))
        if not more:
            break
        data += more
    return data


def read_into(fd: int, position: int, buffer: bytearray | memoryview) -> int:
    """Fill `buffer`; returns the count, less only at the end of the file."""
    view = memoryview(buffer)
    done = 0
    while done < len(view):
        count = os.preadv(fd, [view[done:]], position + done)
        if count == 0:
            break
        done += count
    return done


def sync_data(fd: int) -> None:
    """The bytes, and as much metadata as reading them back needs, reach stable storage."""
    if _FULL_SYNC is not None:
        fcntl.fcntl(fd, _FULL_SYNC)
    else:
        os.fdatasync(fd)


def sync_directory(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def allocate(fd: int, position: int, size: int) -> None:
    """Reserve a range and grow the file to its end."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, position, size)
    elif os.fstat(fd).st_size < position + size:
        os.ftruncate(fd, position + size)


def discard(fd: int, position: int, size: int) -> None:
    """Punch a hole, or write zeros where that can't be done; never beyond the file's end."""
    size = min(size, os.fstat(fd).st_size - position)
    if size <= 0 or punch_hole(fd, position, size):
        return
    zeros = bytes(min(size, _ZEROS_SIZE))
    for start in range(0, size, _ZEROS_SIZE):
        piece = memoryview(zeros)[: min(_ZEROS_SIZE, size - start)]
        write_all(fd, piece, position + start)


def punch_hole(fd: int, position: int, size: int) -> bool:
    """False where system or file system can't."""
    import ctypes  # the standard library has no fallocate; only compaction comes here, so it is loaded late

    fallocate = getattr(ctypes.CDLL(None, use_errno=True), "fallocate64", None)
    if fallocate is None:
        return False
    fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
    if fallocate(fd, _PUNCH_HOLE_KEEP_SIZE, position, size) == 0:
        return True
    number = ctypes.get_errno()
    if number in _NOT_SUPPORTED:
        return False
    raise OSError(number, os.strerror(number))


def remove(path: str) -> None:
    """A file, a link or an empty directory."""
    if stat.S_ISDIR(os.lstat(path).st_mode):
        os.rmdir(path)
    else:
        os.unlink(path)


def remove_tree(path: str) -> None:
    """Depth first, not through links. (shutil.rmtree does the same, but its imports cost start-up time.)"""
    with os.scandir(path) as entries:
        found = list(entries)
    for entry in found:
        if entry.is_dir(follow_symlinks=False):
            remove_tree(entry.path)
        else:
            os.unlink(entry.path)
    os.rmdir(path)


def free_bytes(path: str) -> int:
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize


def file_system_type(path: str) -> str:
    """The type of the mount that holds `path` (proc_pid_mountinfo(5)): the last one mounted with its device number."""
    device = os.stat(path).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as mounts:
            lines = mounts.read().splitlines()
    except OSError:
        return "unknown"
    for line in reversed(lines):
        fields, _, behind = line.partition(" - ")
        if fields.split(" ", 3)[2] == wanted:
            return behind.split(" ", 1)[0]
    return "unknown"
