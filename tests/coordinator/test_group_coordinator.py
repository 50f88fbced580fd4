"""The coordinator as a whole, on a log in memory and virtual time."""

import asyncio
import logging

from odradek.coordinator.states import GroupState
from odradek.wire.errors import ErrorCode, name_of
from odradek.wire.messages.delete_groups import DeleteGroupsRequest
from odradek.wire.messages.describe_groups import DescribeGroupsRequest
from odradek.wire.messages.heartbeat import HeartbeatRequest
from odradek.wire.messages.join_group import JoinGroupRequest, JoinGroupRequestProtocol
from odradek.wire.messages.leave_group import LeaveGroupRequest, MemberIdentity
from odradek.wire.messages.list_groups import ListGroupsRequest
from odradek.wire.messages.offset_commit import (
    OffsetCommitRequest,
    OffsetCommitRequestPartition,
    OffsetCommitRequestTopic,
)
from odradek.wire.messages.offset_delete import (
    OffsetDeleteRequest,
    OffsetDeleteRequestPartition,
    OffsetDeleteRequestTopic,
)
from odradek.wire.messages.offset_fetch import OffsetFetchRequest, OffsetFetchRequestGroup
from odradek.wire.messages.sync_group import SyncGroupRequest, SyncGroupRequestAssignment

DAY_MS = 86_400_000


def join(group="g", member="", session=10_000, protocols=(("range", b"\x00\x00\x00\x00\x00\x01\x00\x01t"),), **more):
    return JoinGroupRequest(
        group_id=group,
        member_id=member,
        session_timeout_ms=session,
        rebalance_timeout_ms=60_000,
        protocol_type="consumer",
        protocols=[JoinGroupRequestProtocol(name=name, metadata=metadata) for name, metadata in protocols],
        **more,
    )


def commit(offset, group="g", generation=-1, member="", topic="t", partitions=(0,), metadata="note"):
    return OffsetCommitRequest(
        group_id=group,
        generation_id_or_member_epoch=generation,
        member_id=member,
        topics=[
            OffsetCommitRequestTopic(
                name=topic,
                partitions=[
                    OffsetCommitRequestPartition(partition_index=each, committed_offset=offset, committed_metadata=metadata)
                    for each in partitions
                ],
            )
        ],
    )


async def stable_member(world, group="g"):
    """One member of a stable group; its id."""
    client = world.client()
    member = (await world.groups.join_group(join(group), client)).member_id
    joining = asyncio.create_task(world.groups.join_group(join(group, member), client))
    await world.advance(0)
    generation = (await joining).generation_id
    assignment = [SyncGroupRequestAssignment(member_id=member, assignment=b"mine")]
    sync = SyncGroupRequest(group_id=group, member_id=member, generation_id=generation, assignments=assignment)
    assert (await world.groups.sync_group(sync, client)).assignment == b"mine"
    return member


async def committed(world, group="g", require_stable=False):
    request = OffsetFetchRequest(groups=[OffsetFetchRequestGroup(group_id=group, topics=None)], require_stable=require_stable)
    (found,) = (await world.groups.offset_fetch(request, world.client(8))).groups
    assert found.error_code == ErrorCode.NONE
    return {(topic.name, each.partition_index): each.committed_offset for topic in found.topics for each in topic.partitions}


def codes(response):
    return {name_of(each.error_code) for topic in response.topics for each in topic.partitions}


async def described(world, group="g", version=6):
    (found,) = (await world.groups.describe_groups(DescribeGroupsRequest(groups=[group]), world.client(version))).groups
    return found


# Membership over a restart


