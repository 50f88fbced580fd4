"""Calls between shards in one loop: values, failures, cancellation, groups, and what each leaves behind (nothing)."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

import pytest

from odradek.smp import (
    InlineMesh,
    MessageTooLargeError,
    NotPlainError,
    RemoteError,
    ServiceGroup,
    ServiceOrderError,
    UnknownServiceError,
)

EARLY, LATE = ServiceGroup("early", 1, calls_max=2), ServiceGroup("late", 2)

who = ContextVar("who", default="nobody")


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def fail() -> None:
    raise ZeroDivisionError("by nothing")


async def fail_later() -> None:
    await asyncio.sleep(0)
    fail()


async def echo_later(*values: object) -> object:
    await asyncio.sleep(0)
    return values


class Unshowable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")


def fail_without_words() -> None:
    raise Unshowable


def serve(mesh: InlineMesh) -> None:
    """The same program on each shard."""
    for shard in mesh.shards:
        shard.serve("where", lambda shard=shard: shard.id)
        shard.serve("echo", lambda *values: values)
        shard.serve("echo later", echo_later)
        shard.serve("fail", fail)
        shard.serve("fail later", fail_later)
        shard.serve("fail without words", fail_without_words)
        shard.serve("who", who.get)
    mesh.start()


TARGETS = pytest.mark.parametrize("target", [0, 1], ids=["here", "there"])


@TARGETS
def test_values(on_mesh, target):
    async def story(mesh: InlineMesh) -> None:
        serve(mesh)
        first = mesh.shards[0]
        assert await first.call(target, "where") == target
        values = (1, "two", b"three", [4.0, None], {"five": {6}})
        assert await first.call(target, "echo", *values) == values
        assert await first.call(target, "echo later", *values) == values
        assert await asyncio.gather(*(first.call(target, "echo", n) for n in range(100))) == [(n,) for n in range(100)]

    on_mesh(story)


@TARGETS
def test_failures_are_the_same_here_and_there(on_mesh, target):
    async def story(mesh: InlineMesh) -> None:
        serve(mesh)
        for service in ("fail", "fail later"):
            with pytest.raises(
                RemoteError, match=f"{service} on shard {target} failed: ZeroDivisionError: by nothing"
            ) as raised:
                await mesh.shards[0].call(target, service)
            assert raised.value.type_name == "ZeroDivisionError" and "in fail\n" in raised.value.trace
        with pytest.raises(RemoteError, match=r"Unshowable: \(its message can't be had: RuntimeError\)"):
            await mesh.shards[0].call(target, "fail without words")

    on_mesh(story)


def test_what_can_not_be_asked(on_mesh):
    async def story(mesh: InlineMesh) -> None:
        serve(mesh)
        first = mesh.shards[0]
        first.serve("only here", lambda: None)
        with pytest.raises(UnknownServiceError, match="shard 0 knows no service move; it has echo, echo later, fail"):
            await first.call(1, "move")
        with pytest.raises(RemoteError, match="UnknownServiceError: shard 1 knows no service only here"):
            await first.call(1, "only here")
        with pytest.raises(ValueError, match="no shard 2: there are 2, from 0"):
            await first.call(2, "where")
        with pytest.raises(ValueError, match="shard 0 has a service echo already"):
            first.serve("echo", fail)

    on_mesh(story)


def test_one_message_that_can_not_cross_leaves_the_others_alone(on_mesh):
    async def story(mesh: InlineMesh) -> None:
        serve(mesh)
        for shard in mesh.shards:
            shard.serve("odd", lambda: [1, object()])
        first = mesh.shards[0]
        calls = [first.call(1, "echo", n if n % 10 else object()) for n in range(95)]
        calls.append(first.call(1, "odd"))
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert [n for n, answer in enumerate(answers) if isinstance(answer, NotPlainError)] == list(range(0, 95, 10))
        assert [answer for answer in answers if isinstance(answer, tuple)] == [(n,) for n in range(95) if n % 10]
        assert isinstance(answers[-1], RemoteError) and answers[-1].type_name == "NotPlainError"
        assert answers[-1].service == "odd"

    on_mesh(story)


def test_messages_of_any_size_up_to_the_limit(on_mesh):
    async def story(mesh: InlineMesh) -> None:
        serve(mesh)
        first = mesh.shards[0]
        sizes = [0, 1, 32_700, 32_764, 32_768, 33_000, 100_000, 1_000_000, 3_000_000]
        answers = await asyncio.gather(*(first.call(1, "echo", n, bytes([n % 251]) * size) for n, size in enumerate(sizes)))
        assert [len(value) for _, value in answers] == sizes
        assert all(value == bytes([n % 251]) * len(value) for n, value in answers)
        with pytest.raises(MessageTooLargeError, match="a message of 170000"):
            await first.call(1, "echo", bytes(17_000_000))
        first.serve("large", bytes)
        mesh.shards[1].serve("large", bytes)
        with pytest.raises(RemoteError, match="large on shard 1 failed: MessageTooLargeError"):
            await first.call(1, "large", 17_000_000)

    on_mesh(story)


@TARGETS
def test_a_handler_does_not_see_its_callers_context(on_mesh, target):
    async def story(mesh: InlineMesh) -> None:
        serve(mesh)

        async def look() -> str:
            return who.get()

        for shard in mesh.shards:
            shard.serve("look", look)
        who.set("the caller")
        assert await mesh.shards[0].call(target, "look") == "nobody"
        who.set("nobody")

    on_mesh(story)


@TARGETS
@pytest.mark.parametrize("turns_before", range(12))
def test_a_caller_that_is_cancelled_at_any_moment(on_mesh, target, turns_before):
    """Before it is posted, on its way, before the handler's first step, in the handler, on the way back."""

    async def story(mesh: InlineMesh) -> None:
        ends: list[str] = []

        async def work() -> None:
            ends.append("began")
            try:
                await turns(3)
            except asyncio.CancelledError:
                ends.append("cancelled")
                raise
            ends.append("done")

        for shard in mesh.shards:
            shard.serve("work", work)
        mesh.start()
        call = asyncio.create_task(mesh.shards[0].call(target, "work"))
        await turns(turns_before)
        call.cancel()
        await turns()
        assert ends in ([], ["began", "cancelled"], ["began", "done"])

    on_mesh(story)


