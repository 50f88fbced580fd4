"""Names: what a `Storage` promises about files and directories, on both fillings."""

from __future__ import annotations

import asyncio
import errno

import pytest

from odradek.aio import FileType, LockedError, Storage


async def names(storage: Storage, path: str) -> dict[str, str]:
    return {entry.name: entry.kind.value async for entry in storage.list_directory(path)}


def test_opening_makes_only_what_it_is_asked_to_make(disk):
    async def story(storage: Storage, base: str) -> None:
        with pytest.raises(FileNotFoundError):
            await storage.open(f"{base}/a")
        with pytest.raises(FileNotFoundError):
            await storage.open(f"{base}/missing/a", create=True)
        file = await storage.open(f"{base}/a", create=True, exclusive=True)
        file.write_now(b"abc", 0)
        with pytest.raises(FileExistsError):
            await storage.open(f"{base}/a", create=True, exclusive=True)
        assert (await storage.open(f"{base}/a", create=True)).size == 3
        assert (await storage.open(f"{base}/a", truncate=True)).size == 0
        with pytest.raises(IsADirectoryError):
            await storage.open(base)
        with pytest.raises(IsADirectoryError):
            await storage.open(base, read_only=True)

    disk.run(story)


def test_directories_are_made_listed_and_removed(disk):
    async def story(storage: Storage, base: str) -> None:
        await storage.make_directory(f"{base}/a/b/c")
        await storage.make_directory(f"{base}/a/b/c")
        with pytest.raises(FileNotFoundError):
            await storage.make_directory(f"{base}/x/y", parents=False)
        await storage.touch(f"{base}/a/f")
        with pytest.raises(FileExistsError):
            await storage.make_directory(f"{base}/a/f")
        assert await names(storage, f"{base}/a") == {"b": "directory", "f": "file"}
        assert await storage.file_type(f"{base}/a/b") is FileType.DIRECTORY
        with pytest.raises(OSError) as raised:
            await storage.remove(f"{base}/a")
        assert raised.value.errno == errno.ENOTEMPTY
        await storage.remove(f"{base}/a/b/c")
        await storage.remove_tree(f"{base}/a")
        assert await names(storage, base) == {}
        with pytest.raises(FileNotFoundError):
            await names(storage, f"{base}/a")

    disk.run(story)


def test_a_large_directory_is_listed_whole(disk):
    async def story(storage: Storage, base: str) -> None:
        for number in range(1100):
            await storage.touch(f"{base}/{number}")
        assert set(await names(storage, base)) == {str(number) for number in range(1100)}

    disk.run(story)


def test_renaming_replaces_and_keeps_the_bytes(disk):
    async def story(storage: Storage, base: str) -> None:
        await storage.write_atomically(f"{base}/old", b"one")
        await storage.write_atomically(f"{base}/new", b"two")
        opened = await storage.open(f"{base}/old")
        await storage.rename(f"{base}/old", f"{base}/new")
        opened.write_now(b"!", 3)
        assert await storage.read_bytes(f"{base}/new") == b"one!"
        assert await names(storage, base) == {"new": "file"}
        with pytest.raises(FileNotFoundError):
            await storage.rename(f"{base}/old", f"{base}/other")
        await storage.make_directory(f"{base}/d")
        await storage.rename(f"{base}/new", f"{base}/d/new")
        await storage.rename(f"{base}/d", f"{base}/e")
        assert await storage.read_bytes(f"{base}/e/new") == b"one!"

    disk.run(story)


def test_a_link_is_the_same_file(disk):
    async def story(storage: Storage, base: str) -> None:
        await storage.write_atomically(f"{base}/a", b"one")
        await storage.link(f"{base}/a", f"{base}/b")
        with pytest.raises(FileExistsError):
            await storage.link(f"{base}/a", f"{base}/b")
        (await storage.open(f"{base}/b")).write_now(b"two", 0)
        await storage.remove(f"{base}/b")
        assert await storage.read_bytes(f"{base}/a") == b"two"

    disk.run(story)