def test_a_group_and_its_offsets_survive_a_restart(world):
    async def scenario():
        first = await world().load_all()
        member = await stable_member(first)
        assert codes(await first.groups.offset_commit(commit(42, generation=1, member=member), first.client())) == {"NONE"}

        second = await world(log=first.log).load_all()
        found = await described(second)
        assert (found.group_state, found.protocol_data) == ("Stable", "range")
        assert [(each.member_id, each.member_assignment) for each in found.members] == [(member, b"mine")]
        heartbeat = HeartbeatRequest(group_id="g", member_id=member, generation_id=1)
        assert second.groups.heartbeat(heartbeat, second.client()).error_code == ErrorCode.NONE
        assert await committed(second) == {("t", 0): 42}
        await second.advance(10_001)
        assert (await described(second)).group_state == "Empty"

        third = await world(log=first.log).load_all()
        assert (await described(third)).group_state == "Empty"

    asyncio.run(scenario())


def test_the_last_members_leaving_is_stored_before_it_is_answered(world):
    async def scenario():
        one = await world().load_all()
        member = await stable_member(one)
        one.log.hold()
        leave = LeaveGroupRequest(group_id="g", members=[MemberIdentity(member_id=member, reason="closing")])
        leaving = asyncio.create_task(one.groups.leave_group(leave, one.client()))
        await one.advance(0)
        assert not leaving.done()
        one.log.release()
        assert [each.error_code for each in (await leaving).members] == [ErrorCode.NONE]
        assert (await described(await world(log=one.log).load_all())).group_state == "Empty"

    asyncio.run(scenario())


# What is refused at the door


def test_session_timeouts_have_bounds(world):
    async def scenario():
        one = await world().load_all()
        for session in (5_999, 1_800_001):
            response = await one.groups.join_group(join(session=session), one.client())
            assert response.error_code == ErrorCode.INVALID_SESSION_TIMEOUT
        assert (await one.groups.join_group(join(group=""), one.client())).error_code == ErrorCode.INVALID_GROUP_ID

    asyncio.run(scenario())


def test_a_partition_that_is_not_here_or_not_yet(world):
    async def scenario():
        one = world()
        heartbeat = HeartbeatRequest(group_id="g", member_id="m", generation_id=1)
        assert (await one.groups.join_group(join(), one.client())).error_code == ErrorCode.NOT_COORDINATOR
        assert one.groups.heartbeat(heartbeat, one.client()).error_code == ErrorCode.NOT_COORDINATOR
        assert codes(await one.groups.offset_commit(commit(1), one.client())) == {"NOT_COORDINATOR"}
        assert (await one.groups.list_groups(ListGroupsRequest(), one.client())).groups == []

        partition = one.groups.partition_for("g")
        one.log.partitions[partition] = [(b"\x00\x02\x00\x01%d" % (each % 10), None) for each in range(3000)]
        loading = asyncio.create_task(one.groups.load(partition))
        await asyncio.sleep(0)
        assert (await one.groups.join_group(join(), one.client())).error_code == ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
        assert one.groups.heartbeat(heartbeat, one.client()).error_code == ErrorCode.NONE
        assert (await described(one)).error_code == ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
        listed = await one.groups.list_groups(ListGroupsRequest(), one.client())
        assert listed.error_code == ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
        await loading
        assert one.groups.heartbeat(heartbeat, one.client()).error_code == ErrorCode.UNKNOWN_MEMBER_ID

    asyncio.run(scenario())


def test_unloading_sends_everyone_who_waits_elsewhere(world):
    async def scenario():
        one = await world(group_initial_rebalance_delay_ms=3000).load_all()
        joining = asyncio.create_task(one.groups.join_group(join(), one.client(3)))
        await asyncio.sleep(0)
        await one.groups.close()
        assert (await joining).error_code == ErrorCode.NOT_COORDINATOR
        assert (await one.groups.join_group(join(), one.client())).error_code == ErrorCode.NOT_COORDINATOR

    asyncio.run(scenario())


def test_a_partition_unloaded_while_it_loads_stays_away(world):
    async def scenario():
        one = world()
        loading = asyncio.create_task(one.groups.load(0))
        await asyncio.sleep(0)
        await one.groups.unload(0)
        await loading
        assert one.groups.runtime.shards == {}

    asyncio.run(scenario())


