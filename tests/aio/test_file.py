"""What a `File` promises, on real files and on the simulated disk alike."""

from __future__ import annotations

import asyncio
import errno

import pytest

from odradek.aio import WOULD_BLOCK, File, FileClosedError, Storage


async def warm(file: File, position: int, size: int) -> bytes:
    """`read_now` where it can, else `read`: how the log reads."""
    data = file.read_now(position, size)
    return bytes(await file.read(position, size) if data is WOULD_BLOCK else data)


def test_appends_are_read_back_and_the_size_is_kept(disk):
    async def story(storage: Storage, base: str) -> None:
        file = await storage.open(f"{base}/a", create=True)
        assert file.size == 0
        file.write_now(b"hello", 0)
        file.write_now([b" ", bytearray(b"wor"), memoryview(b"ld")], 5)
        assert file.size == 11
        assert await warm(file, 0, 100) == b"hello world"
        assert bytes(await file.read(6, 3)) == b"wor"
        assert await storage.file_size(f"{base}/a") == 11

    disk.run(story)


def test_reads_are_short_only_at_the_end(disk):
    async def story(storage: Storage, base: str) -> None:
        file = await storage.open(f"{base}/a", create=True)
        file.write_now(b"0123456789", 0)
        assert await warm(file, 8, 5) == b"89"
        assert await warm(file, 10, 5) == b""
        assert await warm(file, 50, 5) == b""
        assert bytes(await file.read(9, 5)) == b"9"
        assert bytes(await file.read(11, 5)) == b""
        buffer = bytearray(b"....")
        assert await file.read_into(8, buffer) == 2
        assert buffer == b"89.."

    disk.run(story)


def test_a_vector_longer_than_one_system_call_takes_is_written_whole(disk):
    async def story(storage: Storage, base: str) -> None:
        file = await storage.open(f"{base}/a", create=True)
        file.write_now([b"%04d" % number for number in range(2500)], 0)
        assert file.size == 10_000
        assert bytes(await file.read(4 * 2499, 9)) == b"2499"

    disk.run(story)


def test_a_write_behind_the_end_leaves_zeros_between(disk):
    async def story(storage: Storage, base: str) -> None:
        file = await storage.open(f"{base}/a", create=True)
        file.write_now(b"x", 3)
        await file.write(6, b"y")
        assert bytes(await file.read(0, 10)) == b"\0\0\0x\0\0y"
        assert file.size == 7

    disk.run(story)


def test_truncating_cuts_and_grows(disk):
    async def story(storage: Storage, base: str) -> None:
        file = await storage.open(f"{base}/a", create=True)
        file.write_now(b"0123456789", 0)
        file.truncate_now(4)
        assert (file.size, await warm(file, 0, 10)) == (4, b"0123")
        await file.truncate(6)
        assert (file.size, await warm(file, 0, 10)) == (6, b"0123\0\0")
        with pytest.raises(OSError) as raised:
            await file.truncate(-1)
        assert raised.value.errno == errno.EINVAL
        assert file.size == 6

    disk.run(story)


def test_allocating_grows_with_zeros_and_discarding_makes_zeros(disk):
    async def story(storage: Storage, base: str) -> None:
        file = await storage.open(f"{base}/a", create=True)
        file.write_now(b"x" * 10_000, 0)
        await file.allocate(0, 5_000)
        assert file.size == 10_000
        await file.allocate(10_000, 2_000)
        assert file.size == 12_000
        await file.discard(100, 9_000)
        await file.discard(11_000, 50_000)
        assert file.size == 12_000
        expected = b"x" * 100 + bytes(9_000) + b"x" * 900 + bytes(2_000)
        assert bytes(await file.read(0, 20_000)) == expected

    disk.run(story)


def test_a_file_opened_for_reading_refuses_writes(disk):
    async def story(storage: Storage, base: str) -> None:
        await storage.write_atomically(f"{base}/a", b"abc")
        file = await storage.open(f"{base}/a", read_only=True)
        with pytest.raises(OSError) as raised:
            file.write_now(b"x", 3)
        assert raised.value.errno == errno.EBADF
        assert await warm(file, 0, 9) == b"abc"

    disk.run(story)


def test_many_waiters_share_one_flush(disk):
    async def story(storage: Storage, base: str) -> None:
        file = await storage.open(f"{base}/a", create=True)

        async def append(number: int) -> None:
            file.write_now(b"%03d" % number, number * 3)
            await file.flush()

        await asyncio.gather(*(append(number) for number in range(100)))
        statistics = storage.statistics()
        assert statistics.flushes_asked == 100
        assert statistics.flushes_done == 1

    disk.run(story)


def test_a_cancelled_flush_leaves_the_others_waiting(disk):
    async def story(storage: Storage, base: str) -> None:
        file = await storage.open(f"{base}/a", create=True)
        file.write_now(b"x", 0)
        first, second = (asyncio.create_task(file.flush()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await second
        assert first.cancelled()
        await file.close()

    disk.run(story)


def test_a_closed_file_refuses_everything_and_may_be_closed_again(disk):
    async def story(storage: Storage, base: str) -> None:
        file = await storage.open(f"{base}/a", create=True)
        file.write_now(b"x", 0)
        assert not file.closed
        await file.close()
        await file.close()
        assert file.closed
        for refused in (lambda: file.write_now(b"y", 1), lambda: file.read_now(0, 1), lambda: file.truncate_now(0)):
            with pytest.raises(FileClosedError, match="closed"):
                refused()
        for refusing in (file.read(0, 1), file.write(0, b"y"), file.flush(), file.truncate(0), file.read_into(0, bytearray(1))):
            with pytest.raises(FileClosedError, match="closed"):
                await refusing
        assert await storage.file_size(f"{base}/a") == 1

    disk.run(story)


def test_closing_waits_for_what_is_in_flight(disk):
    async def story(storage: Storage, base: str) -> None:
        file = await storage.open(f"{base}/a", create=True)
        in_flight = [asyncio.create_task(file.write(number * 1000, b"z" * 1000)) for number in range(20)]
        in_flight.append(asyncio.create_task(file.flush()))
        await asyncio.sleep(0)
        await file.close()
        await asyncio.gather(*in_flight)
        assert await storage.read_bytes(f"{base}/a") == b"z" * 20_000

    disk.run(story)


def test_a_cancelled_read_gives_the_buffer_back_only_when_it_has_ended(disk):
    async def story(storage: Storage, base: str) -> None:
        file = await storage.open(f"{base}/a", create=True)
        file.write_now(b"new" * 100_000, 0)
        buffer = bytearray(300_000)
        reading = asyncio.create_task(file.read_into(0, buffer))
        await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        # From here on the buffer is ours: nobody writes into it any more.
        buffer[:] = b"old" * 100_000
        await asyncio.sleep(0.01)
        assert buffer == b"old" * 100_000

    disk.run(story)
