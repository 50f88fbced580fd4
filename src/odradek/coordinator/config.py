"""What the coordinator may be told, by Kafka's names, and who is asking.

Defaults are Apache Kafka 4.x's (GroupCoordinatorConfig). The broker fills the object from its configuration; the
coordinator reads attributes, so a dynamic change is an assignment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class ClientInfo(NamedTuple):
    """Who sent a request: shown by DescribeGroups and kept in the log."""

    client_id: str
    client_host: str  # as Kafka shows it, "/127.0.0.1"
    api_version: int


@dataclass(slots=True, kw_only=True)
class CoordinatorConfig:
    """The group coordinator's settings; times in milliseconds unless the name says otherwise."""

    group_min_session_timeout_ms: int = 6_000
    group_max_session_timeout_ms: int = 1_800_000
    group_initial_rebalance_delay_ms: int = 3_000
    group_max_size: int = 2**31 - 1
    # No setting of Kafka's. A new member that waits in JoinGroup cannot heartbeat, and a client that gave up cannot be seen:
    # after five minutes it is taken for gone, whatever its session timeout (GroupMetadataManager does the same).
    new_member_join_timeout_ms: int = 300_000
    offset_metadata_max_bytes: int = 4_096
    offsets_retention_minutes: int = 10_080
    offsets_retention_check_interval_ms: int = 600_000
    offsets_commit_timeout_ms: int = 5_000
    offsets_topic_num_partitions: int = 50
    # No setting of Kafka's: the most bytes of records that one append gathers from several requests. Half of the default
    # max.message.bytes, so that a batch with its overhead always fits.
    append_bytes_max: int = 512 * 1024

    @property
    def offsets_retention_ms(self) -> int:
        return self.offsets_retention_minutes * 60_000
