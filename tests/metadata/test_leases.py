"""Leases end when they are revoked or not refreshed in time, and nothing is put under one that has ended."""

from __future__ import annotations

import asyncio

import pytest

from odradek.base.clock import ManualClock
from odradek.metadata.errors import StoreError
from odradek.metadata.leases import LeaseTable
from odradek.metadata.store import Delete, Put


async def nothing(leases: set[int]) -> None:
    pass


def test_a_lease_lives_for_its_time_and_each_refresh_begins_it_anew() -> None:
    clock = ManualClock()
    table = LeaseTable(clock)
    lease = table.grant(100, nothing)
    clock.advance(99)
    assert table.expire() == set() and asyncio.run(lease.keep_alive())
    clock.advance(99)
    assert table.expire() == set()
    clock.advance(1)
    assert not asyncio.run(lease.keep_alive()), "its time is over, whether or not anybody has looked"
    assert table.expire() == {lease.id} and table.expire() == set()


def test_leases_end_one_by_one() -> None:
    clock = ManualClock()
    table = LeaseTable(clock)
    short, long = table.grant(10, nothing), table.grant(20, nothing)
    assert short.id != long.id
    clock.advance(10)
    assert table.expire() == {short.id}
    table.check_live([Put("k", b"", long.id), Put("k", b""), Delete("k")])
    with pytest.raises(StoreError, match=f"cannot put 'k' under lease {short.id}: it has ended"):
        table.check_live([Put("k", b"", short.id)])


def test_what_a_revoked_lease_held_goes_once() -> None:
    ended: list[set[int]] = []

    async def end(leases: set[int]) -> None:
        ended.append(leases)

    async def story() -> None:
        table = LeaseTable(ManualClock())
        lease = table.grant(100, end)
        await lease.revoke()
        await lease.revoke()
        assert ended == [{lease.id}] and not await lease.keep_alive()

    asyncio.run(story())


@pytest.mark.parametrize("ttl_ms", [0, -1])
def test_a_lease_needs_some_time(ttl_ms: int) -> None:
    with pytest.raises(StoreError, match=f"not {ttl_ms}"):
        LeaseTable(ManualClock()).grant(ttl_ms, nothing)
