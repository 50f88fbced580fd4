"""Shares, and what they mean: in proportion while all are busy, all of it for whoever is alone, nothing for having slept."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.aio.fair_queue import FairQueue

numbers = count()


def saturated(classes, until, cost_of):
    """Serve `until` worth of cost while each of `classes` always has four requests waiting."""
    queue = FairQueue()
    members = [queue.add_class(f"class {place}", shares) for place, shares in enumerate(classes)]
    served = 0.0
    while served < until:
        for place, member in enumerate(members):
            while member.waiting < 4:
                queue.push(member, next(numbers), cost_of(place))
        served += queue.peek()[1]
        queue.pop()
    return members, served


shares = st.lists(st.integers(1, 1000), min_size=2, max_size=6)


@given(shares, st.data())
def test_classes_get_cost_in_proportion_to_their_shares(given_shares, data):
    costs = [data.draw(st.floats(0.1, 10)) for _ in given_shares]
    until = 40 * sum(given_shares) * max(cost / one for one, cost in zip(given_shares, costs, strict=True))
    until = min(until, 3000 * min(costs))
    members, _ = saturated(given_shares, until, costs.__getitem__)
    for one, its in zip(members, costs, strict=True):
        for other, theirs in zip(members, costs, strict=True):
            apart = abs(one.cost / one.shares - other.cost / other.shares)
            assert apart <= its / one.shares + theirs / other.shares + 1e-9 * until


def test_within_five_percent_under_saturation():
    classes = [1000, 500, 200, 100, 50]
    members, served = saturated(classes, 20_000, lambda place: [1, 4, 16, 2, 8][place])
    for member in members:
        assert member.cost / served == pytest.approx(member.shares / sum(classes), rel=0.05)


def test_who_is_alone_gets_everything():
    queue = FairQueue()
    poor, _ = queue.add_class("compaction", 1), queue.add_class("produce", 1000)
    for number in range(100):
        queue.push(poor, number, 1)
    assert [queue.pop() for _ in range(100)] == list(range(100)) and len(queue) == 0


def test_sleeping_earns_no_credit():
    queue = FairQueue()
    busy, sleeper = queue.add_class("busy", 100), queue.add_class("sleeper", 100)
    for number in range(1000):
        queue.push(busy, ("busy", number), 1)
    for _ in range(500):
        queue.pop()
    for number in range(100):
        queue.push(sleeper, ("sleeper", number), 1)
    owners = [queue.pop()[0] for _ in range(100)]
    assert 49 <= owners.count("sleeper") <= 51


def test_a_newcomer_does_not_wait_for_those_who_were_there_long():
    queue = FairQueue()
    old, new = queue.add_class("old", 1000), queue.add_class("new", 1)
    for number in range(100):
        queue.push(old, number, 1)
    for _ in range(50):
        queue.pop()
    queue.push(new, "new", 1)
    assert "new" in [queue.pop() for _ in range(2)]


@given(st.lists(st.tuples(st.integers(0, 2), st.floats(0.01, 100), st.booleans()), max_size=60))
def test_each_request_comes_out_once_and_in_its_classes_order(requests):
    queue = FairQueue()
    members = [queue.add_class(str(place), 10 ** (place + 1)) for place in range(3)]
    kept: list[list[int]] = [[], [], []]
    for number, (place, cost, wanted) in enumerate(requests):
        queue.push(members[place], number, cost)
        if wanted:
            kept[place].append(number)
        else:
            assert queue.forget(members[place], number) and not queue.forget(members[place], number)
    seen: list[list[int]] = [[], [], []]
    while len(queue):
        number = queue.pop()
        seen[requests[number][0]].append(number)
    assert seen == kept and queue.peek() is None
    assert [member.served for member in members] == [len(one) for one in kept]


def test_what_never_waited_is_charged_too():
    queue = FairQueue()
    one, other = queue.add_class("one", 1), queue.add_class("other", 1)
    for _ in range(10):
        queue.serve_at_once(one, 1)
    queue.push(one, "one", 1)
    queue.push(other, "other", 1)
    assert queue.pop() == "other"
    assert one.statistics().served == 10 and one.statistics().waiting == 1


def test_wrong_classes_are_refused():
    queue = FairQueue()
    queue.add_class("produce", 100)
    with pytest.raises(ValueError, match="produce is there already, with 100 shares"):
        queue.add_class("produce", 5)
    with pytest.raises(ValueError, match="at least one share, not 0"):
        queue.add_class("nobody", 0)
