"""The metadata store of one node: a SQLite file beside the data, written through to the disk.

WAL with `synchronous=FULL`: a transaction has been fdatasync'ed when it returns. SQLite's calls block, so they run in
a thread of the store's own, one after the other; the thread also imports `sqlite3` (5 ms that nobody waits for
twice). The data directory's lock keeps other processes out; the file needs none of its own.

Tables: `entries(key, value, create_revision, mod_revision, lease)`, one row per key; `counters(name, value)` holds
"revision" and "format" (1). `sqlite3 metadata.db 'select key, value from entries'` shows everything; the values are
JSON (`codec.py`).

A transaction that ended in an I/O error may or may not be on the disk, and asking again can't tell (durability.md: a
failed fdatasync is never retried). So the store refuses every later write until it is opened anew. No space left is
different: SQLite undoes the transaction, and the next one may find room.

Leases don't outlive the process that granted them: opening deletes whatever a dead one held.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from odradek.base.clock import Clock, SystemClock
from odradek.metadata.errors import StoreError
from odradek.metadata.leases import LeaseTable, LocalLease
from odradek.metadata.store import Compare, Delete, Entry, Event, Operation, Outcome
from odradek.metadata.watch import Broadcast

FORMAT = 1
_SQLITE_READONLY = 8  # sqlite.org/rescode.html; the higher bits say why
_SQLITE_IOERR = 10  # the higher bits say which I/O
_MAY_NOT_WRITE = "Permission denied to write to it or beside it"  # a "readonly database" is news to whoever looks at rw-r--r--
_Result = TypeVar("_Result")

_SCHEMA = """
create table if not exists entries (
    key text primary key,
    value blob not null,
    create_revision integer not null,
    mod_revision integer not null,
    lease integer not null default 0
) without rowid;
create table if not exists counters (name text primary key, value integer not null) without rowid;
"""
_COLUMNS = "key, value, create_revision, mod_revision, lease"
_AFTER_LAST_CHARACTER = "\U0010ffff"


class SqliteStore:
    """See `MetadataStore`. Made by `open`, on the loop that will use it; `close` waits for the thread."""

    engine = "sqlite"
    max_operations = 10_000

    def __init__(self, path: str, clock: Clock) -> None:
        self.path = path
        self._leases = LeaseTable(clock)
        self._broadcast = Broadcast()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="odradek-metadata")
        self._database: _Database | None = None
        self._revision = 0

    @classmethod
    async def open(cls, path: str, clock: Clock | None = None) -> SqliteStore:
        """Open or make the file; raises `StoreError` when it is no store or cannot be used."""
        store = cls(path, clock or SystemClock())
        opening = store._thread.submit(_Database, path)
        try:
            store._database = await asyncio.shield(asyncio.wrap_future(opening))
        except BaseException:
            opening.add_done_callback(_close_opened)
            store._thread.shutdown(wait=False)
            raise
        store._revision = store._database.revision
        return store

    async def get(self, key: str) -> Entry | None:
        database = await self._enter()
        return await self._in_thread(lambda: database.get(key))

    async def range(self, prefix: str) -> list[Entry]:
        database = await self._enter()
        return await self._in_thread(lambda: database.range(prefix))

    async def transaction(self, compares: Sequence[Compare], operations: Sequence[Operation]) -> Outcome:
        database = await self._enter()
        self._leases.check_live(operations)
        return await self._commit(database, compares, operations)

    def watch(self, prefix: str, from_revision: int) -> AsyncIterator[list[Event]]:
        if self._database is None:
            raise StoreError(f"{self.path} is closed")
        return self._broadcast.watch(prefix, from_revision, self._revision)

    async def lease(self, ttl_ms: int) -> LocalLease:
        await self._enter()
        return self._leases.grant(ttl_ms, self._end_leases)

    async def close(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            self._broadcast.close()
            try:
                closing = self._thread.submit(database.close)
            except RuntimeError:  # the interpreter ends: its executors have ended, and take nothing any more
                database.close()
                return
            self._thread.shutdown(wait=False)
            await asyncio.shield(asyncio.wrap_future(closing))  # it is closed though the caller is cancelled

    async def _enter(self) -> _Database:
        if self._database is None:
            raise StoreError(f"{self.path} is closed")
        ended = self._leases.expire()
        if ended:
            await self._end_leases(ended)
        return self._database

    async def _end_leases(self, leases: set[int]) -> None:
        database = self._database
        if database is not None:
            keys = await self._in_thread(lambda: database.under_leases(leases))
            await self._commit(database, (), [Delete(key) for key in keys])

    async def _commit(self, database: _Database, compares: Sequence[Compare], operations: Sequence[Operation]) -> Outcome:
        # The thread is FIFO and this coroutine's continuations run in the order of completion, so that watchers see
        # transactions in the order of their revisions.
        outcome, events = await self._in_thread(lambda: database.transaction(compares, operations))
        self._revision = max(self._revision, outcome.revision)
        if events:
            self._broadcast.publish(events)
        return outcome

    async def _in_thread(self, call: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)


def _close_opened(opening: Future[_Database]) -> None:
    """Whoever wanted it was cancelled while it was being opened."""
    if opening.exception() is None:
        opening.result().close()


class _Database:
    """The blocking half: every method runs in the store's thread."""

    def __init__(self, path: str) -> None:
        import sqlite3

        self._error = sqlite3.Error
        self._path = path
        self._failure: str | None = None
        with self._translated("open"):
            self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._connection.execute("pragma journal_mode = wal")
            self._connection.execute("pragma synchronous = full")
            self._check_sound()
            self._connection.executescript(_SCHEMA)
            self.revision = self._begin()

    def _check_sound(self) -> None:
        """Refuse a damaged file before anything is read from it: rows of a page that lost its end come back as nulls.

        5 ms for 10,000 topics.
        """
        ((verdict,),) = self._connection.execute("pragma quick_check(1)")
        if verdict != "ok":
            raise StoreError(
                f"{self._path} is damaged ({str(verdict).splitlines()[-1]}). Put a copy of it back; or move it away: topics "
                "are then found by their data, and their configurations are lost"
            )

    def _begin(self) -> int:
        connection = self._connection
        counters: dict[str, int] = dict(connection.execute("select name, value from counters"))
        found = counters.get("format", FORMAT)
        if found != FORMAT:
            raise StoreError(f"{self._path} has format {found}; this version of Odradek reads format {FORMAT}")
        if not counters:
            connection.execute("insert into counters values ('format', ?), ('revision', 0)", (FORMAT,))
        if connection.execute("select 1 from entries where lease != 0 limit 1").fetchone():
            connection.execute("delete from entries where lease != 0")
        return counters.get("revision", 0)

    def get(self, key: str) -> Entry | None:
        with self._translated("read"):
            row = self._connection.execute(f"select {_COLUMNS} from entries where key = ?", (key,)).fetchone()
        return None if row is None else Entry(*row)

    def range(self, prefix: str) -> list[Entry]:
        query = f"select {_COLUMNS} from entries where key >= ? and key < ? order by key"
        with self._translated("read"):
            return [Entry(*row) for row in self._connection.execute(query, (prefix, prefix + _AFTER_LAST_CHARACTER))]

    def under_leases(self, leases: set[int]) -> list[str]:
        with self._translated("read"):
            rows = self._connection.execute("select key, lease from entries where lease != 0").fetchall()
        return [key for key, lease in rows if lease in leases]

    def transaction(self, compares: Sequence[Compare], operations: Sequence[Operation]) -> tuple[Outcome, list[Event]]:
        """All or nothing; the events are what changed."""
        connection = self._connection
        if self._failure is not None:
            raise StoreError(f"{self._path} takes no more writes since one failed: {self._failure}. Start the broker anew")
        with self._translated("write"):
            connection.execute("begin immediate")
            try:
                holds = all(self._holds(compare) for compare in compares)
                events = self._apply(operations, self.revision + 1) if holds and operations else []
                connection.execute("commit")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("rollback")
                raise
        if holds and operations:
            self.revision += 1
        return Outcome(holds, self.revision), events

    def _holds(self, compare: Compare) -> bool:
        row = self._connection.execute("select mod_revision from entries where key = ?", (compare.key,)).fetchone()
        return (0 if row is None else row[0]) == compare.mod_revision

    def _apply(self, operations: Sequence[Operation], revision: int) -> list[Event]:
        events = []
        for operation in operations:
            if isinstance(operation, Delete):
                cursor = self._connection.execute("delete from entries where key = ?", (operation.key,))
                if cursor.rowcount:
                    events.append(Event(operation.key, None, revision))
                continue
            query = "select create_revision from entries where key = ?"
            row = self._connection.execute(query, (operation.key,)).fetchone()
            created = revision if row is None else row[0]
            values = (operation.key, operation.value, created, revision, operation.lease)
            self._connection.execute("insert or replace into entries values (?, ?, ?, ?, ?)", values)
            entry = Entry(operation.key, operation.value, created, revision, operation.lease)
            events.append(Event(operation.key, entry, revision))
        self._connection.execute("update counters set value = ? where name = 'revision'", (revision,))
        return events

    def close(self) -> None:
        with self._translated("close"):
            self._connection.close()

    @contextmanager
    def _translated(self, verb: str) -> Iterator[None]:
        try:
            yield
        except self._error as error:
            kind = getattr(error, "sqlite_errorcode", 0) & 0xFF  # Python's own errors have none
            if verb == "write" and kind == _SQLITE_IOERR:
                self._failure = str(error)
            reason = _MAY_NOT_WRITE if kind == _SQLITE_READONLY else error
            raise StoreError(f"cannot {verb} the metadata store {self._path}: {reason}") from error
