"""A partition that ran out of room: what it has to write down before it takes records again, and how it does.

Without room a partition is offline for writing and can be read. Everything that a log needs beside its records
(directory, topic id, leader epochs) is written before the first record that relies on it; where there was no room for
that, at the making of the partition or after a recovery, it is written here, and only then the partition is back. A
partition that could not even be made is one without records, so that its topic answers KAFKA_STORAGE_ERROR, not
"unknown", and needs no restart. Short of descriptors is short of room, too.

Who asks: the manager's upkeep, every second, once the file system has `MIN_FREE_BYTES`.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from odradek.log import rolling
from odradek.log.disk_errors import Reach, describe, reach
from odradek.log.loader import Known, load, write_topic_id
from odradek.log.surroundings import logger

if TYPE_CHECKING:
    from odradek.log.log import Log

MIN_FREE_BYTES: Final = 16 << 20  # a partition that ran out of space waits for at least this much
_PASSING: Final = (Reach.NO_SPACE, Reach.REQUEST)


async def make_or_wait(log: Log) -> None:
    """Make a new partition's directory and files; offline, with the reason, where that fails."""
    try:
        await _make(log)
    except OSError as error:
        log.recovery = None  # whatever of it was done, it is done again
        _go_offline(log, error, "making the partition")


async def take_topic_id(log: Log, topic_id: bytes) -> None:
    """What the metadata calls a log that was found without a topic id; a partition that cannot be read stays as it is."""
    log.topic_id = topic_id
    if log.offline_reason is None:
        try:
            await write_topic_id(log)
        except OSError as error:
            _go_offline(log, error, "writing the topic id")


def _go_offline(log: Log, error: OSError, doing: str) -> None:
    log.go_offline(describe(error, doing), readable=reach(error) in _PASSING)
    if reach(error) is Reach.DIRECTORY:
        log.failed(error, doing)


async def _make(log: Log) -> None:
    storage = log.surroundings.storage
    await log.surroundings.forget_checkpoints((log.topic, log.partition))
    await storage.make_directory(log.directory)
    await load(log, Known(True, None, None))
    await storage.sync_directory(os.path.dirname(log.directory))


def has_room(log: Log, free_bytes: int) -> bool:
    """Whether it is worth a try."""
    return free_bytes >= max(MIN_FREE_BYTES, 2 * log.config.max_message_bytes)


async def come_back(log: Log) -> None:
    """There is room again, it seems: write down what had to wait, and take records. Without room, all stays as it was."""
    async with log.turn:
        if log.offline_reason is None or not log.readable:
            return
        try:
            if log.recovery is None:
                await _make(log)
            else:
                await write_topic_id(log)
                await rolling.save_epochs(log)
        except OSError as error:
            if reach(error) not in _PASSING:
                log.failed(error, "coming back")
            return
        logger.info("partition online again", partition=log.name, was=log.offline_reason)
        log.offline_reason = None
