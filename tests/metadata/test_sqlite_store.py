"""What only a store on disk has: it comes back, it refuses what isn't its own, and it says which file."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from pathlib import Path

import pytest

from odradek.metadata.errors import StoreError
from odradek.metadata.sqlite_store import SqliteStore
from odradek.metadata.store import Put


def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    async def story() -> None:
        path = str(tmp_path / "metadata.db")
        store = await SqliteStore.open(path)
        written = await store.transaction([], [Put("k", b"v")])
        await store.close()
        store = await SqliteStore.open(path)
        entry = await store.get("k")
        assert entry is not None and entry.value == b"v"
        following = await store.transaction([], [Put("k", b"w")])
        assert following.revision == written.revision + 1, "the revision goes on where it was"
        await store.close()

    asyncio.run(story())


def test_a_kill_leaves_whole_transactions(tmp_path: Path) -> None:
    """The files as they lie while the store is open are what a killed process leaves."""

    async def story() -> None:
        path = tmp_path / "metadata.db"
        store = await SqliteStore.open(str(path))
        await store.transaction([], [Put("a", b"1"), Put("b", b"1")])
        killed = tmp_path / "killed"
        killed.mkdir()
        for name in os.listdir(tmp_path):
            if name.startswith("metadata.db"):
                (killed / name).write_bytes((tmp_path / name).read_bytes())
        await store.close()
        survivor = await SqliteStore.open(str(killed / "metadata.db"))
        assert [entry.key for entry in await survivor.range("")] == ["a", "b"]
        await survivor.close()

    asyncio.run(story())


def test_a_lease_does_not_outlive_its_process(tmp_path: Path) -> None:
    async def story() -> None:
        path = str(tmp_path / "metadata.db")
        store = await SqliteStore.open(path)
        lease = await store.lease(60_000)
        await store.transaction([], [Put("alive", b"", lease.id), Put("kept", b"")])
        await store.close()
        store = await SqliteStore.open(path)
        assert [entry.key for entry in await store.range("")] == ["kept"]
        await store.close()

    asyncio.run(story())


def test_a_file_that_is_no_database_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "metadata.db"
    path.write_bytes(b"this is no database, it is a text that is longer than a header" * 100)
    with pytest.raises(StoreError, match=f"cannot open the metadata store {path}: file is not a database"):
        asyncio.run(SqliteStore.open(str(path)))
    assert path.read_bytes().startswith(b"this is no database"), "and it is left as it was"


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "metadata.db")
    asyncio.run(_open_and_close(path))
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("update counters set value = 99 where name = 'format'")
    connection.close()
    with pytest.raises(StoreError, match="has format 99; this version of Odradek reads format 1"):
        asyncio.run(_open_and_close(path))


def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot open the metadata store"):
        asyncio.run(_open_and_close(str(tmp_path / "missing" / "metadata.db")))


async def _open_and_close(path: str) -> None:
    await (await SqliteStore.open(path)).close()


def test_no_space_left_undoes_the_transaction_and_the_next_may_find_room(tmp_path: Path) -> None:
    async def story() -> None:
        store = await SqliteStore.open(str(tmp_path / "metadata.db"))
        await store.transaction([], [Put("kept", b"")])
        assert store._database is not None
        connection = store._database._connection
        limit = connection.execute("pragma page_count").fetchone()[0]
        connection.execute(f"pragma max_page_count = {limit}")  # SQLite's own "database or disk is full"
        with pytest.raises(StoreError, match=r"cannot write the metadata store .* disk is full"):
            await store.transaction([], [Put("big", bytes(1 << 20))])
        connection.execute("pragma max_page_count = 100000")
        written = await store.transaction([], [Put("big", bytes(1 << 20))])
        assert written.succeeded
        assert [entry.key for entry in await store.range("")] == ["big", "kept"]
        await store.close()

    asyncio.run(story())


def test_after_an_io_error_nothing_is_written_any_more(tmp_path: Path) -> None:
    async def story() -> None:
        path = tmp_path / "metadata.db"
        store = await SqliteStore.open(str(path))
        await store.transaction([], [Put("kept", b"")])
        wal = tmp_path / "metadata.db-wal"
        descriptor = next(fd for fd in os.listdir("/proc/self/fd") if _leads_to(fd, wal))
        directory = os.open(tmp_path, os.O_RDONLY)
        os.dup2(directory, int(descriptor))  # SQLite's next write goes to a directory, and fails
        os.close(directory)
        with pytest.raises(StoreError, match="cannot write"):
            await store.transaction([], [Put("lost", b"")])
        with pytest.raises(StoreError, match="takes no more writes since one failed"):
            await store.transaction([], [Put("later", b"")])
        await store.close()

    asyncio.run(story())


def _leads_to(descriptor: str, path: Path) -> bool:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}") == str(path)
    except OSError:
        return False
