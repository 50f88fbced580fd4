"""Asynchronous file I/O: one interface for storage, several engines behind it.

Whoever keeps data stands on two protocols, `Storage` (names: open, rename, list, sync a directory) and `File` (bytes: read,
write, flush). What fills them is chosen once, at start:

* `ThreadStorage`: real files anywhere; calls that can only block go to a pool of threads, each counted by what it was;
* `MemoryStorage`: a simulated disk with a seed, planned faults and power cuts, for tests and simulation.

The path of each operation follows one rule: what takes microseconds happens on the loop, at once (`write_now` into the page
cache, `read_now` out of it); whatever may wait for the device is awaited. Nothing here knows what a log is, and nothing is
imported from above: the room can be used without the broker.
"""

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

__all__ = [
    "WOULD_BLOCK",
    "AioError",
    "Buffer",
    "DirectoryEntry",
    "File",
    "FileClosedError",
    "FileLock",
    "FileType",
    "FlushFailedError",
    "Gate",
    "GateClosedError",
    "LockedError",
    "Operation",
    "Storage",
    "StorageStatistics",
    "WouldBlock",
]
