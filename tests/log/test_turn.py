"""Who has a log's turn works alone; while anybody has it or waits for it, nothing overtakes by `append_now`."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from log_house import NOW, Disk, House, a_log, make_batch, put

from odradek.log.results import NEEDS_ROLL
from odradek.records.batch import parse_header


def gives_way(house: House) -> bool:
    """Whether `append_now` refuses to work; what it takes is in the log."""
    batch = make_batch(b"now")
    return house.log.append_now(batch, parse_header(batch), leader_epoch=0, now_ms=NOW) is NEEDS_ROLL


def test_append_now_gives_way_from_the_first_who_asks_to_the_last_who_leaves() -> None:
    async def story() -> None:
        async with a_log(Disk()) as house:
            await put(house.log, b"opens the segment")
            turn = house.log.turn
            assert not gives_way(house) and not turn.is_taken
            async with turn:
                assert gives_way(house)
                waiting = asyncio.create_task(take(house, []))
                await asyncio.sleep(0)
            assert gives_way(house), "somebody waits still"
            await waiting
            assert not gives_way(house) and not turn.is_taken

    asyncio.run(story())


def test_whoever_gives_up_waiting_holds_nobody_back() -> None:
    async def story() -> None:
        async with a_log(Disk()) as house:
            await put(house.log, b"opens the segment")
            async with house.log.turn:
                waiting = asyncio.create_task(take(house, []))
                await asyncio.sleep(0)
                waiting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await waiting
                assert house.log.turn.is_taken, "the one who has it"
            assert not house.log.turn.is_taken and not gives_way(house)

    asyncio.run(story())


def test_a_turn_that_fails_ends_as_any_other() -> None:
    async def story() -> None:
        async with a_log(Disk()) as house:
            await put(house.log, b"opens the segment")
            with pytest.raises(OSError):
                async with house.log.turn:
                    raise OSError("the disk")
            assert not gives_way(house)

    asyncio.run(story())


def test_a_log_that_went_offline_in_its_turn_does_not_speed_up_again() -> None:
    async def story() -> None:
        async with a_log(Disk()) as house:
            await put(house.log, b"opens the segment")
            async with house.log.turn:
                house.log.go_offline("for this test", readable=True)
            assert gives_way(house)

    asyncio.run(story())


@given(st.lists(st.booleans(), min_size=1, max_size=8))
def test_turns_are_taken_in_the_order_they_were_asked_for_without_those_who_gave_up(stays: list[bool]) -> None:
    async def story() -> None:
        async with a_log(Disk()) as house:
            came: list[int] = []
            async with house.log.turn:
                waiting = [asyncio.create_task(take(house, came, place)) for place in range(len(stays))]
                await asyncio.sleep(0)
                for task, stay in zip(waiting, stays, strict=True):
                    if not stay:
                        task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            assert came == [place for place, stay in enumerate(stays) if stay]
            assert not house.log.turn.is_taken

    asyncio.run(story())


async def take(house: House, came: list[int], place: int = 0) -> None:
    async with house.log.turn:
        came.append(place)
