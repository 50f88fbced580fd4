"""What a metadata store promises, held against every filling, with a dictionary for a model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from odradek.base.clock import ManualClock
from odradek.metadata.election import attempt, leader, resign
from odradek.metadata.errors import StoreError
from odradek.metadata.memory_store import MemoryStore
from odradek.metadata.sqlite_store import SqliteStore
from odradek.metadata.store import Compare, Delete, Event, MetadataStore, Operation, Put

Story = Callable[[MetadataStore, ManualClock], Awaitable[None]]


@asynccontextmanager
async def open_store(engine: str, path: Path | str, clock: ManualClock) -> AsyncIterator[MetadataStore]:
    store: MetadataStore = MemoryStore(clock) if engine == "memory" else await SqliteStore.open(str(path), clock)
    try:
        yield store
    finally:
        await store.close()


@pytest.fixture(params=["memory", "sqlite"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Story], None]:
    async def tell(story: Story) -> None:
        clock = ManualClock()
        async with open_store(request.param, tmp_path / "metadata.db", clock) as store:
            await asyncio.wait_for(story(store, clock), 20)

    return lambda story: asyncio.run(tell(story))


def test_a_put_is_read_back_with_its_history(run: Callable[[Story], None]) -> None:
    async def story(store: MetadataStore, clock: ManualClock) -> None:
        assert await store.get("k") is None
        first = await store.transaction([], [Put("k", b"1"), Put("other", b"")])
        second = await store.transaction([], [Put("k", b"2")])
        entry = await store.get("k")
        assert entry is not None
        assert (entry.value, entry.create_revision, entry.mod_revision) == (b"2", first.revision, second.revision)
        assert second.revision == first.revision + 1

    run(story)


def test_a_range_is_a_prefix_in_order(run: Callable[[Story], None]) -> None:
    async def story(store: MetadataStore, clock: ManualClock) -> None:
        keys = ["topics/b", "topics/a", "topics/\U0001f600", "topicz", "topics", "u"]
        await store.transaction([], [Put(key, b"") for key in keys])
        assert [entry.key for entry in await store.range("topics/")] == ["topics/a", "topics/b", "topics/\U0001f600"]

    run(story)


def test_one_compare_that_fails_undoes_all(run: Callable[[Story], None]) -> None:
    async def story(store: MetadataStore, clock: ManualClock) -> None:
        made = await store.transaction([Compare("k", 0)], [Put("k", b"1")])
        assert made.succeeded
        again = await store.transaction([Compare("x", 0), Compare("k", 0)], [Put("x", b"1"), Delete("k")])
        assert not again.succeeded
        assert again.revision == made.revision, "nothing was written, so the revision stays"
        assert await store.get("x") is None
        changed = await store.transaction([Compare("k", made.revision)], [Delete("k")])
        assert changed.succeeded
        assert await store.get("k") is None

    run(story)


def test_a_watcher_sees_every_transaction_once_in_order(run: Callable[[Story], None]) -> None:
    async def story(store: MetadataStore, clock: ManualClock) -> None:
        before = await store.transaction([], [Put("a/1", b"before")])
        watcher = store.watch("a/", before.revision + 1)
        await store.transaction([], [Put("a/1", b"x"), Put("b", b"elsewhere"), Delete("a/nothing")])
        await store.transaction([], [Delete("a/1")])
        put, deleted = [await anext(watcher) for _ in range(2)]
        assert [(event.key, event.entry and event.entry.value) for event in put] == [("a/1", b"x")]
        assert deleted == [Event("a/1", None, before.revision + 2)]
        late = store.watch("a/", before.revision + 2)
        assert await anext(late) == deleted, "a watcher may begin in the near past"
        await store.close()
        assert [events async for events in watcher] == []

    run(story)


def test_a_watcher_that_begins_too_far_back_is_refused(run: Callable[[Story], None]) -> None:
    async def story(store: MetadataStore, clock: ManualClock) -> None:
        for _ in range(300):
            await store.transaction([], [Put("k", b"")])
        with pytest.raises(StoreError, match="the history begins at"):
            store.watch("k", 1)

    run(story)


def test_what_is_put_under_a_lease_goes_with_it(run: Callable[[Story], None]) -> None:
    async def story(store: MetadataStore, clock: ManualClock) -> None:
        kept, revoked, expired = [await store.lease(ttl_ms) for ttl_ms in (5000, 5000, 1000)]
        for lease in (kept, revoked, expired):
            await store.transaction([], [Put(f"alive/{lease.id}", b"", lease.id)])
        await revoked.revoke()
        clock.advance(1000)
        assert [entry.lease for entry in await store.range("alive/")] == [kept.id]
        assert not await expired.keep_alive()
        clock.advance(3999)
        assert await kept.keep_alive()
        clock.advance(4999)
        assert await store.range("alive/")
        with pytest.raises(StoreError, match="has ended"):
            await store.transaction([], [Put("k", b"", expired.id)])

    run(story)


def test_one_candidate_leads_until_its_lease_ends(run: Callable[[Story], None]) -> None:
    async def story(store: MetadataStore, clock: ManualClock) -> None:
        one, two = await store.lease(1000), await store.lease(5000)
        first = await attempt(store, "election/controller", "node-1", one)
        assert first is not None
        assert await attempt(store, "election/controller", "node-2", two) is None
        assert await leader(store, "election/controller") == first
        clock.advance(1000)
        second = await attempt(store, "election/controller", "node-2", two)
        assert second is not None and second.epoch > first.epoch
        fenced = await store.transaction([first.fence], [Put("k", b"by the old leader")])
        assert not fenced.succeeded
        assert not await resign(store, first)
        assert await resign(store, second)
        assert await leader(store, "election/controller") is None

    run(story)


def test_a_closed_store_says_so(run: Callable[[Story], None]) -> None:
    async def story(store: MetadataStore, clock: ManualClock) -> None:
        await store.close()
        with pytest.raises(StoreError, match="closed"):
            await store.get("k")

    run(story)


keys = st.sampled_from(["a", "ab", "b/1", "b/2"])
puts = st.tuples(keys, st.binary(max_size=4)).map(lambda pair: Put(*pair))
operations = st.lists(st.one_of(puts, st.builds(Delete, keys)), min_size=1, max_size=4)
transactions = st.lists(st.tuples(st.lists(st.builds(Compare, keys, st.integers(0, 4)), max_size=2), operations), max_size=12)


@pytest.mark.parametrize("engine", ["memory", "sqlite"])
@settings(max_examples=30, deadline=None)
@given(transactions=transactions)
def test_a_store_is_a_dictionary_with_revisions(engine: str, transactions: list[tuple[list[Compare], list[Operation]]]) -> None:
    async def tell() -> None:
        model: dict[str, tuple[bytes, int]] = {}
        revision = 0
        async with open_store(engine, ":memory:", ManualClock()) as store:
            for compares, operations in transactions:
                holds = all(model.get(key, (b"", 0))[1] == expected for key, expected in compares)
                outcome = await store.transaction(compares, operations)
                revision += holds
                assert outcome == (holds, revision)
                for operation in operations if holds else ():
                    if isinstance(operation, Put):
                        model[operation.key] = (operation.value, revision)
                    else:
                        model.pop(operation.key, None)
                found = {e.key: (e.value, e.mod_revision) for e in await store.range("")}
                assert found == model

    asyncio.run(tell())
