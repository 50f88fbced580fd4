"""Asynchronous file I/O: one interface for storage, several engines behind it.

Whoever keeps data stands on two protocols, `Storage` (names: open, rename, list, sync a directory) and `File` (bytes: read,
write, flush). What fills them is chosen once, at start:

* `AioStorage`: real files on Linux; flushes and cold reads are the kernel's own asynchronous I/O, completed through an eventfd;
* `ThreadStorage`: real files anywhere; calls that can only block go to a pool of threads, each counted by what it was;
* `MemoryStorage`: a simulated disk with a seed, planned faults and power cuts, for tests and simulation.

For bulk there is `DirectStorage`: files and block devices that are read and written past the page cache, at any position, with
priority classes and the disk's measured rates, and `InputStream` and `OutputStream` on them.

The path of each operation follows one rule: what takes microseconds happens on the loop, at once (`write_now` into the page
cache, `read_now` out of it); whatever may wait for the device is awaited. Nothing here knows what a log is, and nothing is
imported from above: the room can be used without the broker. What fills the protocols is loaded when first asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from odradek.aio.errors import AioError, FileClosedError, FlushFailedError, GateClosedError, LockedError
from odradek.aio.gate import Gate
from odradek.aio.storage import (
    WOULD_BLOCK,
    Buffer,
    DirectoryEntry,
    File,
    FileLock,
    FileType,
    Operation,
    Storage,
    StorageStatistics,
    WouldBlock,
)

if TYPE_CHECKING:
    from odradek.aio.aio_storage import AioStorage
    from odradek.aio.direct_file import DirectFile
    from odradek.aio.direct_storage import DirectStorage
    from odradek.aio.memory_storage import MemoryStorage
    from odradek.aio.streams import InputStream, OutputStream
    from odradek.aio.thread_storage import ThreadStorage

__all__ = [
    "WOULD_BLOCK",
    "AioError",
    "AioStorage",
    "Buffer",
    "DirectFile",
    "DirectStorage",
    "DirectoryEntry",
    "File",
    "FileClosedError",
    "FileLock",
    "FileType",
    "FlushFailedError",
    "Gate",
    "GateClosedError",
    "InputStream",
    "LockedError",
    "MemoryStorage",
    "Operation",
    "OutputStream",
    "Storage",
    "StorageStatistics",
    "ThreadStorage",
    "WouldBlock",
]

_LATER = {
    "AioStorage": "aio_storage",
    "DirectFile": "direct_file",
    "DirectStorage": "direct_storage",
    "InputStream": "streams",
    "MemoryStorage": "memory_storage",
    "OutputStream": "streams",
    "ThreadStorage": "thread_storage",
}


def __getattr__(name: str) -> object:
    module = _LATER.get(name)
    if module is None:
        raise AttributeError(f"module 'odradek.aio' has no attribute {name!r}")
    return getattr(import_module(f"odradek.aio.{module}"), name)
