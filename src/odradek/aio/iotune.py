"""What can this disk do? Four rates, measured through the engine that will use it.

A file is made in the directory, filled, overwritten and read past the page cache, and removed: large requests in sequence for
bytes a second, small ones at random places for requests a second, with as many under way as a disk can use. Each is measured
for `seconds`. The file should be larger than the caches of the disk; a shared disk gives the share of this moment, so the
answer is as good as the moment was quiet.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from odradek.aio.aligned import SIZE_MAX, AlignedBuffer
from odradek.aio.direct_file import DirectFile
from odradek.aio.direct_storage import DirectStorage
from odradek.aio.disk_rates import DiskRates
from odradek.aio.storage import Storage
from odradek.base.clock import Clock
from odradek.base.prng import Prng

SMALL: Final = 4096
SMALL_UNDER_WAY: Final = 64
LARGE: Final = SIZE_MAX
LARGE_UNDER_WAY: Final = 8
FILE_NAME: Final = ".odradek-iotune"
SIZE_MIN: Final = 16 * LARGE


@dataclass(frozen=True, slots=True)
class Measured:
    """One of the four, as it is known."""

    name: str  # a field of `DiskRates`
    rate: float  # requests or bytes a second


Place = Callable[[], int]
Request = Callable[[int, AlignedBuffer, int], Awaitable[object]]


class IoTune:
    """Measures the disk of one directory. `size` is the file's: a multiple of 1 MiB, at least 16."""

    def __init__(self, names: Storage, data: DirectStorage, clock: Clock, prng: Prng, *, size: int, seconds: float) -> None:
        if size < SIZE_MIN or size % LARGE or not seconds > 0:
            raise ValueError(f"a file of whole MiB, at least 16, and some time: not {size} bytes and {seconds} s")
        self._names = names
        self._data = data
        self._clock = clock
        self._prng = prng
        self._size = size
        self._seconds = seconds

    async def measure(self, directory: str) -> AsyncIterator[Measured]:
        """The four rates, each when it is known. The file goes at the end, also of an interrupted measurement."""
        async with self._file(directory) as file:
            await self._fill(file)
            yield Measured(
                "write_bandwidth", LARGE * await self._rate(LARGE, LARGE_UNDER_WAY, self._in_sequence(), file.write_aligned)
            )
            yield Measured(
                "read_bandwidth", LARGE * await self._rate(LARGE, LARGE_UNDER_WAY, self._in_sequence(), file.read_aligned)
            )
            yield Measured("write_iops", await self._rate(SMALL, SMALL_UNDER_WAY, self._anywhere, file.write_aligned))
            yield Measured("read_iops", await self._rate(SMALL, SMALL_UNDER_WAY, self._anywhere, file.read_aligned))

    @asynccontextmanager
    async def _file(self, directory: str) -> AsyncIterator[DirectFile]:
        path = os.path.join(directory, FILE_NAME)
        file = await self._data.open(path, create=True, truncate=True)
        try:
            yield file
        finally:
            await file.close()
            await self._names.remove(path)

    async def _fill(self, file: DirectFile) -> None:
        """Every block is written once: disks answer reads of what was never written without reading."""
        await file.allocate(0, self._size)
        places = iter(range(0, self._size, LARGE))

        async def one_after_the_other() -> None:
            buffer = await self._data.lend(LARGE)
            try:
                buffer.view[:] = self._prng.randbytes(LARGE)
                for place in places:
                    await file.write_aligned(place, buffer, LARGE)
            finally:
                self._data.give_back(buffer)

        async with asyncio.TaskGroup() as group:
            for _ in range(LARGE_UNDER_WAY):
                group.create_task(one_after_the_other())
        await file.flush()

    def _in_sequence(self) -> Place:
        position = -LARGE

        def next_place() -> int:
            nonlocal position
            position = (position + LARGE) % self._size
            return position

        return next_place

    def _anywhere(self) -> int:
        return self._prng.randrange(self._size // SMALL) * SMALL

    async def _rate(self, size: int, under_way: int, place: Place, request: Request) -> float:
        """Requests a second that ended while the time ran, and at least one."""
        clock, started, done = self._clock, self._clock.monotonic(), 0
        deadline = started + self._seconds

        async def one_after_the_other() -> None:
            nonlocal done
            buffer = await self._data.lend(size)
            try:
                while clock.monotonic() < deadline:
                    await request(place(), buffer, size)
                    done += 1
            finally:
                self._data.give_back(buffer)

        async with asyncio.TaskGroup() as group:
            for _ in range(under_way):
                group.create_task(one_after_the_other())
        return max(done, 1) / max(clock.monotonic() - started, 1e-9)


def rates_of(measured: list[Measured]) -> DiskRates:
    """All four together."""
    return DiskRates(**{one.name: round(one.rate, 1) for one in measured})