def test_a_removed_file_can_be_read_while_it_is_open(disk):
    async def story(storage: Storage, base: str) -> None:
        await storage.write_atomically(f"{base}/a", b"one")
        file = await storage.open(f"{base}/a")
        await storage.remove(f"{base}/a")
        assert not await storage.exists(f"{base}/a")
        assert bytes(await file.read(0, 3)) == b"one"

    disk.run(story)


def test_touching_makes_a_file_and_leaves_one_alone(disk):
    async def story(storage: Storage, base: str) -> None:
        await storage.touch(f"{base}/a")
        assert await storage.file_size(f"{base}/a") == 0
        await storage.write_atomically(f"{base}/a", b"one")
        await storage.touch(f"{base}/a")
        assert await storage.read_bytes(f"{base}/a") == b"one"

    disk.run(story)


def test_small_files_are_read_whole_and_large_ones_refused(disk):
    async def story(storage: Storage, base: str) -> None:
        await storage.write_atomically(f"{base}/a", b"x" * 1000)
        assert len(await storage.read_bytes(f"{base}/a", limit=1000)) == 1000
        with pytest.raises(OSError, match="1000 bytes, and at most 999") as raised:
            await storage.read_bytes(f"{base}/a", limit=999)
        assert raised.value.errno == errno.EFBIG

    disk.run(story)


def test_atomic_replacements_of_one_file_take_turns_and_the_last_wins(disk):
    async def story(storage: Storage, base: str) -> None:
        contents = [bytes([65 + number]) * (number + 1) for number in range(10)]
        await asyncio.gather(*(storage.write_atomically(f"{base}/a", content) for content in contents))
        assert await storage.read_bytes(f"{base}/a") == contents[-1]
        assert await names(storage, base) == {"a": "file"}
        with pytest.raises(FileNotFoundError):
            await storage.write_atomically(f"{base}/missing/a", b"")

    disk.run(story)


def test_a_lock_is_had_once(disk):
    async def story(storage: Storage, base: str) -> None:
        lock = await storage.lock(f"{base}/.lock")
        with pytest.raises(LockedError, match=r"\.lock is locked by process \d+"):
            await storage.lock(f"{base}/.lock")
        lock.release()
        lock.release()
        (await storage.lock(f"{base}/.lock")).release()

    disk.run(story)


def test_a_files_last_change_is_told_and_a_new_name_or_a_reader_is_none(disk):
    async def story(storage: Storage, base: str) -> None:
        file = await storage.open(f"{base}/a", create=True)
        file.write_now(b"one", 0)
        changed = await storage.modified_ms(f"{base}/a")
        assert changed > 1_600_000_000_000
        await file.read(0, 3)
        await storage.rename(f"{base}/a", f"{base}/b")
        await storage.touch(f"{base}/b")
        assert await storage.modified_ms(f"{base}/b") == changed
        with pytest.raises(FileNotFoundError):
            await storage.modified_ms(f"{base}/a")

    disk.run(story)


def test_a_storage_tells_about_itself(disk):
    async def story(storage: Storage, base: str) -> None:
        assert storage.engine == disk.engine
        assert await storage.free_bytes(base) > 0
        assert await storage.file_system_type(base) != ""
        file = await storage.open(f"{base}/a", create=True)
        await file.read(0, 1)
        assert storage.statistics().open_files == 1
        assert storage.statistics().operations["read"] == 1
        await file.close()
        assert storage.statistics().open_files == 0
        await storage.sync_directory(base)
        with pytest.raises(FileNotFoundError):
            await storage.sync_directory(f"{base}/missing")

    disk.run(story)


def test_closing_the_storage_closes_its_files(disk):
    async def story(storage: Storage, base: str) -> None:
        file = await storage.open(f"{base}/a", create=True)
        file.write_now(b"abc", 0)
        await storage.close()
        assert file.closed
        assert storage.statistics().open_files == 0

    disk.run(story)
