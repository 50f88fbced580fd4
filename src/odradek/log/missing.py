"""Partitions that the checkpoints know and whose directory is not there: somebody or something took the data away.

Made anew and empty, such a partition would answer as if nothing had ever been acknowledged (Apache Kafka does that). Here it
is offline, with the reason and the ways out, at every start until somebody decides: the directory is brought back, its topic is
deleted, or `odradek log repair` makes it anew where the lost one ended.

That a line means a directory is a rule of `DirectoryCheckpoints` and `LogManager`: a partition has a line only once its
directory is made and synced, and loses it before its directory is renamed. So a missing directory is nobody's deletion, with
one exception: Kafka renames first, and may be killed before it comes to the lines; then the `-delete` directory tells.

What a line says counts as data when any of the three offsets is above 0. Zeros are exact after a clean end; after any other
they are up to a checkpoint interval old, and the partition may have held records since.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

from odradek.log import names
from odradek.log.checkpoints import TopicPartition
from odradek.log.results import RecoveryReport

if TYPE_CHECKING:
    from odradek.log.log import Log

_NONE: Final[Mapping[TopicPartition, int]] = {}


class Lines(NamedTuple):
    """What the three checkpoint files of a data directory say; None for a file that is missing or makes no sense."""

    recovery_points: Mapping[TopicPartition, int] | None
    log_starts: Mapping[TopicPartition, int] | None
    high_watermarks: Mapping[TopicPartition, int] | None


class Missing(NamedTuple):
    """What is known of a partition whose directory is gone."""

    recovery_point: int
    log_start_offset: int
    high_watermark: int

    @property
    def end_offset(self) -> int:
        """Records below it have been there; there may have been more."""
        return max(self)

    @property
    def reason(self) -> str:
        """For the log, the metric, `odradek log verify` and whoever is refused."""
        held = (
            f"held offsets up to {self.end_offset}" if self.end_offset else "was there (no clean end tells that it was empty)"
        )
        return (
            f"its directory is missing, and by the checkpoints it {held}: bring the directory back, delete the topic, "
            "or accept the loss (`odradek log repair`)"
        )


def find(
    lines: Lines, there: Collection[TopicPartition], deleted: Collection[str], *, clean: bool
) -> dict[TopicPartition, Missing]:
    """The partitions that have lines and no directory, sorted. `deleted` are the names of `-delete` directories."""
    points, starts, ends = (file or _NONE for file in lines)
    stems = {names.deleted_stem(name) for name in deleted}
    found: dict[TopicPartition, Missing] = {}
    for key in sorted({*points, *starts, *ends}.difference(there)):
        gone = Missing(points.get(key, 0), starts.get(key, 0), ends.get(key, 0))
        if names.partition_directory(*key) == names.METADATA_DIRECTORY or names.deleted_stem_of(*key) in stems:
            continue
        if gone.end_offset or not clean:
            found[key] = gone
    return found


def take_offline(log: Log, gone: Missing) -> None:
    """A log without a directory: nothing is read from it, nothing written, and its cursors are what the lines said."""
    log.log_start_offset = gone.log_start_offset
    log.log_end_offset = gone.end_offset
    log.durable_offset = gone.recovery_point
    log.recovery = RecoveryReport(log.topic, log.partition, False, 0, 0, gone.reason)
    log.go_offline(gone.reason, readable=False)
