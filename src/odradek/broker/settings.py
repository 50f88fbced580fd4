"""The broker's configuration as the rooms below take it: plain values.

Read at the start, with what was set at run time by then; `manager_settings` anew whenever that changes. A setting that can be
changed at run time and is not a topic's is read where it is used, from `BrokerState.config`, or is in `manager_settings`:
`tests/broker/test_dynamic_settings.py` walks them all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from odradek.coordinator.config import CoordinatorConfig
from odradek.log.manager_settings import ManagerSettings

if TYPE_CHECKING:
    from odradek.metadata.broker_config import BrokerConfig


def manager_settings(config: BrokerConfig) -> ManagerSettings:
    """What concerns all logs of a directory."""
    return ManagerSettings(
        recovery_concurrency=max(1, config.get_int("num.recovery.threads.per.data.dir")),
        retention_check_interval_ms=config.get_int("log.retention.check.interval.ms"),
        recovery_point_checkpoint_interval_ms=config.get_int("log.flush.offset.checkpoint.interval.ms"),
        log_start_checkpoint_interval_ms=config.get_int("log.flush.start.offset.checkpoint.interval.ms"),
        producer_id_expiration_ms=config.get_int("producer.id.expiration.ms"),
        producer_id_expiration_check_interval_ms=config.get_int("producer.id.expiration.check.interval.ms"),
    )


def coordinator_config(config: BrokerConfig) -> CoordinatorConfig:
    """What concerns groups."""
    return CoordinatorConfig(
        group_min_session_timeout_ms=config.get_int("group.min.session.timeout.ms"),
        group_max_session_timeout_ms=config.get_int("group.max.session.timeout.ms"),
        group_initial_rebalance_delay_ms=config.get_int("group.initial.rebalance.delay.ms"),
        group_max_size=config.get_int("group.max.size"),
        offset_metadata_max_bytes=config.get_int("offset.metadata.max.bytes"),
        offsets_retention_minutes=config.get_int("offsets.retention.minutes"),
        offsets_retention_check_interval_ms=config.get_int("offsets.retention.check.interval.ms"),
        offsets_commit_timeout_ms=config.get_int("offsets.commit.timeout.ms"),
        offsets_topic_num_partitions=config.get_int("offsets.topic.num.partitions"),
    )
