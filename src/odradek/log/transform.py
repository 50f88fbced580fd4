"""What a topic may ask of a produced batch beyond its place: a time stamp, another codec, keys on every record.

Only these look into the records or change bytes under the checksum; where a topic asks for none of them (the default)
an append never comes here. LogAppendTime touches the header alone. `compression.type` other than `producer` packs the
records again when the producer chose differently; a compacted topic without a key could never clean the record, so it
refuses it.
"""

from __future__ import annotations

from typing import Final

from odradek.log.config import PRODUCER, LogConfig
from odradek.records.batch import BatchHeader, parse_header, stamp_append_time
from odradek.records.errors import MessageTooLarge

_CODECS: Final = {"uncompressed": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}


def is_needed(config: LogConfig) -> bool:
    """Whether batches of this topic have to pass through `transform`."""
    return config.stamps_append_time or config.is_compacted or config.compression_type != PRODUCER


def transform(
    batch: bytearray | memoryview, header: BatchHeader, config: LogConfig, now_ms: int
) -> tuple[bytearray | memoryview, BatchHeader]:
    """The batch as the topic wants it, with its header. Raises InvalidRecord, MessageTooLarge. Doing it twice does no harm."""
    codec = None if config.compression_type == PRODUCER else _CODECS[config.compression_type]
    if not header.is_control and (config.is_compacted or (codec is not None and codec != header.codec)):
        batch = _repacked(batch, header, config, codec)
        header = parse_header(batch)
    if config.stamps_append_time:
        stamp_append_time(batch, now_ms)
        header = parse_header(batch)
    return batch, header


def _repacked(
    batch: bytearray | memoryview, header: BatchHeader, config: LogConfig, codec: int | None
) -> bytearray | memoryview:
    from odradek.records.recompress import recompress  # the codecs' libraries: not at start-up

    level = config.level_of(config.compression_type)
    made = recompress(batch, header, codec, level, require_keys=config.is_compacted)
    if len(made) > config.max_message_bytes:
        raise MessageTooLarge(
            f"recompressed as {config.compression_type} the batch has {len(made)} bytes, the limit is "
            f"{config.max_message_bytes} (max.message.bytes)"
        )
    return bytearray(made) if isinstance(made, bytes) else made