def test_a_call_that_was_given_up_keeps_its_place_until_its_handler_has_ended(on_mesh):
    async def story(mesh: InlineMesh) -> None:
        running: set[int] = set()
        let_go = asyncio.Event()

        async def stubborn(number: int) -> None:
            running.add(number)
            while not let_go.is_set():
                try:
                    await let_go.wait()
                except asyncio.CancelledError:
                    continue
            running.discard(number)

        for shard in mesh.shards:
            shard.serve("stubborn", stubborn, EARLY)
        mesh.start()
        for number in range(6):
            call = asyncio.create_task(mesh.shards[0].call(1, "stubborn", number))
            await turns()
            call.cancel()
            await turns()
        assert running == {0, 1}  # the group's places, though nobody waits
        let_go.set()
        await turns()
        assert not running

    on_mesh(story)


def test_a_group_takes_as_many_calls_as_it_has_places(on_mesh):
    async def story(mesh: InlineMesh) -> None:
        running, most, order = set[int](), 0, list[int]()

        async def work(number: int) -> int:
            nonlocal most
            running.add(number)
            order.append(number)
            most = max(most, len(running))
            await turns(3)
            running.discard(number)
            return number

        for shard in mesh.shards:
            shard.serve("work", work, EARLY)
        mesh.start()
        answers = await asyncio.gather(*(mesh.shards[0].call(1, "work", number) for number in range(20)))
        assert (answers, order, most) == (list(range(20)), list(range(20)), 2)

    on_mesh(story)


@TARGETS
def test_handlers_call_later_groups_only(on_mesh, target):
    async def story(mesh: InlineMesh) -> None:
        for shard in mesh.shards:

            async def early(shard=shard) -> object:
                return await shard.call(1 - shard.id, "late")

            async def late(shard=shard) -> object:
                return await shard.call(1 - shard.id, "early")

            async def forgetful(shard=shard) -> object:
                await asyncio.create_task(shard.call(1 - shard.id, "forgetful"))

            shard.serve("early", early, EARLY)
            shard.serve("late", late, LATE)
            shard.serve("forgetful", forgetful, LATE)
        mesh.start()
        with pytest.raises(RemoteError) as raised:
            await mesh.shards[0].call(target, "early")
        refused = "a handler of group late (order 2) calls early, of group early (order 1): calls go to later groups only"
        assert refused in str(raised.value)
        with pytest.raises(RemoteError, match="ServiceOrderError"):  # a task that a handler makes is the handler
            await mesh.shards[0].call(target, "forgetful")
        assert ServiceOrderError.__name__ in str(raised.value)

    on_mesh(story)


def test_a_plain_handler_that_rings_passes_no_group_on(on_mesh):
    """What a handler sends wakes another shard; what that one serves next is not the sender's concern."""

    async def story(mesh: InlineMesh) -> None:
        first, second = mesh.shards
        made: list[asyncio.Task[object]] = []

        async def late() -> None:
            first.send_now(1, "note")

        def note() -> None:
            made.append(asyncio.create_task(second.call(0, "early")))

        for shard in mesh.shards:
            shard.serve("late", late, LATE)
            shard.serve("note", note, LATE)
            shard.serve("early", lambda: "answer", EARLY)
        mesh.start()
        await turns()
        await second.call(0, "late")
        await turns()
        assert [task.result() for task in made] == ["answer"]

    on_mesh(story)


def test_messages_of_one_turn_make_one_record(on_mesh):
    async def story(mesh: InlineMesh) -> None:
        serve(mesh)
        await asyncio.gather(*(mesh.shards[0].call(1, "echo", n) for n in range(500)))
        [there], [back] = (shard.statistics().peers for shard in mesh.shards)
        assert (there.sent, there.records, there.received) == (500, 1, 500)
        assert (back.sent, back.records, back.received) == (500, 1, 500)

    on_mesh(story)
