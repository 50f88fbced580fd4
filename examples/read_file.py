"""Read a file of any size past the page cache, and say how fast, and by which engine.

    python examples/read_file.py FILE [--piece BYTES] [--ahead N]

A stream keeps `--ahead` reads of `--piece` bytes under way and hands the pieces over in order; here they are only counted and
summed up (CRC-32), so the figure is the disk's. `FILE` may be a block device. The exit code is 0 when all was read.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
import zlib

from odradek.aio import DirectStorage, InputStream
from odradek.base.clock import SystemClock


async def read(path: str, piece: int, ahead: int) -> str:
    """The line that tells what was read."""
    storage = DirectStorage(SystemClock())
    try:
        file = await storage.open(path, read_only=True)
        started, size, checksum = time.perf_counter(), 0, 0
        async with InputStream(file, piece=piece, ahead=ahead) as stream:
            async for data in stream:
                size += len(data)
                checksum = zlib.crc32(data, checksum)
        seconds = time.perf_counter() - started
        engine = storage.statistics().engine
        rate = size / seconds / 1e6 if seconds else 0.0
        return (
            f"{size:,} bytes in {seconds:.3f} s, {rate:,.0f} MB/s, CRC-32 {checksum:08x}, "
            f"engine {engine.name}: {engine.requests} requests, {engine.on_threads} of them on threads"
        )
    finally:
        await storage.close()


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Read a file past the page cache and say how fast.")
    parser.add_argument("file")
    parser.add_argument("--piece", type=int, default=1 << 20, help="bytes of one read (default: 1 MiB)")
    parser.add_argument("--ahead", type=int, default=4, help="reads under way (default: 4)")
    options = parser.parse_args(words)
    try:
        print(asyncio.run(read(options.file, options.piece, options.ahead)))
    except (OSError, ValueError) as error:
        print(f"read_file: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
