"""Metrics that are read, not kept: sizes, offsets and states that the rooms hold anyway, looked at when a scraper asks.

The words are Kafka's (`Size`, `LogStartOffset`, `LogEndOffset` of kafka.log; `PartitionCount`, `OfflineLogDirectoryCount`,
`UnderMinIsrPartitionCount` of kafka.server; `NumIncrementalFetchSessions`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from odradek.replication.partition import Partition

if TYPE_CHECKING:
    from odradek.broker.context import BrokerState
    from odradek.broker.server import Server

_BY_PARTITION = ("topic", "partition")
_Rows = Iterable[tuple[tuple[str, ...], float]]


def register(state: BrokerState, server: Server) -> None:
    """Add every gauge of this broker to its registry."""
    registry = state.metrics.registry

    def by_partition(name: str, text: str, value: Callable[[Partition], float]) -> None:
        def read() -> _Rows:
            return [((each.topic, str(each.index)), value(each)) for each in state.partitions]

        registry.callback(name, "gauge", text, _BY_PARTITION, read)

    def single(name: str, text: str, value: Callable[[], float], kind: str = "gauge") -> None:
        registry.callback(name, kind, text, (), lambda: [((), value())])

    by_partition("odradek_log_size_bytes", "Bytes of a partition's segments", lambda p: p.log.size_bytes)
    by_partition("odradek_log_start_offset", "First offset of a partition", lambda p: p.log.log_start_offset)
    by_partition("odradek_log_end_offset", "Offset after a partition's last record", lambda p: p.log.log_end_offset)
    by_partition("odradek_log_durable_offset", "Offset up to which a partition is on disk", lambda p: p.log.durable_offset)
    single("odradek_partitions", "Partitions that this broker leads", lambda: len(state.partitions))
    single("odradek_topics", "Topics in the cluster", lambda: len(state.image.topics))
    single(
        "odradek_offline_partitions", "Partitions that take no writes",
        lambda: sum(p.log.offline_reason is not None for p in state.partitions),
    )  # fmt: skip
    registry.callback(
        "odradek_partition_offline", "gauge", "1 for a partition that takes no writes, with the reason",
        (*_BY_PARTITION, "reason"),
        lambda: [((p.topic, str(p.index), p.log.offline_reason or ""), 1.0) for p in state.partitions
                 if p.log.offline_reason is not None],
    )  # fmt: skip
    single(
        "odradek_under_min_isr_partitions", "Partitions with fewer in-sync replicas than min.insync.replicas",
        lambda: sum(p.in_sync_count < p.log.config.min_insync_replicas for p in state.partitions),
    )  # fmt: skip
    single(
        "odradek_commits_waiting", "Produce requests that wait for the disk",
        lambda: sum(p.waiting_commit_count for p in state.partitions),
    )  # fmt: skip
    single("odradek_incremental_fetch_sessions", "Fetch sessions remembered", lambda: len(state.fetch_sessions))
    single("odradek_request_memory_bytes", "Bytes held by large requests that are arriving", lambda: server.budget.used)
    single("odradek_request_memory_limit_bytes", "odradek.memory.inflight.bytes", lambda: server.budget.capacity)
    single(
        "odradek_request_memory_waits_total", "Requests that had to wait for memory", lambda: server.budget.waits_total,
        "counter",
    )  # fmt: skip
