"""Timers beside a dictionary of deadlines, and on a real loop."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from odradek.base.clock import ManualClock, SystemClock
from odradek.coordinator.timers import LoopTimers, ManualTimers, TimerQueue

names = st.sampled_from("abcd")
commands = st.lists(
    st.one_of(
        st.tuples(st.just("set"), names, st.integers(0, 50)),
        st.tuples(st.just("cancel"), names, st.just(0)),
        st.tuples(st.just("pass"), st.just(""), st.integers(0, 40)),
    ),
    max_size=40,
)


@given(commands)
def test_the_queue_behaves_like_a_dictionary_of_deadlines(commands):
    queue, model, now, fired = TimerQueue(), {}, 0, []
    for command, name, amount in commands:
        if command == "set":
            queue.set(name, now + amount, lambda name=name: fired.append(name))
            model[name] = now + amount
        elif command == "cancel":
            queue.cancel(name)
            model.pop(name, None)
        else:
            now += amount
            expected = sorted((deadline, name) for name, deadline in model.items() if deadline <= now)
            fired.clear()
            while (callback := queue.pop_due(now)) is not None:
                callback()
            assert sorted(fired) == sorted(name for _, name in expected)
            for _, name in expected:
                del model[name]
        assert len(queue) == len(model)
        look_again = queue.next_deadline()
        assert (look_again is None) == (not model)
        assert look_again is None or look_again <= min(model.values())


def test_moving_a_timer_later_does_not_grow_the_heap():
    """A heartbeat moves its session's timer; a million of them must not be a million entries."""
    queue = TimerQueue()
    for now in range(1000):
        queue.set("session", now + 10_000, lambda: None)
    assert len(queue._heap) == 1


def test_manual_timers_go_off_at_their_own_time():
    clock = ManualClock(0)
    timers, seen = ManualTimers(clock), []

    def again():
        seen.append(clock.now_ms())
        if len(seen) < 3:
            timers.set("a", 100, again)

    timers.set("a", 50, again)
    timers.advance(1000)
    assert seen == [50, 150, 250]
    assert clock.now_ms() == 1000


def test_on_a_loop_in_order_and_not_when_cancelled():
    async def scenario():
        timers, seen = LoopTimers(SystemClock()), []
        done = asyncio.Event()
        timers.set("late", 20, lambda: (seen.append("late"), done.set()))
        timers.set("early", 1, lambda: seen.append("early"))
        timers.set("never", 1, lambda: seen.append("never"))
        timers.cancel("never")
        timers.set("moved", 1, lambda: seen.append("moved too early"))
        timers.set("moved", 10, lambda: seen.append("moved"))
        await asyncio.wait_for(done.wait(), 10)
        return seen, timers.statistics()

    seen, statistics = asyncio.run(scenario())
    assert seen == ["early", "moved", "late"]
    assert statistics == {"timers": 0}


def test_a_callback_that_fails_does_not_stop_the_others():
    async def scenario():
        timers, done = LoopTimers(SystemClock()), asyncio.Event()
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
        timers.set("bad", 0, lambda: 1 // 0)
        timers.set("good", 5, done.set)
        await asyncio.wait_for(done.wait(), 10)

    asyncio.run(scenario())


def test_nothing_goes_off_after_closing():
    async def scenario():
        timers, seen = LoopTimers(SystemClock()), []
        timers.set("a", 0, lambda: seen.append("a"))
        timers.close()
        await asyncio.sleep(0.01)
        return seen

    assert asyncio.run(scenario()) == []
