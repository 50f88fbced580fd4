"""What a topic's configuration means to its log: plain numbers, parsed once.

The names are Kafka's topic configs with underscores; the defaults are Kafka's. Texts, validation, sources and
synonyms belong to `metadata.topic_config`; this room only reads values, on the path of every append, so they are
attributes of a frozen object. A change of configuration replaces the object (`Log.configure`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

UNLIMITED: Final = 2**63 - 1
PRODUCER: Final = "producer"  # compression.type: keep what the producer chose
COMPACT: Final = "compact"
DELETE: Final = "delete"


@dataclass(frozen=True, slots=True)
class LogConfig:
    """Sizes in bytes, times in milliseconds; -1 is no limit where Kafka says so (retention)."""

    segment_bytes: int = 1 << 30
    segment_ms: int = 7 * 24 * 3600 * 1000
    segment_jitter_ms: int = 0
    segment_index_bytes: int = 10 << 20
    index_interval_bytes: int = 4096
    retention_bytes: int = -1
    retention_ms: int = 7 * 24 * 3600 * 1000
    max_message_bytes: int = 1048588
    flush_messages: int = UNLIMITED
    flush_ms: int = UNLIMITED
    cleanup_policy: frozenset[str] = frozenset((DELETE,))
    compression_type: str = PRODUCER
    compression_gzip_level: int = -1
    compression_lz4_level: int = 9
    compression_zstd_level: int = 3
    message_timestamp_type: str = "CreateTime"
    message_timestamp_before_max_ms: int = UNLIMITED
    message_timestamp_after_max_ms: int = 3600 * 1000
    file_delete_delay_ms: int = 60_000
    min_insync_replicas: int = 1
    delete_retention_ms: int = 24 * 3600 * 1000
    min_compaction_lag_ms: int = 0
    max_compaction_lag_ms: int = UNLIMITED
    min_cleanable_dirty_ratio: float = 0.5
    preallocate: bool = False

    @classmethod
    def of(cls, values: Mapping[str, object]) -> LogConfig:
        """From parsed values under Kafka's names (`segment.bytes`); names that mean nothing to a log are passed over."""
        known = {field.name for field in fields(cls)}
        chosen: dict[str, object] = {}
        for name, value in values.items():
            attribute = name.replace(".", "_")
            if attribute in known and value is not None:
                chosen[attribute] = frozenset(value) if isinstance(value, (list, tuple)) else value
        return cls(**chosen)  # type: ignore[arg-type]

    @property
    def is_compacted(self) -> bool:
        return COMPACT in self.cleanup_policy

    @property
    def deletes(self) -> bool:
        """Whether old segments go by time and size."""
        return DELETE in self.cleanup_policy

    @property
    def stamps_append_time(self) -> bool:
        return self.message_timestamp_type == "LogAppendTime"

    def level_of(self, codec_name: str) -> int | None:
        """The compression level that the topic asks for; None where the codec has none."""
        levels = {
            "gzip": self.compression_gzip_level,
            "lz4": self.compression_lz4_level,
            "zstd": self.compression_zstd_level,
        }
        return levels.get(codec_name)
