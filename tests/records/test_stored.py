"""What recovery may find in a log file."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from odradek.records import batch
from odradek.records.batch import Verdict, check_stored
from odradek.records.record import NewRecord, build_batch

NOW = 1_700_000_000_000


def produced(*, count: int = 2, **fields: int | bool) -> bytearray:
    return build_batch([NewRecord(b"key", b"value", NOW + index) for index in range(count)], **fields)  # type: ignore[arg-type]


def put(form: str, position: int, value: int) -> Callable[[bytearray], None]:
    """Overwrite a field and mend the checksum: the fault is the field's alone."""

    def damage(data: bytearray) -> None:
        struct.pack_into(form, data, position, value)
        struct.pack_into(">I", data, 17, batch.batch_crc(data, 0, len(data)))

    return damage


def test_a_stored_batch_cut_anywhere_needs_more() -> None:
    data = produced()
    for end in range(len(data)):
        judged = check_stored(data[:end])
        assert judged.verdict is Verdict.NEED_MORE
        assert judged.size == (len(data) if end >= batch.HEADER_SIZE else batch.HEADER_SIZE)
    assert check_stored(data).verdict is Verdict.WHOLE


@pytest.mark.parametrize(
    ("damage", "verdict"),
    [
        (put(">b", 16, 3), Verdict.BAD_MAGIC),
        (put(">b", 16, 1), Verdict.OLD_MAGIC),
        (put(">i", 8, 48), Verdict.BAD_LENGTH),
        (put(">i", 8, -1), Verdict.BAD_LENGTH),
        (put(">i", 8, 2000), Verdict.BAD_LENGTH),
        (lambda data: struct.pack_into(">b", data, 70, 1), Verdict.BAD_CRC),
        (lambda data: struct.pack_into("61x", data, 0), Verdict.ZEROS),
    ],
)
def test_damage_in_a_log_is_named(damage: Callable[[bytearray], None], verdict: Verdict) -> None:
    data = produced()
    damage(data)
    judged = check_stored(b"before" + data, 6, max_batch_size=1000)
    assert judged.verdict is verdict
    assert judged.reason
