"""Which APIs this broker serves, and in which versions: what ApiVersions tells clients, and what dispatch lets in.

Two numbers may differ. The wire room knows the versions that can be read; `ADVERTISED_MIN` lowers what is *told* for
old clients' sake: librdkafka before 2.x refuses to compress unless Produce 0 is on offer (KAFKA-18659). A request below
what can be read gets what Kafka gives it: the connection is closed.

An API is listed when it works, so that clients choose another way where one exists, instead of running into an error.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from odradek.wire.api import APIS, ApiKey

SERVED: Final = (
    ApiKey.PRODUCE, ApiKey.FETCH, ApiKey.LIST_OFFSETS, ApiKey.METADATA, ApiKey.OFFSET_COMMIT, ApiKey.OFFSET_FETCH,
    ApiKey.FIND_COORDINATOR, ApiKey.JOIN_GROUP, ApiKey.HEARTBEAT, ApiKey.LEAVE_GROUP, ApiKey.SYNC_GROUP,
    ApiKey.DESCRIBE_GROUPS, ApiKey.LIST_GROUPS, ApiKey.API_VERSIONS, ApiKey.CREATE_TOPICS, ApiKey.DELETE_TOPICS,
    ApiKey.DELETE_RECORDS, ApiKey.INIT_PRODUCER_ID, ApiKey.OFFSET_FOR_LEADER_EPOCH, ApiKey.DESCRIBE_CONFIGS,
    ApiKey.ALTER_CONFIGS, ApiKey.DESCRIBE_LOG_DIRS, ApiKey.CREATE_PARTITIONS, ApiKey.DELETE_GROUPS,
    ApiKey.INCREMENTAL_ALTER_CONFIGS, ApiKey.OFFSET_DELETE, ApiKey.DESCRIBE_CLUSTER, ApiKey.LIST_CONFIG_RESOURCES,
    ApiKey.DESCRIBE_TOPIC_PARTITIONS,
)  # fmt: skip

ADVERTISED_MIN: Final[dict[int, int]] = {ApiKey.PRODUCE: 0, ApiKey.JOIN_GROUP: 0}

# KIP-939 (two-phase commit) is not finished in Kafka: its broker does not offer this version either.
SERVED_MAX: Final[dict[int, int]] = {ApiKey.INIT_PRODUCER_ID: 5}


class ServedRange(NamedTuple):
    """`advertised_min <= min <= max`; a request is read from `min` on."""

    api_key: int
    advertised_min: int
    min: int
    max: int


RANGES: Final[dict[int, ServedRange]] = {
    key: ServedRange(
        key, min(ADVERTISED_MIN.get(key, APIS[key].min_version), APIS[key].min_version), APIS[key].min_version,
        SERVED_MAX.get(key, APIS[key].max_version),
    )
    for key in SERVED
}  # fmt: skip
