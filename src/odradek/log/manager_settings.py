"""Broker configurations that concern all logs of a directory, as plain values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ManagerSettings:
    """Times in milliseconds; the defaults are Kafka's where Kafka has the setting.

    A running manager takes others (`LogManager.configure`); of these it heeds what Kafka lets change at run time:
    `recovery_concurrency` when logs are loaded and closed, `producer_id_expiration_ms`. Intervals hold from start to end.
    """

    recovery_concurrency: int = 2
    retention_check_interval_ms: int = 5 * 60_000
    flush_scheduler_interval_ms: int = 1000
    recovery_point_checkpoint_interval_ms: int = 60_000
    log_start_checkpoint_interval_ms: int = 60_000
    producer_id_expiration_ms: int = 86_400_000
    producer_id_expiration_check_interval_ms: int = 600_000
    max_open_segments: int = 4096
    max_index_bytes: int = 64 << 20
