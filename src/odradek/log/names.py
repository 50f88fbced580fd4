"""Names of files and directories, as Kafka gives them.

A segment's files share a stem: its base offset as 20 digits. Their suffix tells the role, a second suffix the stage
of life:

    00000000000000368769.log            00000000000000368769.log.deleted   to be removed after file.delete.delay.ms
    00000000000000368769.index          00000000000000368769.log.cleaned   being written by compaction: not valid yet
    00000000000000368769.timeindex      00000000000000368769.log.swap      compaction done, taking its place
    00000000000000368769.txnindex
    00000000000000368769.snapshot       producer state as of that offset

A partition's directory is `topic-partition`; one on its way out is `topic-partition.<32 hex digits>-delete`, the
topic cut so that the name stays within 255 bytes. The partition number is what follows the last dash: topics may
contain dashes.
"""

from __future__ import annotations

import re
from typing import Final

LOG: Final = ".log"
OFFSET_INDEX: Final = ".index"
TIME_INDEX: Final = ".timeindex"
TRANSACTION_INDEX: Final = ".txnindex"
SNAPSHOT: Final = ".snapshot"
DELETED: Final = ".deleted"
CLEANED: Final = ".cleaned"
SWAP: Final = ".swap"
DAMAGED: Final = ".damaged"  # ours: bytes that recovery set aside
TEMPORARY: Final = ".tmp"

LEADER_EPOCH_CHECKPOINT: Final = "leader-epoch-checkpoint"
PARTITION_METADATA: Final = "partition.metadata"
RECOVERY_POINT_CHECKPOINT: Final = "recovery-point-offset-checkpoint"
LOG_START_CHECKPOINT: Final = "log-start-offset-checkpoint"
REPLICATION_CHECKPOINT: Final = "replication-offset-checkpoint"
CLEANER_CHECKPOINT: Final = "cleaner-offset-checkpoint"
META_PROPERTIES: Final = "meta.properties"
CLEAN_SHUTDOWN: Final = ".kafka_cleanshutdown"
LOCK: Final = ".lock"
METADATA_DIRECTORY: Final = "__cluster_metadata-0"

_STEM: Final = re.compile(r"\A(\d{20})(\.log|\.index|\.timeindex|\.txnindex|\.snapshot)(\.deleted|\.cleaned|\.swap)?\Z")
_PARTITION: Final = re.compile(r"\A(.+)-(\d+)\Z")
_DELETED_DIRECTORY: Final = re.compile(r"\A.+-\d+\.[0-9a-f]{32}-delete\Z")
_STRAY_DIRECTORY: Final = re.compile(r"\A.+-\d+\.[0-9a-f]{32}-(stray|future)\Z")
_MAX_NAME: Final = 255
_MARK_SIZE: Final = len("." + 32 * "0" + "-delete")


def segment_file(base_offset: int, suffix: str) -> str:
    """`00000000000000000007.log` for (7, ".log")."""
    return f"{base_offset:020d}{suffix}"


def parse_segment_file(name: str) -> tuple[int, str, str] | None:
    """(base offset, role suffix, stage suffix or "") of a segment's file; None for any other name."""
    match = _STEM.match(name)
    if match is None:
        return None
    return int(match[1]), match[2], match[3] or ""


def partition_directory(topic: str, partition: int) -> str:
    return f"{topic}-{partition}"


def parse_partition_directory(name: str) -> tuple[str, int] | None:
    """(topic, partition) of a partition's directory; None for any other name, marked ones included."""
    match = _PARTITION.match(name)
    if match is None or _DELETED_DIRECTORY.match(name) or _STRAY_DIRECTORY.match(name):
        return None
    return match[1], int(match[2])


def is_deleted_directory(name: str) -> bool:
    return _DELETED_DIRECTORY.match(name) is not None


def is_stray_directory(name: str) -> bool:
    """Kafka's `-stray` and `-future` directories: none of our business, left alone."""
    return _STRAY_DIRECTORY.match(name) is not None


def deleted_directory(topic: str, partition: int, unique: bytes) -> str:
    """The name under which a deleted partition waits; `unique` is 16 bytes."""
    return _marked(topic, partition, unique, "delete")


def deleted_stem(name: str) -> str:
    """What is left of a deleted directory's name without its unique part: `deleted_stem_of` its partition."""
    return name[:-_MARK_SIZE]


def deleted_stem_of(topic: str, partition: int) -> str:
    """As `deleted_stem` of any name that `deleted_directory` gives this partition."""
    return deleted_stem(deleted_directory(topic, partition, bytes(16)))


def stray_directory(topic: str, partition: int, unique: bytes) -> str:
    """The name under which data of no known topic is kept; `unique` is 16 bytes."""
    return _marked(topic, partition, unique, "stray")


def _marked(topic: str, partition: int, unique: bytes, mark: str) -> str:
    tail = f"-{partition}.{unique.hex()}-{mark}"
    return topic[: _MAX_NAME - len(tail)] + tail