def test_a_client_that_goes_while_it_waits_leaves_no_trace_in_the_loop(world):
    async def scenario():
        one = await world(group_initial_rebalance_delay_ms=3000).load_all()
        joining = asyncio.create_task(one.groups.join_group(join(), one.client(3)))
        await asyncio.sleep(0)
        joining.cancel()
        await one.advance(3000)
        assert (await described(one)).group_state == "CompletingRebalance"
        await one.advance(10_000)
        assert (await described(one)).group_state == "Empty"

    asyncio.run(scenario())


def test_member_ids_carry_the_clients_name_and_a_uuid(world):
    async def scenario():
        one = await world().load_all()
        member = (await one.groups.join_group(join(), one.client())).member_id
        name, _, uuid = member.partition("-")
        assert name == "tester"
        assert [len(part) for part in uuid.split("-")] == [8, 4, 4, 4, 12]
        assert uuid[14] == "4" and uuid[19] in "89ab"

    asyncio.run(scenario())


def test_a_limit_lowered_over_a_restart_rebalances_the_group(world):
    async def scenario():
        one = await world().load_all()
        member = await stable_member(one)
        two = world(log=one.log)
        two.config.group_max_size = 0
        await two.load_all()
        heartbeat = HeartbeatRequest(group_id="g", member_id=member, generation_id=1)
        assert two.groups.heartbeat(heartbeat, two.client()).error_code == ErrorCode.REBALANCE_IN_PROGRESS
        assert {cause for (cause,), _ in two.groups.runtime.metrics.rebalances.items()} == {"over capacity"}

    asyncio.run(scenario())


def test_every_rebalance_is_logged_with_its_reason_member_and_group(world, caplog):
    async def scenario():
        one = await world().load_all()
        await stable_member(one)
        await one.advance(10_001)

    with caplog.at_level(logging.INFO, logger="odradek.coordinator"):
        asyncio.run(scenario())
    told = [record.fields for record in caplog.records if record.getMessage() == "group rebalances"]
    assert [(each["group"], each["cause"], each["client"], each["host"]) for each in told] == [
        ("g", "member joined", "tester", "/127.0.0.1"),
        ("g", "session timeout", "tester", "/127.0.0.1"),
    ]
    assert told[1]["reason"] == f"no heartbeat from {told[1]['member']} within session.timeout.ms=10000"


# Offsets


def test_a_commit_shows_when_it_is_committed_not_before(world):
    async def scenario():
        one = await world().load_all()
        one.log.hold()
        committing = asyncio.create_task(one.groups.offset_commit(commit(7), one.client()))
        await one.advance(0)
        assert await committed(one) == {}
        stable = asyncio.create_task(committed(one, require_stable=True))
        await one.advance(0)
        assert not stable.done()
        one.log.release()
        assert codes(await committing) == {"NONE"}
        assert await stable == {("t", 0): 7}
        assert (await described(one)).group_state == "Empty"

    asyncio.run(scenario())


def test_commits_that_wait_share_an_append_and_the_last_one_holds(world):
    async def scenario():
        one = await world().load_all()
        one.log.hold()
        commits = [asyncio.create_task(one.groups.offset_commit(commit(offset), one.client())) for offset in range(10)]
        await one.advance(0)
        one.log.release()
        await asyncio.gather(*commits)
        assert len(one.log.batches) <= 2
        assert await committed(one) == {("t", 0): 9}
        assert await committed(await world(log=one.log).load_all()) == {("t", 0): 9}

    asyncio.run(scenario())


def test_a_failed_append_is_told_in_a_clients_words_and_changes_nothing(world):
    async def scenario():
        one = await world().load_all()
        for append_error, told in [
            (ErrorCode.NOT_LEADER_OR_FOLLOWER, "NOT_COORDINATOR"),
            (ErrorCode.KAFKA_STORAGE_ERROR, "NOT_COORDINATOR"),
            (ErrorCode.NOT_ENOUGH_REPLICAS, "COORDINATOR_NOT_AVAILABLE"),
            (ErrorCode.MESSAGE_TOO_LARGE, "UNKNOWN_SERVER_ERROR"),
        ]:
            one.log.fail_with = append_error
            assert codes(await one.groups.offset_commit(commit(1), one.client())) == {told}
        assert await committed(one) == {}
        assert (await described(one)).error_code == ErrorCode.GROUP_ID_NOT_FOUND

    asyncio.run(scenario())


