"""When committed offsets have been kept long enough."""

import pytest

from odradek.coordinator.expiry import expired_offsets
from odradek.coordinator.group import Group
from odradek.coordinator.offset_store import CommittedOffset
from odradek.coordinator.states import GroupState

RETENTION_MS = 1000
EARLY, LATE = CommittedOffset(1, commit_ms=5000), CommittedOffset(1, commit_ms=5500)
TOPICS = {"t": {0: EARLY, 1: LATE}, "u": {0: EARLY}}


def expired(group, now_ms, topics=TOPICS):
    return expired_offsets(group, topics, now_ms, RETENTION_MS)


def test_a_simple_groups_offsets_go_by_their_commit():
    group = Group("g", 0)
    assert expired(group, 5999) == []
    assert expired(group, 6000) == [("t", 0), ("u", 0)]
    assert expired(group, 6500) == [("t", 0), ("t", 1), ("u", 0)]


def test_an_empty_groups_go_by_when_the_last_member_left():
    group = Group("g", 9000, protocol_type="consumer")
    group.subscribed_topics = frozenset()
    assert expired(group, 9999) == []
    assert expired(group, 10_000) == [("t", 0), ("t", 1), ("u", 0)]


def test_where_the_log_did_not_say_when_that_was_the_commit_counts():
    group = Group("g", -1, protocol_type="connect")
    assert expired(group, 6000) == [("t", 0), ("u", 0)]


def test_a_stable_consumer_group_lets_go_of_topics_that_it_no_longer_reads():
    group = Group("g", 0, state=GroupState.STABLE, protocol_type="consumer")
    group.subscribed_topics = frozenset({"t"})
    assert expired(group, 10_000) == [("u", 0)]


@pytest.mark.parametrize(
    ("state", "protocol_type", "subscribed"),
    [
        (GroupState.STABLE, "consumer", None),
        (GroupState.STABLE, "connect", None),
        (GroupState.PREPARING_REBALANCE, "consumer", frozenset()),
        (GroupState.COMPLETING_REBALANCE, "consumer", frozenset()),
    ],
)
def test_where_somebody_is_at_work_on_we_cannot_tell_what_nothing_expires(state, protocol_type, subscribed):
    group = Group("g", 0, state=state, protocol_type=protocol_type)
    group.subscribed_topics = subscribed
    assert expired(group, 10**9) == []


def test_an_expiry_of_its_own_wins():
    later, sooner = CommittedOffset(1, commit_ms=0, expire_ms=20_000), CommittedOffset(1, commit_ms=6400, expire_ms=6500)
    assert expired(Group("g", 0), 6500, {"t": {0: later, 1: sooner}}) == [("t", 1)]
