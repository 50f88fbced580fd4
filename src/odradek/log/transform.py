"""What a topic may ask of a produced batch beyond its place: a time stamp, another codec, keys on every record.

Only these look into the records or change bytes under the checksum; where a topic asks for none of them (the default)
an append never comes here. LogAppendTime touches the header alone. `compression.type` other than `producer` packs the
records again when the producer chose differently; a compacted topic without a key could never clean the record, so it
refuses it.

How long that takes and how much memory, the sender decides: a kilobyte may unpack to gigabytes, a batch of a megabyte may hold
a million records, a second's work. So only what is small for certain is done in the turn of the loop (`transform_now`);
the rest goes to one thread for the whole process, one batch at a time, whatever partition it is for
(`transform_aside`). What a batch unpacks to is bounded by its topic's `max.message.bytes`.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from functools import cache
from typing import Final

from odradek.log.config import PRODUCER, LogConfig
from odradek.records.batch import BatchHeader, parse_header, stamp_append_time
from odradek.records.errors import DecompressedTooLarge, MessageTooLarge

# At a microsecond a record and a millisecond a megabyte, what the loop may be held for: a few milliseconds.
NOW_RECORDS_MAX: Final = 4_000
NOW_BYTES_MAX: Final = 1 << 20
# What a batch may unpack to: 64 times the largest batch of the topic, within bounds. Kafka has no such limit.
_UNPACKED_RATIO: Final = 64
_UNPACKED_MIN: Final = 64 << 20
_UNPACKED_MAX: Final = 256 << 20
_CODECS: Final = {"uncompressed": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}


def is_needed(config: LogConfig) -> bool:
    """Whether batches of this topic have to pass through `transform`."""
    return config.stamps_append_time or config.is_compacted or config.compression_type != PRODUCER


def unpacked_size_max(config: LogConfig) -> int:
    """The bytes that one batch of this topic may unpack to."""
    return min(max(_UNPACKED_RATIO * config.max_message_bytes, _UNPACKED_MIN), _UNPACKED_MAX)


def transform_now(
    batch: bytearray | memoryview, header: BatchHeader, config: LogConfig, now_ms: int
) -> tuple[bytearray | memoryview, BatchHeader] | None:
    """As `transform`, if that is quick; None when `transform_aside` is the way."""
    if header.record_count > NOW_RECORDS_MAX and _looks_inside(header, config):
        return None
    try:
        return transform(batch, header, config, now_ms, limit=NOW_BYTES_MAX)
    except DecompressedTooLarge:
        return None


async def transform_aside(
    batch: bytearray | memoryview, header: BatchHeader, config: LogConfig, now_ms: int
) -> tuple[bytearray | memoryview, BatchHeader]:
    """As `transform`, in the thread for what takes long."""
    limit = unpacked_size_max(config)
    loop = asyncio.get_running_loop()
    try:
        return await loop.run_in_executor(_thread(), lambda: transform(batch, header, config, now_ms, limit=limit))
    except DecompressedTooLarge as error:
        raise DecompressedTooLarge(f"{error}: {_UNPACKED_RATIO} times max.message.bytes, at least {_UNPACKED_MIN}") from error


@cache
def _thread() -> Executor:
    """One for the process: two batches at a time would be twice the memory."""
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="odradek-unpack")


def transform(
    batch: bytearray | memoryview, header: BatchHeader, config: LogConfig, now_ms: int, *, limit: int
) -> tuple[bytearray | memoryview, BatchHeader]:
    """The batch as the topic wants it, with its header. Doing it twice does no harm.

    Raises InvalidRecord, InvalidTimestamp, MessageTooLarge; DecompressedTooLarge beyond `limit` bytes.
    """
    if _looks_inside(header, config):
        batch = _repacked(batch, header, config, now_ms, limit)
        header = parse_header(batch)
    if config.stamps_append_time:
        stamp_append_time(batch, now_ms)
        header = parse_header(batch)
    return batch, header


def _codec_of(config: LogConfig) -> int | None:
    return None if config.compression_type == PRODUCER else _CODECS[config.compression_type]


def _looks_inside(header: BatchHeader, config: LogConfig) -> bool:
    """Whether the records themselves matter: for their keys, or since another codec packs them."""
    codec = _codec_of(config)
    return not header.is_control and (config.is_compacted or (codec is not None and codec != header.codec))


def _repacked(
    batch: bytearray | memoryview, header: BatchHeader, config: LogConfig, now_ms: int, limit: int
) -> bytearray | memoryview:
    from odradek.records.recompress import recompress  # the codecs' libraries: not at start-up
    from odradek.records.record_check import RecordRules

    rules = RecordRules(config.is_compacted)
    if not config.stamps_append_time:
        oldest, newest = now_ms - config.message_timestamp_before_max_ms, now_ms + config.message_timestamp_after_max_ms
        rules = RecordRules(config.is_compacted, oldest, newest)
    made = recompress(batch, header, _codec_of(config), config.level_of(config.compression_type), rules=rules, limit=limit)
    if len(made) > config.max_message_bytes:
        raise MessageTooLarge(
            f"recompressed as {config.compression_type} the batch has {len(made)} bytes, the limit is "
            f"{config.max_message_bytes} (max.message.bytes)"
        )
    return bytearray(made) if isinstance(made, bytes) else made
