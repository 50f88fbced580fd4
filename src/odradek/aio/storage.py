"""The interface: what a log may ask of a disk, and what it is promised.

The rules that every filling keeps, and that the shared tests in `tests/aio` check on each:

* **Where it runs.** Methods that end in `_now` are synchronous, for the event loop, and touch the page cache only. All others
  are awaited and may take as long as the device does.
* **Durability.** A write is durable when a `flush()` that began after it has returned. A name (made, renamed, removed) is
  durable when a `sync_directory()` of its directory that began after it has returned. Nothing else is promised.
* **Flushes are shared.** One fdatasync at a time runs per file; those who asked before it began share it, those who ask while
  it runs share the next one. After a failed one, every later `flush()` of that file raises `FlushFailedError`.
* **Failed appends leave nothing.** When `write_now` raises, the file is cut back to the size it had before.
* **Cancelling.** A cancelled read, write or call on a name raises CancelledError only when the operation has ended, so a buffer
  is the caller's again as soon as the await is over. A cancelled `flush()` returns at once; the others who wait keep waiting.
* **Closing.** `close()` refuses new operations, waits for those in flight, then gives the descriptor back; it may be repeated.
* **Errors** of the system are `OSError`s with number and path; those of aio are in `aio.errors`.

Paths are `str`; positions and sizes are bytes. A storage and its files belong to one event loop.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, TypeAlias

Buffer: TypeAlias = bytes | bytearray | memoryview
"""Contiguous bytes (a memoryview must have format "B", so that its length is its size)."""

BUFFER_TYPES: Final = (bytes, bytearray, memoryview)
"""The same, for isinstance on the hot path (a union would be built anew by each call)."""

READ_BYTES_LIMIT: Final = 16 * 1024 * 1024
"""`read_bytes` is for small files read whole (checkpoints, snapshots): past this something is wrong with the file."""


class WouldBlock(enum.Enum):
    """The answer of `read_now` when the bytes are not all in the page cache."""

    WOULD_BLOCK = "would block"


WOULD_BLOCK: Final = WouldBlock.WOULD_BLOCK


class Operation(enum.StrEnum):
    """The closed set of what may block: each is counted, and a fault plan names them."""

    OPEN = "open"
    CLOSE = "close"
    READ = "read"
    WRITE = "write"
    FLUSH = "flush"
    TRUNCATE = "truncate"
    ALLOCATE = "allocate"
    DISCARD = "discard"
    STAT = "stat"
    LIST = "list"
    MAKE_DIRECTORY = "make_directory"
    REMOVE = "remove"
    RENAME = "rename"
    LINK = "link"
    TOUCH = "touch"
    SYNC_DIRECTORY = "sync_directory"
    LOCK = "lock"
    FREE_BYTES = "free_bytes"


class FileType(enum.StrEnum):
    """What a name stands for (not following symbolic links)."""

    FILE = "file"
    DIRECTORY = "directory"
    LINK = "link"
    BLOCK_DEVICE = "block_device"
    OTHER = "other"


class DirectoryEntry(NamedTuple):
    """One name in a directory."""

    name: str
    kind: FileType


@dataclass(frozen=True, slots=True)
class StorageStatistics:
    """How much a storage has done and is doing: a view of one storage, that is, of one shard."""

    engine: str
    open_files: int
    operations: Mapping[str, int]  # how many of each `Operation` left the loop
    running: int
    queued: int
    queued_max: int
    flushes_asked: int
    flushes_done: int  # fdatasyncs that ran: the difference is what sharing saved


class FileLock(Protocol):
    """An advisory lock that dies with the process that holds it."""

    path: str

    def release(self) -> None:
        """Give the lock back; may be repeated."""


class File(Protocol):
    """An open file. Lifecycle: `Storage.open`, any number of operations, one `close()`."""

    path: str
    size: int  # kept by this object: right as long as this object alone changes the file

    @property
    def closed(self) -> bool: ...

    def fileno(self) -> int:
        """The descriptor, for sendfile and the like; raises `io.UnsupportedOperation` where there is none."""

    def write_now(self, parts: Buffer | Sequence[Buffer], position: int) -> None:
        """Put `parts`, one behind the other, at `position` in the page cache: one system call in the common case.

        Raises `OSError` after cutting the file back to its size before the call. (Bytes that were overwritten below that
        size are not brought back: a log only appends.) Where even the cut fails, later writes raise that error too.
        """

    def read_now(self, position: int, size: int) -> bytes | bytearray | WouldBlock:
        """`size` bytes at `position`, fewer only at the end of the file; `WOULD_BLOCK` unless all are in the page cache."""

    async def read(self, position: int, size: int) -> bytes | bytearray:
        """`size` bytes at `position`, fewer only at the end of the file."""

    async def read_into(self, position: int, buffer: bytearray | memoryview) -> int:
        """Fill `buffer` from `position`; returns the count, less than the buffer only at the end of the file."""

    async def write(self, position: int, data: Buffer) -> None:
        """As `write_now`, off the loop: for large writes, and where the disk pushes back."""

    async def flush(self) -> None:
        """Make the bytes written so far durable (fdatasync), shared with whoever else waits. Raises `FlushFailedError`."""

    def truncate_now(self, size: int) -> None:
        """Set the size, on the loop: for cutting back what was just appended."""

    async def truncate(self, size: int) -> None:
        """Set the size, off the loop (freeing gigabytes takes its time). Growing leaves a hole that reads as zeros."""

    async def allocate(self, position: int, size: int) -> None:
        """Reserve space for a range, growing the file with zeros when the range ends behind its end."""

    async def discard(self, position: int, size: int) -> None:
        """Give the space of a range back; it then reads as zeros. The size stays."""

    async def close(self) -> None: ...


class Storage(Protocol):
    """Names and files of one disk, as one shard sees them."""

    engine: str

    async def open(
        self,
        path: str,
        *,
        create: bool = False,
        exclusive: bool = False,
        read_only: bool = False,
        truncate: bool = False,
    ) -> File:
        """Open a regular file. `create` makes it when missing, `exclusive` (with `create`) refuses one that is there."""

    async def make_directory(self, path: str, *, parents: bool = True) -> None:
        """Make a directory; one that is there is fine. Its parent is not synced."""

    async def remove(self, path: str) -> None:
        """Remove a file, or an empty directory."""

    async def remove_tree(self, path: str) -> None:
        """Remove a directory and all in it; symbolic links are removed, not followed."""

    async def rename(self, old: str, new: str) -> None:
        """Atomic, replaces `new` when it is a file. Sync the directory to make it last."""

    async def link(self, source: str, target: str) -> None:
        """A second name for a file; raises FileExistsError when `target` is there."""

    async def touch(self, path: str) -> None:
        """Create an empty file when missing; an existing one is left as it is."""

    async def exists(self, path: str) -> bool: ...

    async def file_size(self, path: str) -> int: ...

    async def modified_ms(self, path: str) -> int:
        """When the file's bytes or its size were last changed: epoch milliseconds, by the clock of the system that did it."""

    async def file_type(self, path: str) -> FileType: ...

    async def file_system_type(self, path: str) -> str:
        """As the kernel names it: "ext4", "xfs", "tmpfs"...; "unknown" where the system doesn't say."""

    async def sync_directory(self, path: str) -> None: ...

    def list_directory(self, path: str) -> AsyncIterator[DirectoryEntry]:
        """The names in a directory, in no order."""

    async def read_bytes(self, path: str, *, limit: int = READ_BYTES_LIMIT) -> bytes:
        """A small file, whole; raises OSError(EFBIG) when it is larger than `limit`."""

    async def write_atomically(self, path: str, data: Buffer, *, sync: bool = True) -> None:
        """Replace a small file so that a reader, also after a crash, sees the old content or the new, never a mixture.

        `path`.tmp is written and flushed, then renamed, then the directory is synced. Without `sync` it is atomic against a
        killed process only. Calls for the same path run one after the other.
        """

    async def lock(self, path: str) -> FileLock:
        """Lock a file, made when missing; raises `LockedError` at once when somebody else holds it."""

    async def free_bytes(self, path: str) -> int:
        """Space that this process may still fill on the file system that holds `path`."""

    async def close(self) -> None:
        """Wait for what is in flight. Files still open are closed."""

    def statistics(self) -> StorageStatistics: ...
