"""Classic consumer groups as each client plays them: growing, shrinking, committing, static, cooperative, mixed."""

from __future__ import annotations

import pytest
from drivers import NAMES, Record, driver
from members import Member, eventually, group_of, joiner, read, shares

COOPERATIVE = ("confluent", "kafka_python")


@pytest.mark.parametrize("assignor", ["range", "roundrobin"])
@pytest.mark.parametrize("name", NAMES)
def test_a_group_grows_to_five_and_shrinks(bootstrap: str, make_topic, unique: str, name: str, assignor: str) -> None:
    topic = make_topic(6)
    join = joiner(driver(name), bootstrap, unique, topic, assignor=assignor)
    with group_of(join, join) as members:
        eventually("two members share", lambda: shares(members, 6))
        members += [Member(join) for _ in range(3)]
        eventually("five members share", lambda: shares(members, 6))
        for _ in range(3):
            members.pop().leave()
        eventually("two members share again", lambda: shares(members, 6))


@pytest.mark.parametrize("name", COOPERATIVE)
def test_cooperative_members_keep_what_they_need_not_give(bootstrap: str, make_topic, unique: str, name: str) -> None:
    topic = make_topic(6)
    join = joiner(driver(name), bootstrap, unique, topic, assignor="cooperative-sticky")
    with group_of(join) as members:
        eventually("one member owns all", lambda: shares(members, 6))
        members.append(Member(join))
        eventually("two members share", lambda: shares(members, 6))
        first = members[0]
        assert first.owned < frozenset(range(6))
        # Never let go of a partition that it kept: the eager protocol would have revoked all on the way.
        assert all(first.owned <= owned for owned in first.history[first.history.index(frozenset(range(6))) :])
        members.append(Member(join))
        eventually("three members share", lambda: shares(members, 6))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_lost_while_members_come_and_go(bootstrap: str, make_topic, unique: str, name: str) -> None:
    topic = make_topic(4)
    values = [str(n).encode() for n in range(400)]

    def produce(part: list[bytes]) -> None:
        driver("confluent").produce(bootstrap, topic, [Record(v, partition=int(v) % 4) for v in part])

    join = joiner(driver(name), bootstrap, unique, topic)
    members = [Member(join, commit=True), Member(join, commit=True)]
    everyone = list(members)
    try:
        produce(values[:200])
        eventually("both share", lambda: shares(members, 4))
        members.append(Member(join, commit=True))
        everyone.append(members[-1])
        produce(values[200:300])
        members.pop(0).leave()
        produce(values[300:])
        eventually(
            "every value was received",
            lambda: {r.value for member in everyone for r in member.received} == set(values),
        )
    finally:
        for member in members:
            member.leave()


@pytest.mark.parametrize("name", NAMES)
def test_a_commit_is_where_the_next_member_goes_on(bootstrap: str, topic: str, unique: str, name: str) -> None:
    it = driver(name)
    it.produce(bootstrap, topic, [Record(str(n).encode()) for n in range(10)])
    first = it.member(bootstrap, unique, topic)
    try:
        read(first, 10)
        first.commit()
        assert first.committed(topic, 0) == 10
    finally:
        first.close()
    it.produce(bootstrap, topic, [Record(b"new")])
    second = it.member(bootstrap, unique, topic)
    try:
        assert [(r.offset, r.value) for r in read(second, 1)] == [(10, b"new")]
    finally:
        second.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_static_member_returns_without_a_rebalance(bootstrap: str, make_topic, unique: str, name: str) -> None:
    topic = make_topic(4)
    it = driver(name)
    with group_of(*(joiner(it, bootstrap, unique, topic, instance=who) for who in ("ann", "bob"))) as members:
        eventually("both share", lambda: shares(members, 4))
        ann, bob = members
        before, changes = bob.owned, len(ann.history)
        members.pop().leave()  # a static member says no goodbye
        members.append(Member(joiner(it, bootstrap, unique, topic, instance="bob")))
        eventually("bob is back", lambda: shares(members, 4))
        assert members[1].owned == before
        assert len(ann.history) == changes


def test_three_libraries_in_one_group(bootstrap: str, make_topic, unique: str) -> None:
    topic = make_topic(6)
    with group_of(*(joiner(driver(name), bootstrap, unique, topic) for name in NAMES)) as members:
        eventually("all three share", lambda: shares(members, 6))
        sent = {str(n).encode() for n in range(60)}
        driver("aio").produce(bootstrap, topic, [Record(v, partition=int(v) % 6) for v in sent])
        eventually("each record came once", lambda: sorted(r.value for m in members for r in m.received) == sorted(sent))
