"""Copy a directory with everything in it, many files at a time, past the page cache.

    python examples/copy_tree.py SOURCE TARGET [--files N]

Shows both halves of `odradek.aio`: a `ThreadStorage` for names (listing, making directories, syncing them) and a
`DirectStorage` for bytes, with streams that read ahead and write behind. A `Semaphore` bounds the files that are open at a
time. Every file is flushed, and every directory synced once its files are there, so when the program says that it is done the
copy is on the disk. `TARGET` must not be there; links and devices are named and left out, and the exit code is then 1.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from dataclasses import dataclass, field

from odradek.aio import DirectStorage, FileType, InputStream, OutputStream, ThreadStorage
from odradek.base.clock import SystemClock
from odradek.sync import Semaphore


@dataclass
class Copied:
    """What was done."""

    files: int = 0
    directories: int = 0
    size: int = 0
    left_out: list[str] = field(default_factory=list)


class Copier:
    """Both storages, and how many files may be open at a time."""

    def __init__(self, files: int) -> None:
        self.names = ThreadStorage()
        self.data = DirectStorage(SystemClock())
        self.open_files = Semaphore("files being copied", files)
        self.copied = Copied()

    async def file(self, source: str, target: str) -> None:
        """One file, flushed."""
        async with self.open_files.hold():
            old = await self.data.open(source, read_only=True)
            new = await self.data.open(target, create=True, exclusive=True)
            if old.size:
                await new.allocate(0, old.size)  # so that writes find their blocks, and nobody waits for the file to grow
            async with InputStream(old) as pieces, OutputStream(new) as out:
                async for piece in pieces:
                    await out.write(piece)
            await new.flush()
            self.copied.files += 1
            self.copied.size += new.size
            await old.close()
            await new.close()

    async def directory(self, source: str, target: str) -> None:
        """A directory and what is in it, synced when all of that is there."""
        await self.names.make_directory(target, parents=False)
        self.copied.directories += 1
        async with asyncio.TaskGroup() as group:
            async for entry in self.names.list_directory(source):
                old, new = f"{source}/{entry.name}", f"{target}/{entry.name}"
                if entry.kind is FileType.FILE:
                    group.create_task(self.file(old, new))
                elif entry.kind is FileType.DIRECTORY:
                    group.create_task(self.directory(old, new))
                else:
                    self.copied.left_out.append(f"{old} ({entry.kind.value})")
        await self.names.sync_directory(target)

    async def close(self) -> None:
        await self.data.close()
        await self.names.close()


async def copy(source: str, target: str, files: int) -> Copied:
    copier = Copier(files)
    try:
        if await copier.names.exists(target):
            raise FileExistsError(f"{target} is there already")
        await copier.directory(source, target)
        return copier.copied
    finally:
        await copier.close()


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Copy a directory past the page cache.")
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--files", type=int, default=16, help="files that are open at a time (default: 16)")
    options = parser.parse_args(words)
    started = time.perf_counter()
    try:
        copied = asyncio.run(copy(options.source, options.target, options.files))
    except (OSError, ValueError, ExceptionGroup) as error:
        print(f"copy_tree: {_first(error)}", file=sys.stderr)
        return 1
    seconds = time.perf_counter() - started
    print(f"{copied.files} files, {copied.directories} directories, {copied.size:,} bytes in {seconds:.2f} s")
    for name in copied.left_out:
        print(f"copy_tree: left out: {name}", file=sys.stderr)
    return 1 if copied.left_out else 0


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


if __name__ == "__main__":
    sys.exit(main())
