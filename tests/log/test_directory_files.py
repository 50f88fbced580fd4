"""The three small files that say whose a directory is and how it was left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from odradek.base.ids import uuid_from_text
from odradek.log import clean_shutdown, meta_properties, partition_metadata
from odradek.log.meta_properties import CorruptMetaProperties, MetaProperties
from odradek.log.partition_metadata import CorruptPartitionMetadata

TOPIC_ID = uuid_from_text("xVLhrCFTT02hiOn60KHe8Q")


def test_partition_metadata_is_kafkas() -> None:
    file = b"version: 0\ntopic_id: xVLhrCFTT02hiOn60KHe8Q"
    assert partition_metadata.encode(TOPIC_ID) == file
    assert partition_metadata.decode(file) == partition_metadata.decode(file + b"\n") == TOPIC_ID


@pytest.mark.parametrize(
    "data", [b"", b"version: 1\ntopic_id: xVLhrCFTT02hiOn60KHe8Q", b"version: 0", b"version: 0\ntopic_id: short", b"\xff"]
)
def test_other_partition_metadata_is_corrupt(data: bytes) -> None:
    with pytest.raises(CorruptPartitionMetadata):
        partition_metadata.decode(data)


def test_meta_properties_as_kafka_writes_them() -> None:
    file = (
        b"#\n#Tue Nov 24 10:53:29 UTC 2026\nnode.id=1\ndirectory.id=ZERGc7kNUrm94xsp57G0Hg\nversion=1\n"
        b"cluster.id=b2RyYWRlay1yZWZlcmVuYw\n"
    )
    found = meta_properties.decode(file)
    assert found == MetaProperties("b2RyYWRlay1yZWZlcmVuYw", 1, uuid_from_text("ZERGc7kNUrm94xsp57G0Hg"))
    assert meta_properties.encode(found) == (
        b"#\nversion=1\ncluster.id=b2RyYWRlay1yZWZlcmVuYw\nnode.id=1\ndirectory.id=ZERGc7kNUrm94xsp57G0Hg\n"
    )


def test_version_0_is_read() -> None:
    assert meta_properties.decode(b"version=0\nbroker.id=7\n") == MetaProperties(None, 7, None, 0)
    assert meta_properties.decode(b"broker.id=7\ncluster.id=c\n") == MetaProperties("c", 7, None, 0)


@given(st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"]), min_size=1), st.integers(0, 1 << 31))
def test_any_cluster_id_survives(cluster_id: str, node_id: int) -> None:
    properties = MetaProperties(cluster_id, node_id, TOPIC_ID)
    assert meta_properties.decode(meta_properties.encode(properties)) == properties


@pytest.mark.parametrize(
    "data",
    [
        b"version=2\ncluster.id=c\nnode.id=1\n",
        b"version=1\nnode.id=1\n",
        b"version=1\ncluster.id=c\n",
        b"version=1\ncluster.id=c\nnode.id=one\n",
        b"version=1\ncluster.id=c\nnode.id=1\ndirectory.id=short\n",
        b"",
        bytes(100),
    ],
)
def test_other_meta_properties_are_corrupt(data: bytes) -> None:
    with pytest.raises(CorruptMetaProperties):
        meta_properties.decode(data)


def test_an_incomplete_identity_is_not_written() -> None:
    with pytest.raises(CorruptMetaProperties):
        meta_properties.encode(MetaProperties(None, 1))


def test_java_properties_in_all_their_forms() -> None:
    text = "! note\n a = b \nc:d\ne f\\\n   g\nh\\=i=j\\u0041\\t\n\nk\nl=\\\\\nm=n\\"
    assert meta_properties.parse_properties(text) == {
        "a": "b ",
        "c": "d",
        "e": "fg",
        "h=i": "jA\t",
        "k": "",
        "l": "\\",
        "m": "n",
    }


def test_the_clean_shutdown_mark() -> None:
    assert clean_shutdown.encode(27) == b'{"version":0,"brokerEpoch":27}'
    assert clean_shutdown.decode(clean_shutdown.encode(27)) == 27


@pytest.mark.parametrize("data", [b"", b"garbage", b"{}", b"[]", b"\xff", b'{"brokerEpoch":"x"}', b'{"brokerEpoch":null}'])
def test_a_mark_that_tells_no_epoch_is_still_a_mark(data: bytes) -> None:
    assert clean_shutdown.decode(data) == clean_shutdown.UNKNOWN_EPOCH
