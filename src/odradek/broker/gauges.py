"""Metrics that are read, not kept: sizes, offsets and states that the rooms hold anyway, looked at when a scraper asks.

The words are Kafka's (`BytesInPerSec` with a topic, `PartitionCount`, `UnderMinIsrPartitionCount` of kafka.server; `Size`,
`LogStartOffset`, `LogEndOffset` of kafka.log; `NumIncrementalFetchSessions`). What has a topic or partition for a label is
read from the partitions that are there, so that a topic's metrics go with it. `docs/metrics.md` lists all.
"""

from __future__ import annotations

from collections import Counter
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
    gauges = _Gauges(state)
    _register_topics(gauges)
    _register_partitions(gauges)
    _register_broker(gauges, state, server)


class _Gauges:
    """Ways to add a metric: of the whole broker, of each topic (the sum of its partitions), of each partition."""

    def __init__(self, state: BrokerState) -> None:
        self.partitions = state.partitions
        self.add = state.metrics.registry.callback

    def single(self, name: str, text: str, value: Callable[[], float], kind: str = "gauge") -> None:
        self.add(name, kind, text, (), lambda: [((), value())])

    def total(self, name: str, text: str, value: Callable[[Partition], float]) -> None:
        self.single(name, text, lambda: sum(value(each) for each in self.partitions))

    def by_partition(self, name: str, text: str, value: Callable[[Partition], float]) -> None:
        def read() -> _Rows:
            return [((each.topic, str(each.index)), value(each)) for each in self.partitions]

        self.add(name, "gauge", text, _BY_PARTITION, read)

    def by_topic(self, name: str, text: str, value: Callable[[Partition], int]) -> None:
        def read() -> _Rows:
            sums: Counter[str] = Counter()
            for each in self.partitions:
                sums[each.topic] += value(each)
            return [((topic,), total) for topic, total in sums.items()]

        self.add(name, "counter", text, ("topic",), read)


def _register_topics(gauges: _Gauges) -> None:
    gauges.by_topic("odradek_topics_bytes_in_total", "Bytes of record batches appended to a topic", lambda p: p.bytes_in)
    gauges.by_topic("odradek_topics_messages_in_total", "Records appended to a topic", lambda p: p.records_in)
    gauges.by_topic("odradek_topics_bytes_out_total", "Bytes of record batches fetched from a topic", lambda p: p.bytes_out)


def _register_partitions(gauges: _Gauges) -> None:
    gauges.by_partition("odradek_log_size_bytes", "Bytes of a partition's segments", lambda p: p.log.size_bytes)
    gauges.by_partition("odradek_log_start_offset", "First offset of a partition", lambda p: p.log.log_start_offset)
    gauges.by_partition("odradek_log_end_offset", "Offset after a partition's last record", lambda p: p.log.log_end_offset)
    gauges.by_partition(
        "odradek_log_durable_offset", "Offset up to which a partition is on disk", lambda p: p.log.durable_offset
    )
    gauges.total("odradek_offline_partitions", "Partitions that take no writes", lambda p: p.log.offline_reason is not None)
    gauges.add(
        "odradek_partition_offline", "gauge", "1 for a partition that takes no writes, with the reason",
        (*_BY_PARTITION, "reason"),
        lambda: [((p.topic, str(p.index), p.log.offline_reason or ""), 1.0) for p in gauges.partitions
                 if p.log.offline_reason is not None],
    )  # fmt: skip
    gauges.total(
        "odradek_under_min_isr_partitions", "Partitions with fewer in-sync replicas than min.insync.replicas",
        lambda p: p.in_sync_count < p.min_in_sync_count,
    )  # fmt: skip
    gauges.total("odradek_commits_waiting", "Produce requests that wait for the disk", lambda p: p.waiting_commit_count)


def _register_broker(gauges: _Gauges, state: BrokerState, server: Server) -> None:
    single, budget, decoded = gauges.single, server.budget, server.decoded
    single("odradek_partitions", "Partitions that this broker leads", lambda: len(state.partitions))
    single("odradek_topics", "Topics in the cluster", lambda: len(state.image.topics))
    single("odradek_incremental_fetch_sessions", "Fetch sessions remembered", lambda: len(state.fetch_sessions))
    single("odradek_request_memory_bytes", "Bytes held by large requests that are arriving", lambda: budget.used)
    single(
        "odradek_request_memory_decoded_bytes", "Reckoned for requests that are decoded and not answered", lambda: decoded.used
    )
    single("odradek_request_memory_limit_bytes", "odradek.memory.inflight.bytes", lambda: budget.capacity)
    single(
        "odradek_request_memory_waits_total",
        "Requests that had to wait for memory",
        lambda: budget.waits_total + decoded.waits_total,
        "counter",
    )
