"""A group under random events: whatever comes in whatever order, its invariants hold and every request gets one answer.

The machine is driven through `GroupStory` of the scripts; the dumb model beside it is a set of unanswered waiters.
"""

from group_story import GroupStory
from hypothesis import given, settings
from hypothesis import strategies as st

from odradek.coordinator.states import GroupState

ids = st.sampled_from(["", "id-1", "id-2", "id-3", "id-4"])
instances = st.sampled_from(["", " instance=a", " instance=b"])
protocols = st.sampled_from(["range:T", "range:T,sticky:T", "sticky:T", "sticky:U,range:T"])
generations = st.sampled_from([-1, 0, 0, 0])  # relative to the group's
commands = st.one_of(
    st.tuples(st.just("join"), ids, instances, protocols, st.sampled_from([3, 8, 9])),
    st.tuples(st.just("sync"), ids, instances, generations),
    st.tuples(st.just("heartbeat"), ids, instances, generations),
    st.tuples(st.just("leave"), ids, instances),
    st.tuples(st.just("stored"), st.sampled_from(["", " error=NOT_LEADER_OR_FOLLOWER"])),
    st.tuples(st.just("advance"), st.sampled_from(["0s", "1s", "4s", "11s", "61s"])),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(commands, max_size=40))
def test_invariants_hold_and_everyone_is_answered_once(events):
    story, waiting = GroupStory(), set()
    for number, event in enumerate(events):
        line, waiter = _line(story, number, event)
        if line is None:
            continue
        waiting |= {waiter} - {None}
        for answered in _answered(story.tell(line)):
            assert answered in waiting, f"{answered} answered twice"
            waiting.discard(answered)
        _check(story, waiting)
    _calm_down(story, waiting)
    assert not waiting


def _line(story, number, event):
    kind, *rest = event
    generation = story.group.generation
    if kind == "join":
        id, instance, names, version = rest
        return f"join j{number} id={id}{instance} protocols={names} version={version} session=10s rebalance=60s", f"j{number}"
    if kind == "sync":
        id, instance, relative = rest
        assign = ",".join(f"{member}:A" for member in story.group.members)
        return f"sync s{number} id={id}{instance} gen={generation + relative} assign={assign}", f"s{number}"
    if kind == "heartbeat":
        return f"heartbeat id={rest[0]}{rest[1]} gen={generation + rest[2]}", None
    if kind == "leave":
        return f"leave id={rest[0]}{rest[1]}", None
    if kind == "stored":
        return (f"stored{rest[0]}", None) if story.appends else (None, None)
    return f"advance {rest[0]}", None


def _answered(happened):
    return [line.split(" <- ")[0] for line in happened.splitlines() if " <- " in line]


def _check(story, waiting):
    group, members = story.group, story.group.members
    waiters = [waiter for member in members.values() for waiter in (member.join_waiter, member.sync_waiter) if waiter]
    assert set(waiters) == waiting, "a waiter was lost"
    assert group.awaiting_join == sum(member.join_waiter is not None for member in members.values())
    assert group.leader_id in members or (group.leader_id is None and not members)
    assert {member.instance_id: id for id, member in members.items() if member.is_static} == group.static_members
    assert not set(group.pending_joins) & set(members)
    assert set(group.pending_syncs) <= set(members)
    assert (group.state is GroupState.EMPTY) <= (not members)
    if members:
        assert len(members) in group.votes.values(), "members have a protocol in common"
    votes = {}
    for member in members.values():
        for name, _ in member.protocols:
            votes[name] = votes.get(name, 0) + 1
    assert votes == group.votes
    if group.state is GroupState.STABLE:
        assert all(member.sync_waiter is None for member in members.values())
    if group.state is GroupState.PREPARING_REBALANCE:
        assert any(timer.kind == "join" for timer in story.set_timers), "a rebalance that nothing would end"


def _calm_down(story, waiting):
    """Appends end, time passes: nobody may wait forever."""
    for _ in range(12):
        while story.appends:
            waiting -= set(_answered(story.tell("stored")))
        waiting -= set(_answered(story.tell("advance 400s")))
