"""One member of a classic group.

A member is created by a JoinGroup and lives until it leaves, misses its session timeout, or does not come back in a
rebalance. A static member (KIP-345) has an instance id of the user's choosing, under which it is recognised after a
restart; its member id is replaced then. While a JoinGroup or SyncGroup waits for the rest of the group, its waiter is
kept here.
"""

from __future__ import annotations

from collections.abc import Iterable

Protocols = tuple[tuple[str, bytes], ...]  # (name, metadata), the member's preference first


class Member:
    """Mutable; belongs to one group, which keeps its waiters and votes in step."""

    __slots__ = (
        "assignment",
        "client_host",
        "client_id",
        "instance_id",
        "is_new",
        "join_waiter",
        "member_id",
        "protocol_type",
        "protocols",
        "rebalance_timeout_ms",
        "session_timeout_ms",
        "sync_waiter",
    )

    def __init__(
        self,
        member_id: str,
        *,
        instance_id: str | None,
        client_id: str,
        client_host: str,
        rebalance_timeout_ms: int,
        session_timeout_ms: int,
        protocol_type: str,
        protocols: Protocols,
        assignment: bytes = b"",
        is_new: bool = False,
    ) -> None:
        self.member_id = member_id
        self.instance_id = instance_id
        self.client_id = client_id
        self.client_host = client_host
        self.rebalance_timeout_ms = rebalance_timeout_ms
        self.session_timeout_ms = session_timeout_ms
        self.protocol_type = protocol_type
        self.protocols = protocols
        self.assignment = assignment
        self.is_new = is_new  # has not been part of a generation yet
        self.join_waiter: object | None = None
        self.sync_waiter: object | None = None

    @property
    def is_static(self) -> bool:
        return self.instance_id is not None

    @property
    def is_excused(self) -> bool:
        """Whether silence is no sign of failure: it waits for us. A new member never is, see `new_member_join_timeout_ms`."""
        return not self.is_new and (self.join_waiter is not None or self.sync_waiter is not None)

    def metadata(self, protocol_name: str | None) -> bytes:
        """What this member said under that protocol; empty when it said nothing."""
        for name, metadata in self.protocols:
            if name == protocol_name:
                return metadata
        return b""

    def vote(self, candidates: Iterable[str]) -> str | None:
        """Its most preferred protocol among `candidates`."""
        allowed = set(candidates)
        return next((name for name, _ in self.protocols if name in allowed), None)
