"""The checkpoint files of a data directory: what they said at the start, and what the logs say now.

Recovery points are durable offsets: below them nothing has to be scanned after a crash. Log starts are only written
where DeleteRecords moved one into a segment, as Kafka does. The high watermark is, on one node, the log's end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from odradek.aio.storage import Storage
from odradek.log import checkpoints, names
from odradek.log.checkpoints import TopicPartition
from odradek.log.surroundings import logger

if TYPE_CHECKING:
    from odradek.log.log import Log


class DirectoryCheckpoints:
    """One directory's; `logs` is the manager's table, read whenever a file is written.

    Once the disk has failed (`is_halted`) nothing is written: what is in memory may promise more than the disk holds.
    """

    __slots__ = ("_directory", "_logs", "_storage", "is_halted")

    def __init__(self, storage: Storage, directory: str, logs: Mapping[TopicPartition, Log]) -> None:
        self._storage = storage
        self._directory = directory
        self._logs = logs
        self.is_halted = False

    async def read(self, name: str) -> dict[TopicPartition, int] | None:
        """None when nothing can be known: the file is missing (every start writes one) or makes no sense."""
        path = f"{self._directory}/{name}"
        try:
            return checkpoints.decode_offsets(await self._storage.read_bytes(path, limit=1 << 28))
        except FileNotFoundError:
            return None
        except checkpoints.CorruptCheckpoint as error:
            logger.warning("checkpoint cannot be read and is taken for missing", path=path, reason=str(error))
            return None

    async def write_recovery_points(self) -> None:
        """Also the high watermarks, `replication-offset-checkpoint`."""
        logs = self._logs.items()
        await self._write(names.RECOVERY_POINT_CHECKPOINT, {key: log.durable_offset for key, log in logs})
        await self._write(names.REPLICATION_CHECKPOINT, {key: log.log_end_offset for key, log in logs})

    async def write_log_starts(self) -> None:
        moved = {
            key: log.log_start_offset
            for key, log in self._logs.items()
            if log.log_start_offset > (log.segments[0].base_offset if len(log.segments) else 0)
        }
        await self._write(names.LOG_START_CHECKPOINT, moved)

    async def _write(self, name: str, offsets: Mapping[TopicPartition, int]) -> None:
        if self.is_halted:
            return
        await self._storage.write_atomically(f"{self._directory}/{name}", checkpoints.encode_offsets(offsets))