def test_the_empty_group_name_keeps_offsets(world):
    """Kafka lets it, for old clients that set no group."""

    async def scenario():
        one = await world().load_all()
        assert codes(await one.groups.offset_commit(commit(5, group=""), one.client())) == {"NONE"}
        assert await committed(one, group="") == {("t", 0): 5}

    asyncio.run(scenario())


def test_an_append_that_takes_too_long_is_given_up_waiting_for(world):
    async def scenario():
        one = await world(offsets_commit_timeout_ms=1).load_all()
        one.log.hold()
        assert codes(await one.groups.offset_commit(commit(1), one.client())) == {"COORDINATOR_NOT_AVAILABLE"}
        one.log.release()
        await one.advance(0)
        assert await committed(one) == {("t", 0): 1}  # it was committed in the end

    asyncio.run(scenario())


def test_a_commit_keeps_the_session_alive(world):
    async def scenario():
        one = await world().load_all()
        member = await stable_member(one)
        for _ in range(3):
            await one.advance(8_000)
            assert codes(await one.groups.offset_commit(commit(1, generation=1, member=member), one.client())) == {"NONE"}
        assert (await described(one)).group_state == "Stable"

    asyncio.run(scenario())


def test_offsets_expire_with_tombstones_and_take_their_group_along(world):
    async def scenario():
        one = await world().load_all()
        one.groups.start()
        await one.groups.offset_commit(commit(1, partitions=range(3)), one.client())
        await one.advance(6 * DAY_MS)
        assert len(await committed(one)) == 3
        await one.advance(1 * DAY_MS + 600_000)
        assert await committed(one) == {}
        assert (await described(one)).error_code == ErrorCode.GROUP_ID_NOT_FOUND
        again = await world(log=one.log).load_all()
        assert again.groups.runtime.metrics.group_counts() == {state.value: 0 for state in GroupState}
        await one.groups.close()

    asyncio.run(scenario())


def test_what_cannot_expire_now_expires_later(world):
    async def scenario():
        one = await world().load_all()
        await one.groups.offset_commit(commit(1), one.client())
        one.clock.advance(8 * DAY_MS)
        one.log.fail_with = ErrorCode.NOT_ENOUGH_REPLICAS
        assert await one.groups.expire_offsets() == 0
        assert await committed(one) == {("t", 0): 1}
        one.log.fail_with = None
        assert await one.groups.expire_offsets() == 1
        assert await committed(one) == {}

    asyncio.run(scenario())


def test_commits_behind_the_append_under_way_are_refused_when_the_partition_goes(world):
    async def scenario():
        one = await world().load_all()
        one.log.hold()
        first = asyncio.create_task(one.groups.offset_commit(commit(1), one.client()))
        await one.advance(0)
        second = asyncio.create_task(one.groups.offset_commit(commit(2), one.client()))
        await one.advance(0)
        closing = asyncio.create_task(one.groups.close())
        await one.advance(0)
        one.log.release()
        await closing
        assert (codes(await first), codes(await second)) == ({"NONE"}, {"NOT_COORDINATOR"})
        assert await committed(await world(log=one.log).load_all()) == {("t", 0): 1}

    asyncio.run(scenario())


def test_offsets_of_deleted_topics_are_forgotten(world):
    async def scenario():
        one = await world().load_all()
        await one.groups.offset_commit(commit(1, topic="t", partitions=range(3)), one.client())
        await one.groups.offset_commit(commit(1, topic="u"), one.client())
        await one.groups.on_topics_deleted(["t"])
        assert await committed(one) == {("u", 0): 1}
        assert await committed(await world(log=one.log).load_all()) == {("u", 0): 1}

    asyncio.run(scenario())


