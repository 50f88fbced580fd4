"""A produced batch under the topic's codec, and with the topic's rules on records checked.

Most topics leave the codec to the producer (`compression.type=producer`) and are not compacted: their batches pass as they
are. Here are the others. The records themselves stay byte for byte what the producer sent: their block is unpacked, walked (the
checksum proves it arrived whole, not that it makes sense) and packed again under the other codec.
"""

from __future__ import annotations

from odradek.records.batch import BatchHeader, Buffer
from odradek.records.compression import DECOMPRESSED_SIZE_MAX, Codec, codec_of, compress
from odradek.records.record import records_block, with_block
from odradek.records.record_check import NO_RULES, RecordRules, check_records


def recompress(
    batch: Buffer,
    header: BatchHeader,
    codec: int | None,
    level: int | None = None,
    *,
    rules: RecordRules = NO_RULES,
    limit: int = DECOMPRESSED_SIZE_MAX,
) -> Buffer:
    """`batch` under `codec` (None: whatever it has), its records checked; `batch` itself when there is nothing to change.

    `level` is the codec's (`compression.<codec>.level`). Records are looked at where another codec packs them or keys are
    required. Raises `InvalidRecord`, `InvalidTimestamp`, `DecompressedTooLarge` past `limit` bytes. The result may be larger
    than `max.message.bytes`: the caller checks.
    """
    target = header.codec if codec is None else codec_of(codec)
    if target == header.codec and not rules.require_keys:
        return batch
    block = records_block(batch, header, limit=limit)
    check_records(block, header, rules)
    if target == header.codec:
        return batch
    return with_block(batch, block if target == Codec.NONE else compress(target, block, level), target)
