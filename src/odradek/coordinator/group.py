"""A classic group: its members, their votes, and who waits for what.

The data of the state machine and its invariants; what happens when is decided in `join`, `rebalance`, `sync`, `static_join` and
`membership`. Lives in one shard, touched from its loop only.

Invariants: `leader_id` names a member unless the group is empty; `static_members` maps an instance id to the one
member that has it; `awaiting_join` counts the members with a join waiter, so that "has everyone joined" costs a
comparison; `votes` counts, per protocol name, the members that speak it: a protocol is a candidate when all do.
"""

from __future__ import annotations

from odradek.base.errors import check
from odradek.coordinator.member import Member, Protocols
from odradek.coordinator.states import ENTERED_FROM, GroupState
from odradek.coordinator.subscription import CONSUMER, MalformedSubscriptionError, subscribed_topics
from odradek.wire.errors import ErrorCode


class Group:
    """One group (its coordinator's view)."""

    __slots__ = (
        "awaiting_join",
        "generation",
        "group_id",
        "initial_delay_left_ms",
        "initial_delay_ms",
        "leader_id",
        "members",
        "new_member_added",
        "pending_joins",
        "pending_syncs",
        "previous_state",
        "protocol_name",
        "protocol_type",
        "state",
        "state_since_ms",
        "static_members",
        "subscribed_topics",
        "votes",
    )

    def __init__(
        self,
        group_id: str,
        state_since_ms: int,
        *,
        state: GroupState = GroupState.EMPTY,
        generation: int = 0,
        protocol_type: str | None = None,
        protocol_name: str | None = None,
        leader_id: str | None = None,
    ) -> None:
        self.group_id = group_id
        self.state = state
        self.previous_state = GroupState.DEAD
        self.state_since_ms = state_since_ms  # epoch ms; -1 when the log did not say (old versions)
        self.generation = generation
        self.protocol_type = protocol_type  # None: a simple group, whose consumers only keep offsets here
        self.protocol_name = protocol_name
        self.leader_id = leader_id
        self.members: dict[str, Member] = {}  # in order of joining
        self.static_members: dict[str, str] = {}
        self.pending_joins: dict[str, None] = {}  # ids handed out with MEMBER_ID_REQUIRED, not yet used
        self.pending_syncs: dict[str, None] = {}  # members of this generation that have not asked for their assignment
        self.votes: dict[str, int] = {}
        self.awaiting_join = 0
        self.new_member_added = False  # during the initial delay, which is then extended
        self.initial_delay_ms = -1  # the slice of the initial delay that runs; -1 when none does
        self.initial_delay_left_ms = 0
        self.subscribed_topics: frozenset[str] | None = None  # None: unknown

    # State

    def enter(self, state: GroupState, now_ms: int) -> None:
        check(
            self.state in ENTERED_FROM[state],
            "a group may not go there from here",
            group=self.group_id,
            state=self.state,
            to=state,
        )
        self.previous_state, self.state, self.state_since_ms = self.state, state, now_ms

    @property
    def can_rebalance(self) -> bool:
        return self.state in ENTERED_FROM[GroupState.PREPARING_REBALANCE]

    @property
    def everyone_joined(self) -> bool:
        return self.awaiting_join == len(self.members) and not self.pending_joins

    @property
    def rebalance_timeout_ms(self) -> int:
        """The longest that any member asks for."""
        return max((member.rebalance_timeout_ms for member in self.members.values()), default=0)

    @property
    def is_consumer_group(self) -> bool:
        """Whether members speak the consumer protocol, whose subscriptions we can read."""
        return self.protocol_type == CONSUMER

    def is_leader(self, member_id: str) -> bool:
        return self.leader_id == member_id

    def is_subscribed_to(self, topic: str) -> bool:
        """Whether a member subscribes to `topic`; when that can't be known, consumer groups count as subscribed to all."""
        return self.is_consumer_group if self.subscribed_topics is None else topic in self.subscribed_topics

    def identity_error(self, member_id: str, instance_id: str | None) -> int:
        """NONE when the pair names a member; UNKNOWN_MEMBER_ID; FENCED_INSTANCE_ID when the instance has another id by now."""
        if instance_id is not None:
            known = self.static_members.get(instance_id)
            if known is None:
                return ErrorCode.UNKNOWN_MEMBER_ID
            if known != member_id:
                return ErrorCode.FENCED_INSTANCE_ID
        return ErrorCode.NONE if member_id in self.members else ErrorCode.UNKNOWN_MEMBER_ID

    # Members

    def add(self, member: Member, join_waiter: object | None = None) -> None:
        """Make `member` one of the group; the first one decides the protocol type and leads."""
        if member.instance_id is not None:
            check(
                member.instance_id not in self.static_members,
                "a static member is in the group already",
                group=self.group_id,
                instance=member.instance_id,
            )
            self.static_members[member.instance_id] = member.member_id
        if not self.members:
            self.protocol_type = member.protocol_type
        if self.leader_id is None:
            self.leader_id = member.member_id
        self.members[member.member_id] = member
        self._count_votes(member, 1)
        self.set_join_waiter(member, join_waiter)
        self.pending_joins.pop(member.member_id, None)

    def remove(self, member_id: str) -> None:
        """Forget a member, or a pending id; leadership passes to the member that joined first."""
        member = self.members.pop(member_id, None)
        if member is not None:
            self._count_votes(member, -1)
            self.set_join_waiter(member, None)
            if member.instance_id is not None:
                self.static_members.pop(member.instance_id, None)
        if self.is_leader(member_id):
            self.leader_id = next(iter(self.members), None)
        self.pending_joins.pop(member_id, None)
        self.pending_syncs.pop(member_id, None)

    def rename_static(self, instance_id: str, old_id: str, new_id: str) -> Member:
        """Give a static member its new id, keeping its place in the order, leadership, votes and assignment."""
        old = self.members[old_id]
        check(old.join_waiter is None, "waiters are answered before a member is renamed", group=self.group_id, member=old_id)
        new = Member(
            new_id,
            instance_id=instance_id,
            client_id=old.client_id,
            client_host=old.client_host,
            rebalance_timeout_ms=old.rebalance_timeout_ms,
            session_timeout_ms=old.session_timeout_ms,
            protocol_type=old.protocol_type,
            protocols=old.protocols,
            assignment=old.assignment,
        )
        self.members = {
            new_id if key == old_id else key: new if key == old_id else member for key, member in self.members.items()
        }
        self.pending_syncs = {new_id if key == old_id else key: None for key in self.pending_syncs}
        self.static_members[instance_id] = new_id
        if self.is_leader(old_id):
            self.leader_id = new_id
        return new

    def update(self, member: Member, protocols: Protocols, rebalance_timeout_ms: int, session_timeout_ms: int) -> None:
        self._count_votes(member, -1)
        member.protocols = protocols
        member.rebalance_timeout_ms, member.session_timeout_ms = rebalance_timeout_ms, session_timeout_ms
        self._count_votes(member, 1)

    def set_join_waiter(self, member: Member, waiter: object | None) -> object | None:
        """Put `waiter` (None: nothing) in place of the one that was there, which is returned."""
        before, member.join_waiter = member.join_waiter, waiter
        self.awaiting_join += (waiter is not None) - (before is not None)
        return before

    def elect_joined_leader(self) -> bool:
        """Keep the leader if it has joined, else take the first member that has; False when nobody has joined."""
        if self.leader_id is None:
            return False
        if self.members[self.leader_id].join_waiter is None:
            joined = next((id for id, member in self.members.items() if member.join_waiter is not None), None)
            if joined is None:
                return False
            self.leader_id = joined
        return True

    # Protocols

    def supports(self, protocol_type: str, names: list[str]) -> bool:
        """Whether a member that speaks `names` can be in the group: one of them must be spoken by all members."""
        if self.state is GroupState.EMPTY:
            return bool(protocol_type) and bool(names)
        return self.protocol_type == protocol_type and any(self.votes.get(name) == len(self.members) for name in names)

    def select_protocol(self) -> str:
        """The candidate with most votes; each member votes for the one it lists first, a tie goes to the earlier vote."""
        candidates = [name for name, count in self.votes.items() if count == len(self.members)]
        ballots: dict[str, int] = {}
        for member in self.members.values():
            choice = member.vote(candidates)
            check(choice is not None, "members have no protocol in common", group=self.group_id, votes=self.votes)
            ballots[str(choice)] = ballots.get(str(choice), 0) + 1
        return max(ballots, key=ballots.__getitem__)

    def _count_votes(self, member: Member, change: int) -> None:
        # By distinct name: a member that lists a protocol twice still has one vote.
        for name in {name: None for name, _ in member.protocols}:
            count = self.votes.get(name, 0) + change
            if count:
                self.votes[name] = count
            else:
                self.votes.pop(name, None)

    # Generations

    def begin_generation(self, now_ms: int) -> None:
        """The join phase is over: next generation, and with members a protocol and the wait for the leader's assignment."""
        self.generation += 1
        self.protocol_name = self.select_protocol() if self.members else None
        self.read_subscriptions()
        self.pending_syncs.clear()
        self.enter(GroupState.COMPLETING_REBALANCE if self.members else GroupState.EMPTY, now_ms)

    def read_subscriptions(self) -> None:
        """Work out `subscribed_topics` from the members' metadata."""
        self.subscribed_topics = None
        if self.is_consumer_group and (self.protocol_name is not None or not self.members):
            try:
                self.subscribed_topics = frozenset[str]().union(
                    *(subscribed_topics(member.metadata(self.protocol_name)) for member in self.members.values())
                )
            except MalformedSubscriptionError:
                pass  # an unusual client: its offsets do not expire while it runs, which is the safe side