def test_what_is_being_committed_when_its_topic_goes_is_forgotten_too(world):
    async def scenario():
        one = await world().load_all()
        one.log.hold()
        committing = asyncio.create_task(one.groups.offset_commit(commit(1, topic="t"), one.client()))
        await one.advance(0)
        forgetting = asyncio.create_task(one.groups.on_topics_deleted(["t"]))
        await one.advance(0)
        one.log.release()
        assert codes(await committing) == {"NONE"}
        await forgetting
        assert await committed(one) == {} == await committed(await world(log=one.log).load_all())

    asyncio.run(scenario())


def test_topics_that_are_deleted_at_one_time_are_forgotten_together(world):
    async def scenario():
        one = await world().load_all()
        for group in map(str, range(500)):
            await one.groups.offset_commit(commit(1, group=group, topic=f"t{int(group) % 3}"), one.client())
        await asyncio.gather(one.groups.on_topics_deleted(["t0"]), one.groups.on_topics_deleted(["t1", "nobody's"]))
        again = await world(log=one.log).load_all()
        for there in (one, again):
            left = {topic for shard in there.groups.runtime.shards.values() for group in shard.offsets.groups()
                    for topic in shard.offsets.topics_of(group)}  # fmt: skip
            assert left == {"t2"}
        await one.groups.on_topics_deleted(["t2"])
        assert all(not shard.offsets.groups() for shard in one.groups.runtime.shards.values())

    asyncio.run(scenario())


def test_single_offsets_are_deleted(world):
    async def scenario():
        one = await world().load_all()
        await one.groups.offset_commit(commit(1, partitions=range(2)), one.client())
        topics = [OffsetDeleteRequestTopic(name="t", partitions=[OffsetDeleteRequestPartition(partition_index=0)])]
        response = await one.groups.offset_delete(OffsetDeleteRequest(group_id="g", topics=topics), one.client())
        assert (response.error_code, codes(response)) == (ErrorCode.NONE, {"NONE"})
        assert await committed(await world(log=one.log).load_all()) == {("t", 1): 1}
        unknown = await one.groups.offset_delete(OffsetDeleteRequest(group_id="x"), one.client())
        assert unknown.error_code == ErrorCode.GROUP_ID_NOT_FOUND

    asyncio.run(scenario())


# Deleting groups


async def delete(world, *names):
    response = await world.groups.delete_groups(DeleteGroupsRequest(groups_names=list(names)), world.client(2))
    return {each.group_id: name_of(each.error_code) for each in response.results}


def test_deleting_groups(world):
    async def scenario():
        one = await world().load_all()
        await stable_member(one, "busy")
        await one.groups.offset_commit(commit(1, group="idle", partitions=range(2500)), one.client())
        assert await delete(one, "busy", "idle", "none", "idle") == {
            "busy": "NON_EMPTY_GROUP",
            "idle": "NONE",
            "none": "GROUP_ID_NOT_FOUND",
        }
        assert [len(records) for _, records in one.log.batches[-3:]] == [1000, 1000, 501]  # the group's own with the last
        assert await committed(one, "idle") == {}
        counts = (await world(log=one.log).load_all()).groups.runtime.metrics.group_counts()
        assert (counts["Stable"], counts["Empty"]) == (1, 0)

    asyncio.run(scenario())


def test_a_group_that_comes_back_while_it_is_deleted_is_a_new_one(world):
    async def scenario():
        one = await world().load_all()
        await one.groups.offset_commit(commit(1), one.client())
        one.log.hold()
        deleting = asyncio.create_task(delete(one, "g"))
        await one.advance(0)
        committing = asyncio.create_task(one.groups.offset_commit(commit(2), one.client()))
        await one.advance(0)
        one.log.release()
        assert await deleting == {"g": "NONE"}
        assert codes(await committing) == {"NONE"}
        assert await committed(one) == {("t", 0): 2}
        assert await committed(await world(log=one.log).load_all()) == {("t", 0): 2}

    asyncio.run(scenario())


