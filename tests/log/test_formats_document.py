"""The worked entries in docs/formats.md are what the code writes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from odradek.base.ids import uuid_from_text
from odradek.log import checkpoints, clean_shutdown, epoch_cache, meta_properties, partition_metadata, producer_snapshot
from odradek.log.offset_index import OffsetIndex
from odradek.log.producer_state import BatchMetadata, ProducerEntry
from odradek.log.time_index import TimeIndex
from odradek.records.batch import HEADER_SIZE
from odradek.records.control import ControlType, EndTransactionMarker, build_marker
from odradek.records.record import NewRecord, build_batch

DOCUMENT = (Path(__file__).parents[2] / "docs" / "formats.md").read_text("utf-8")
NOW = 1_700_000_000_000


def offset_index() -> bytes:
    index = OffsetIndex(1000, 8000)
    index.append(1041, 4200)
    return index.encoded()


def time_index() -> bytes:
    index = TimeIndex(1000, 8000)
    index.maybe_append(NOW, 1041)
    return index.encoded()


def batch() -> bytes:
    records = [NewRecord(b"k", b"hi", NOW)]
    return bytes(build_batch(records, base_offset=41, leader_epoch=3, producer_id=7, producer_epoch=0, base_sequence=12))


def marker() -> bytes:
    end = EndTransactionMarker(ControlType.COMMIT, 5)
    return bytes(build_marker(end, producer_id=7, producer_epoch=0, timestamp=NOW))[HEADER_SIZE:]


def snapshot() -> bytes:
    return producer_snapshot.encode([ProducerEntry(7, 0, last_timestamp=1000, batches=[BatchMetadata(5, 12, 2, 1000)])])


@pytest.mark.parametrize("make", [batch, marker, offset_index, time_index, snapshot])
def test_worked_bytes(make: object) -> None:
    assert callable(make)
    digits = re.sub(r"\s+", "", DOCUMENT)
    assert make().hex() in digits, make().hex(" ")


@pytest.mark.parametrize(
    "text",
    [
        checkpoints.encode_offsets({("orders", 0): 1734, ("orders", 1): 0}).decode(),
        epoch_cache.EpochCache([epoch_cache.EpochEntry(0, 0), epoch_cache.EpochEntry(3, 1734)]).encode().decode(),
        meta_properties.encode(
            meta_properties.MetaProperties("b2RyYWRlay1yZWZlcmVuYw", 1, uuid_from_text("ZERGc7kNUrm94xsp57G0Hg"))
        ).decode(),
        clean_shutdown.encode(27).decode(),
        *partition_metadata.encode(uuid_from_text("xVLhrCFTT02hiOn60KHe8Q")).decode().splitlines(),
    ],
)
def test_worked_texts(text: str) -> None:
    assert text in DOCUMENT
