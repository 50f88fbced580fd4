"""How long a shard looks before it sleeps, learnt from what happens to it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from odradek.smp.spin import WINDOW_MAX_US, SpinPolicy


def windows(policy: SpinPolicy, happened: str) -> list[int]:
    """The window after each of: c(aught), a(sleep in vain), w(oken soon), l(ate)."""
    seen = []
    for letter in happened:
        if letter == "c":
            policy.caught()
        elif letter == "a":
            policy.fell_asleep()
        else:
            policy.woken(10.0 if letter == "w" else 1e6)
        seen.append(policy.window_us)
    return seen


def test_a_shard_that_is_seldom_asked_never_spins():
    assert windows(SpinPolicy(), "lllll") == [0, 0, 0, 0, 0]


def test_frequent_messages_are_found_out_though_it_sleeps_at_once():
    assert windows(SpinPolicy(), "wwwwwwww") == [5, 10, 20, 40, 80, 160, 200, 200]


def test_caught_doubles_and_in_vain_halves_down_to_nothing():
    policy = SpinPolicy(40)
    assert windows(policy, "cccccaaaaa") == [5, 10, 20, 40, 40, 20, 10, 5, 0, 0]
    assert (policy.hits, policy.misses) == (5, 5)


def test_a_late_message_is_no_reason_to_look_longer():
    assert windows(SpinPolicy(), "ccl") == [5, 10, 10]


def test_looking_can_be_switched_off():
    assert set(windows(SpinPolicy(0), "cwacw")) == {0}


@given(st.text("cawl", max_size=100))
def test_the_window_stays_within_its_limits(happened):
    for window in windows(SpinPolicy(), happened):
        assert window == 0 or 5 <= window <= WINDOW_MAX_US