def test_a_group_that_cannot_be_deleted_is_put_back(world):
    async def scenario():
        one = await world().load_all()
        await one.groups.offset_commit(commit(1), one.client())
        one.log.fail_with = ErrorCode.NOT_ENOUGH_REPLICAS
        assert await delete(one, "g") == {"g": "COORDINATOR_NOT_AVAILABLE"}
        assert await committed(one) == {("t", 0): 1}

    asyncio.run(scenario())


# Looking


def test_unknown_groups_are_dead_or_an_error_by_version(world):
    async def scenario():
        one = await world().load_all()
        old, new = await described(one, "x", 5), await described(one, "x", 6)
        assert (old.group_state, old.error_code) == ("Dead", ErrorCode.NONE)
        assert (new.group_state, new.error_code) == ("Dead", ErrorCode.GROUP_ID_NOT_FOUND)
        assert new.error_message == "Group x not found."

    asyncio.run(scenario())


def test_listing_filters_by_state_and_type(world):
    async def scenario():
        one = await world().load_all()
        await stable_member(one, "busy")
        await one.groups.offset_commit(commit(1, group="idle"), one.client())

        async def listed(states=(), types=()):
            request = ListGroupsRequest(states_filter=list(states), types_filter=list(types))
            found = (await one.groups.list_groups(request, one.client(5))).groups
            return sorted((each.group_id, each.protocol_type, each.group_state, each.group_type) for each in found)

        busy, idle = ("busy", "consumer", "Stable", "classic"), ("idle", "", "Empty", "classic")
        assert await listed() == [busy, idle]
        assert await listed(["stable", "Dead"]) == [busy]
        assert await listed(["EMPTY"], ["Classic"]) == [idle]
        assert await listed([], ["consumer"]) == []

    asyncio.run(scenario())


def test_what_is_counted(world):
    async def scenario():
        one = await world().load_all()
        member = await stable_member(one)
        await one.groups.offset_commit(commit(1, generation=1, member=member, partitions=range(3)), one.client())
        metrics = one.groups.runtime.metrics
        assert metrics.group_counts()["Stable"] == 1
        assert {labels: counter.value for labels, counter in metrics.rebalances.items()} == {("member joined",): 1}
        assert (metrics.completed_rebalances.value, metrics.commits.value) == (1, 3)

    asyncio.run(scenario())


# What one request may ask for


def test_a_member_lists_a_thousand_protocols_at_most(world):
    async def scenario():
        one = await world().load_all()
        many = [(f"p{number}", b"") for number in range(1001)]
        assert (await one.groups.join_group(join(protocols=many), one.client())).error_code == (
            ErrorCode.INCONSISTENT_GROUP_PROTOCOL
        )
        allowed = await one.groups.join_group(join(protocols=many[:1000]), one.client())
        assert allowed.error_code == ErrorCode.MEMBER_ID_REQUIRED

    asyncio.run(scenario())


def test_a_group_that_is_named_twice_is_described_once(world):
    async def scenario():
        one = await world().load_all()
        await stable_member(one)
        asked = DescribeGroupsRequest(groups=["g", "other", "g", "g"])
        found = (await one.groups.describe_groups(asked, one.client())).groups
        assert [each.group_id for each in found] == ["g", "other"]

    asyncio.run(scenario())


def test_who_waits_in_a_group_keeps_nothing_of_a_long_request(world):
    async def scenario():
        one = await world().load_all()
        member = (await one.groups.join_group(join(), one.client())).member_id
        request = join(member=member)
        joining = asyncio.create_task(one.groups.join_group(request, one.client()))
        await asyncio.sleep(0)
        assert request.protocols == []
        await one.advance(0)
        generation = (await joining).generation_id
        assignment = [SyncGroupRequestAssignment(member_id=member, assignment=b"mine")]
        sync = SyncGroupRequest(group_id="g", member_id=member, generation_id=generation, assignments=assignment)
        assert (await one.groups.sync_group(sync, one.client())).assignment == b"mine"
        assert sync.assignments == []
        assert (await described(one)).members[0].member_metadata == join().protocols[0].metadata

    asyncio.run(scenario())
